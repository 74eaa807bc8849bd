"""A gateway on each database, with two PSP accounts and a folder of refund files."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from gateway.storage.database import Database
from tests.integration.refund_files.stage import Stage


@pytest.fixture
async def stage(database: Database, tmp_path: Path) -> AsyncIterator[Stage]:
    """Return a gateway that can crash and be started again."""
    made = Stage(database, tmp_path / "exchange")
    yield made
    await made.application.shield.drain(0)
