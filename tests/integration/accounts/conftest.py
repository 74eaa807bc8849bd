"""A back office of its own database beside each gateway's."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.storage.database import Database
from legacy_bridge.sql import SqlBackOffice
from tests.integration.accounts.ledger import Ledger
from tests.support.databases import Databases
from tests.support.rig import Rig, running_rig


@pytest.fixture
async def office(databases: Databases, tmp_path: Path) -> AsyncIterator[SqlBackOffice]:
    """An empty back office."""
    (tmp_path / "office").mkdir()
    url = databases.fresh(tmp_path / "office", migrated=False)
    opened = SqlBackOffice.open(url)
    try:
        await opened.create_schema()
        yield opened
    finally:
        await opened.close()
        databases.drop(url)


@pytest.fixture
async def ledger(database: Database, office: SqlBackOffice) -> Ledger:
    """The account part of a gateway, and no PSP."""
    return Ledger(database, office)


@pytest.fixture
async def rig(database: Database, tmp_path: Path) -> AsyncIterator[Rig]:
    """Return a whole gateway with a Stripe sandbox and a back office around it."""
    async with running_rig(database, tmp_path) as running:
        yield running
        await running.application.shield.drain(0)
