"""SQLite: a unit of work is one IMMEDIATE transaction, its writes one after the other."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from gateway.storage.database import Row
from gateway.storage.writes import GuardFailedError, StorageUnavailableError, Write

_BUSY_TIMEOUT_MS: Final = 10_000


def sqlite_engine(url: str) -> AsyncEngine:
    """Return an engine whose connections are durable: WAL, synchronous=FULL, foreign keys on."""
    engine = create_async_engine(url)

    @sa.event.listens_for(engine.sync_engine, "connect")
    def _configure(connection: Any, _: ConnectionPoolEntry) -> None:  # noqa: ANN401 - a driver's own type
        # The driver would begin by itself, and too late; `commit` begins instead.
        connection.isolation_level = None
        cursor = connection.cursor()
        for pragma in (
            f"busy_timeout={_BUSY_TIMEOUT_MS}",
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
        ):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


class SqliteDatabase:
    """A file. One writer at a time: writers wait in line here rather than poll SQLite's lock."""

    def __init__(self, url: str) -> None:
        self._engine = sqlite_engine(url)
        self._writing = asyncio.Lock()

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """See `Database.fetch`."""
        try:
            async with self._engine.connect() as connection:
                result = await connection.execute(statement, parameters)
                return [tuple(row) for row in result]
        except (DBAPIError, sqlite3.Error) as error:
            raise StorageUnavailableError(str(error)) from error

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Database.commit`."""
        try:
            async with self._writing, self._engine.connect() as connection:
                await connection.exec_driver_sql("BEGIN IMMEDIATE")
                try:
                    for write in writes:
                        result = await connection.execute(write.statement, write.parameters)
                        if write.guard and result.rowcount != 1:
                            raise GuardFailedError(write.guard)
                except BaseException:
                    await connection.exec_driver_sql("ROLLBACK")
                    raise
                await connection.exec_driver_sql("COMMIT")
        except sa.exc.IntegrityError:
            raise
        except (DBAPIError, sqlite3.Error) as error:
            raise StorageUnavailableError(str(error)) from error

    async def ping(self) -> None:
        """See `Database.ping`."""
        await self.fetch(sa.select(sa.literal(1)), {})

    async def close(self) -> None:
        """See `Database.close`."""
        await self._engine.dispose()
