"""SQLite that is locked, full of something else, or left in the middle of a unit."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from gateway.storage.payments import get_payment, insert_payment, update_payment
from gateway.storage.sqlite import SqliteDatabase, connect, sqlite_file
from gateway.storage.writes import SchemaMissingError, StorageUnavailableError
from tests.support.payments import payment

BEFORE = payment()
AFTER = replace(BEFORE, last_sequence=2, version=2)


@pytest.fixture
def dialect() -> str:
    """The one kind of database that these tests are about."""
    return "sqlite"


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[SqliteDatabase]:
    """A database that holds one payment."""
    opened = SqliteDatabase(migrated_url, busy_timeout_s=30)
    await opened.commit([insert_payment(BEFORE)])
    yield opened
    await opened.close()


@pytest.fixture
def other(migrated_url: str) -> Iterator[sqlite3.Connection]:
    """Somebody else's connection to the same file."""
    connection = connect(sqlite_file(migrated_url))
    yield connection
    connection.close()


async def test_a_locked_file_is_waited_for_no_longer_than_the_limit(
    migrated_url: str, database: SqliteDatabase, other: sqlite3.Connection
) -> None:
    """Another process that writes for too long costs the time limit; reads go on meanwhile."""
    impatient = SqliteDatabase(migrated_url, busy_timeout_s=0.05)
    other.execute("BEGIN IMMEDIATE")

    with pytest.raises(StorageUnavailableError, match="locked"):
        await impatient.commit([update_payment(AFTER, read_version=1)])
    assert await get_payment(impatient, BEFORE.id) == BEFORE

    other.execute("ROLLBACK")
    await impatient.commit([update_payment(AFTER, read_version=1)])
    assert await get_payment(impatient, BEFORE.id) == AFTER
    await impatient.close()


async def test_a_canceled_unit_leaves_the_database_usable(
    database: SqliteDatabase, other: sqlite3.Connection
) -> None:
    """The unit is written whole or not at all, and the writers behind it get their turn."""
    other.execute("BEGIN IMMEDIATE")
    commit = asyncio.create_task(database.commit([update_payment(AFTER, read_version=1)]))
    await asyncio.sleep(0)

    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit

    other.execute("ROLLBACK")
    await database.commit([insert_payment(payment(id="pay_2", psp_reference=""))])
    assert await get_payment(database, BEFORE.id) in {BEFORE, AFTER}


async def test_writers_of_one_row_wait_for_each_other(database: SqliteDatabase) -> None:
    """Of many that read the same version at once, exactly one writes."""
    writes = [
        database.commit([update_payment(replace(AFTER, last_sequence=number), read_version=1)])
        for number in range(8)
    ]

    results = await asyncio.gather(*writes, return_exceptions=True)

    assert results.count(None) == 1
    stored = await get_payment(database, BEFORE.id)
    assert stored == replace(AFTER, last_sequence=results.index(None))


async def test_what_was_committed_is_on_the_disk(
    database: SqliteDatabase, migrated_url: str
) -> None:
    """Write-ahead log, synced at every commit; foreign keys are checked."""
    connection = connect(sqlite_file(migrated_url))

    settings = [
        connection.execute(f"PRAGMA {name}").fetchone()
        for name in ("journal_mode", "synchronous", "foreign_keys")
    ]

    full = 2  # SQLite, PRAGMA synchronous
    assert settings == [("wal",), (full,), (1,)]
    connection.close()


async def test_a_file_that_is_no_database_is_unavailable(tmp_path: Path) -> None:
    """Neither reads nor writes touch it."""
    file = tmp_path / "letter.db"
    file.write_text("Dear Sir or Madam, " * 100)
    database = SqliteDatabase(f"sqlite+aiosqlite:///{file}")

    with pytest.raises(StorageUnavailableError, match="not a database"):
        await database.ping()
    with pytest.raises(StorageUnavailableError, match="not a database"):
        await database.commit([insert_payment(BEFORE)])
    await database.close()


async def test_a_folder_that_is_missing_is_unavailable(tmp_path: Path) -> None:
    """A database that cannot be opened is said so at its first use."""
    database = SqliteDatabase(f"sqlite+aiosqlite:///{tmp_path}/missing/paygate.db")

    with pytest.raises(StorageUnavailableError, match="unable to open"):
        await database.ping()
    await database.close()


async def test_a_database_that_was_never_upgraded_says_so(database_url: str) -> None:
    """Reads and writes name what is missing."""
    database = SqliteDatabase(database_url)

    with pytest.raises(SchemaMissingError, match="payments"):
        await get_payment(database, BEFORE.id)
    with pytest.raises(SchemaMissingError, match="payments"):
        await database.commit([insert_payment(BEFORE)])
    await database.close()


@pytest.mark.parametrize("url", ["sqlite+aiosqlite://", "sqlite+aiosqlite:///:memory:"])
async def test_a_database_in_memory_is_refused(url: str) -> None:
    """Each connection would have one of its own, and none would last."""
    with pytest.raises(ValueError, match="sqlite\\+aiosqlite:///FILE"):
        SqliteDatabase(url)
