"""PostgreSQL that goes away, makes us wait, or is left in the middle of a unit."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import asyncpg
import pytest

from gateway.storage.payments import get_payment, insert_payment, update_payment
from gateway.storage.postgresql import PostgresqlDatabase
from gateway.storage.writes import SchemaMissingError, StorageUnavailableError
from tests.support.payments import payment

BEFORE = payment()
AFTER = replace(BEFORE, last_sequence=2, version=2)
LOCK = "SELECT 1 FROM payments FOR UPDATE"
OTHERS = "pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
WAITING = f"SELECT pid FROM {OTHERS} AND wait_event_type = 'Lock'"  # noqa: S608 - both are constants
END_OTHERS = f"SELECT bool_and(pg_terminate_backend(pid, 10000)) FROM {OTHERS}"  # noqa: S608 - as above


@pytest.fixture
def dialect() -> str:
    """The one kind of database that these tests are about."""
    return "postgresql"


@pytest.fixture
async def database(migrated_url: str) -> AsyncIterator[PostgresqlDatabase]:
    """A pool of one connection, so that a connection that is not given back shows at once."""
    opened = PostgresqlDatabase(migrated_url, pool_size=1)
    await opened.commit([insert_payment(BEFORE)])
    yield opened
    await opened.close()


@pytest.fixture
async def other(migrated_url: str) -> AsyncIterator[asyncpg.Connection]:
    """Somebody else's connection to the same database."""
    connection = await asyncpg.connect(migrated_url.replace("+asyncpg", ""))
    yield connection
    await connection.close()


async def waiting_backend(other: asyncpg.Connection, commit: asyncio.Task[None]) -> int:
    """Return the process in which a commit waits for a lock, as soon as it does."""
    while not commit.done():
        # A transaction sees the activity as it was when it first looked, until told otherwise.
        await other.execute("SELECT pg_stat_clear_snapshot()")
        if (pid := await other.fetchval(WAITING)) is not None:
            return int(pid)
        await asyncio.sleep(0.01)
    pytest.fail(f"the commit did not wait for the lock: {commit}")


async def test_an_unreachable_server_is_unavailable() -> None:
    """A refused connection is said to be one, without the credentials."""
    database = PostgresqlDatabase("postgresql+asyncpg://user:hidden@127.0.0.1:1/paygate")

    with pytest.raises(StorageUnavailableError, match="cannot connect") as caught:
        await database.ping()

    assert "hidden" not in str(caught.value)
    await database.close()


async def test_wrong_credentials_are_unavailable(migrated_url: str) -> None:
    """The server answers, and lets nobody in."""
    database = PostgresqlDatabase(migrated_url.replace("postgres:", "nobody:", 1))

    with pytest.raises(StorageUnavailableError, match="cannot connect"):
        await database.ping()
    await database.close()


async def test_a_server_that_was_restarted_is_not_noticed(
    database: PostgresqlDatabase, other: asyncpg.Connection
) -> None:
    """Connections that the server closed meanwhile are replaced before they are used."""
    await database.ping()
    assert await other.fetchval(END_OTHERS)

    assert await get_payment(database, BEFORE.id) == BEFORE


async def test_a_connection_that_breaks_in_a_unit_is_unavailable(
    database: PostgresqlDatabase, other: asyncpg.Connection
) -> None:
    """Whoever waited hears it, nothing of the unit was written, and the pool goes on."""
    transaction = other.transaction()
    await transaction.start()
    await other.execute(LOCK)
    commit = asyncio.create_task(database.commit([update_payment(AFTER, read_version=1)]))
    await other.execute("SELECT pg_terminate_backend($1)", await waiting_backend(other, commit))

    with pytest.raises(StorageUnavailableError):
        await commit

    await transaction.rollback()
    assert await get_payment(database, BEFORE.id) == BEFORE
    await database.commit([update_payment(AFTER, read_version=1)])
    assert await get_payment(database, BEFORE.id) == AFTER


async def test_a_canceled_unit_leaves_the_pool_usable(
    database: PostgresqlDatabase, other: asyncpg.Connection
) -> None:
    """The one connection of the pool is given back, and works."""
    transaction = other.transaction()
    await transaction.start()
    await other.execute(LOCK)
    commit = asyncio.create_task(database.commit([update_payment(AFTER, read_version=1)]))
    await waiting_backend(other, commit)

    commit.cancel()
    with pytest.raises(asyncio.CancelledError):
        await commit

    await transaction.rollback()
    assert await get_payment(database, BEFORE.id) in {BEFORE, AFTER}
    await database.ping()


async def test_a_lock_is_waited_for_no_longer_than_the_limit(
    migrated_url: str, database: PostgresqlDatabase, other: asyncpg.Connection
) -> None:
    """Somebody who keeps a row locked costs the caller the time limit, not more."""
    impatient = PostgresqlDatabase(migrated_url, pool_size=1, timeout_s=0.2)
    transaction = other.transaction()
    await transaction.start()
    await other.execute(LOCK)

    with pytest.raises(StorageUnavailableError):
        await impatient.commit([update_payment(AFTER, read_version=1)])

    await transaction.rollback()
    await impatient.close()


async def test_a_pool_that_is_used_up_is_unavailable(
    migrated_url: str, database: PostgresqlDatabase, other: asyncpg.Connection
) -> None:
    """Whoever gets no connection in time is told so, and the holder is not disturbed."""
    impatient = PostgresqlDatabase(migrated_url, pool_size=1, timeout_s=5)
    transaction = other.transaction()
    await transaction.start()
    await other.execute(LOCK)
    holder = asyncio.create_task(impatient.commit([update_payment(AFTER, read_version=1)]))
    await waiting_backend(other, holder)
    impatient._connections._timeout_s = 0.05  # noqa: SLF001 - the pool alone is to be impatient

    with pytest.raises(StorageUnavailableError, match="cannot connect"):
        await impatient.ping()

    await transaction.rollback()
    await holder
    assert await get_payment(impatient, BEFORE.id) == AFTER
    await impatient.close()


async def test_a_database_that_was_never_upgraded_says_so(database_url: str) -> None:
    """Reads and writes name what is missing."""
    database = PostgresqlDatabase(database_url)

    with pytest.raises(SchemaMissingError, match="payments"):
        await get_payment(database, BEFORE.id)
    with pytest.raises(SchemaMissingError, match="payments"):
        await database.commit([insert_payment(BEFORE)])
    await database.close()


async def test_writers_of_one_row_wait_for_each_other(
    database: PostgresqlDatabase, migrated_url: str
) -> None:
    """Of many that read the same version at once, exactly one writes."""
    many = PostgresqlDatabase(migrated_url, pool_size=8)
    writes = [
        many.commit([update_payment(replace(AFTER, last_sequence=number), read_version=1)])
        for number in range(8)
    ]

    results = await asyncio.gather(*writes, return_exceptions=True)

    assert results.count(None) == 1
    stored = await get_payment(many, BEFORE.id)
    assert stored == replace(AFTER, last_sequence=results.index(None))
    await many.close()
