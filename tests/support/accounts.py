"""What tests ask of the financial account."""

from __future__ import annotations

from datetime import UTC, datetime

from gateway.domain.backlog import Waiting
from gateway.storage.backlog import read_backlog
from gateway.storage.database import Database


async def unposted(database: Database) -> Waiting:
    """Return how much the back office does not have yet, and since when the oldest is booked."""
    return (await read_backlog(database, [], datetime.now(UTC))).queues["account"]
