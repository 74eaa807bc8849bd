"""A back office that cannot be reached, is slow, or is set up wrongly."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy.exc import StatementError

from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.sql import SqlBackOffice
from legacy_bridge.sql.database import Database
from tests.integration.legacy_bridge.conftest import draft


async def test_an_unreachable_server_is_unavailable() -> None:
    """A refused connection names the operation and neither host nor credentials."""
    office = SqlBackOffice.open("postgresql+asyncpg://user:hidden@127.0.0.1:1/office")

    with pytest.raises(BackOfficeUnavailableError, match="find order") as caught:
        await office.find_order("O-1")

    assert "hidden" not in str(caught.value)
    assert "127.0.0.1" not in str(caught.value)
    await office.close()


async def test_missing_tables_are_unavailable(database_url: str) -> None:
    """A back office that is not set up refuses in the port's own words."""
    office = SqlBackOffice.open(database_url)

    with pytest.raises(BackOfficeUnavailableError, match="make order released"):
        await office.release_order("O-1", payment_id="pay_1", key="k1")
    await office.close()


async def test_a_locked_database_is_given_up_in_time(tmp_path: Path) -> None:
    """Another process that writes for too long costs the caller its time limit, not more."""
    path = tmp_path / "office.db"
    office = SqlBackOffice.open(f"sqlite+aiosqlite:///{path}", timeout_s=0.2)
    await office.create_schema()
    await office.save_draft(draft())
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(BackOfficeUnavailableError):
        await office.release_order("O-1", payment_id="pay_1", key="k1")
    assert draft() == await office.find_order("O-1")

    other.execute("ROLLBACK")
    other.close()
    released = await office.release_order("O-1", payment_id="pay_1", key="k1")
    assert released.payment_id == "pay_1"
    await office.close()


async def test_a_server_that_hangs_is_given_up_in_time() -> None:
    """It takes the connection and never says a word."""
    heard, hung_up = asyncio.Event(), asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set()
        await reader.read()  # until the caller hangs up
        writer.close()
        await writer.wait_closed()
        hung_up.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    office = SqlBackOffice.open(
        f"postgresql+asyncpg://office:x@127.0.0.1:{port}/office", timeout_s=0.3
    )
    async with server:
        with pytest.raises(BackOfficeUnavailableError, match="find order"):
            await office.find_order("O-1")
        assert heard.is_set()
        await office.close()
        async with asyncio.timeout(5):
            await hung_up.wait()


async def test_the_sqlite_file_survives_a_power_cut(tmp_path: Path) -> None:
    """What was answered is on the disk: write-ahead log, synced at every commit."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'office.db'}"
    database = Database(url, timeout_s=5, pool_size=1)
    async with database.reading("pragmas") as connection:
        journal = (await connection.exec_driver_sql("PRAGMA journal_mode")).scalar_one()
        synchronous = (await connection.exec_driver_sql("PRAGMA synchronous")).scalar_one()
        foreign_keys = (await connection.exec_driver_sql("PRAGMA foreign_keys")).scalar_one()
    await database.close()

    full = 2
    assert ("wal", full, 1) == (journal, synchronous, foreign_keys)


async def test_the_schema_may_be_created_again(back_office: SqlBackOffice) -> None:
    """Creating what is there changes nothing."""
    await back_office.save_draft(draft())
    await back_office.create_schema()

    assert draft() == await back_office.find_order("O-1")


@pytest.mark.parametrize(
    "url", ["sqlite:///office.db", "mysql://h/office", "sqlite+aiosqlite://", "postgresql://h/x"]
)
def test_a_url_that_cannot_be_served_is_refused_at_once(url: str) -> None:
    """The wrong driver, or a database in memory alone, is told before anything is tried."""
    with pytest.raises(ValueError, match=r"use one of|database file"):
        SqlBackOffice.open(url)


async def test_a_time_without_zone_is_refused(back_office: SqlBackOffice) -> None:
    """A naive time could be any of 24 instants; it is never stored or compared."""
    naive = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)

    with pytest.raises(StatementError, match="no time zone"):
        await anext(back_office.list_drafts_older_than(naive))
