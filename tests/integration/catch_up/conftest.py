"""A gateway on each database, with a Stripe sandbox and a back office around it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.storage.database import Database
from tests.support.rig import Rig, running_rig


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a gateway that compares Stripe's list of events with its inbox."""
    async with running_rig(database, tmp_path) as running:
        running.without = frozenset({"sweeper"})
        running.restart()
        yield running
        await running.application.shield.drain(0)
