"""Connections to the legacy database: explicit time-outs, one transaction a unit, one error."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    asynccontextmanager,
    contextmanager,
    nullcontext,
)
from typing import Any, Final

from sqlalchemy import Connection, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import DBAPIError, DisconnectionError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from legacy_bridge.errors import BackOfficeUnavailableError

DRIVERS: Final = ("sqlite+aiosqlite", "postgresql+asyncpg")
_DRIVER_SHARE: Final = 0.8
"""The driver's limits as a share of ours: its own error says more than a cancelled call."""
_WRITES: Final = "legacy_bridge_writes"


class Database:
    """One legacy database. Made in a running event loop, ended by `close`."""

    def __init__(self, url: str, *, timeout_s: float, pool_size: int) -> None:
        parsed = make_url(url)
        if parsed.drivername not in DRIVERS:
            raise ValueError(
                f"{parsed.drivername} is not served: use one of {', '.join(DRIVERS)} in the URL"
            )
        self.dialect_name = parsed.get_backend_name()
        self._timeout_s = timeout_s
        self._engine = _engine(parsed, timeout_s * _DRIVER_SHARE, pool_size)
        # One statement needs no transaction around it: one round trip instead of three. SQLite
        # begins its own, see `_sqlite_engine`.
        self._single = (
            self._engine
            if self.dialect_name == "sqlite"
            else self._engine.execution_options(isolation_level="AUTOCOMMIT")
        )
        # Made once: options for each transaction would be an engine for each.
        self._writing_engine = self._engine.execution_options(**{_WRITES: True})
        # SQLite has one writer at a time and lets the others poll: in this process they queue.
        self._writer: AbstractAsyncContextManager[object] = (
            asyncio.Lock() if self.dialect_name == "sqlite" else nullcontext()
        )

    def reading(self, operation: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """Read with one statement; raises `BackOfficeUnavailableError`, naming `operation`."""
        return self._one_statement(operation)

    def writing_at_once(self, operation: str) -> AbstractAsyncContextManager[AsyncConnection]:
        """Write with one statement, which commits by itself; raises as `writing`.

        Not on SQLite, whose writers queue: `ValueError`.
        """
        if self.dialect_name == "sqlite":
            raise ValueError(f"{operation}: SQLite writes in transactions")
        return self._one_statement(operation)

    @asynccontextmanager
    async def writing(self, operation: str) -> AsyncIterator[AsyncConnection]:
        """Open a write transaction: commits at the end, rolls back on any error.

        Raises `BackOfficeUnavailableError`, after which the commit may or may not have happened.
        """
        with _translated(operation):
            async with (
                asyncio.timeout(self._timeout_s),
                self._writer,
                self._writing_engine.begin() as connection,
            ):
                yield connection

    @asynccontextmanager
    async def _one_statement(self, operation: str) -> AsyncIterator[AsyncConnection]:
        with _translated(operation):
            async with asyncio.timeout(self._timeout_s), self._single.begin() as connection:
                yield connection

    async def close(self) -> None:
        """Close the connections."""
        await self._engine.dispose()


@contextmanager
def _translated(operation: str) -> Iterator[None]:
    """Turn whatever a driver, its pool or its socket raises into `BackOfficeUnavailableError`."""
    try:
        yield
    except (TimeoutError, PoolTimeoutError) as error:
        raise BackOfficeUnavailableError(operation, "no answer in time") from error
    except (DBAPIError, OSError) as error:
        # The driver's text may quote values of the row, so only its kind crosses over.
        cause = error.orig if isinstance(error, DBAPIError) else error
        detail = f"the database failed ({type(cause).__name__})"
        raise BackOfficeUnavailableError(operation, detail) from error


def _engine(url: URL, timeout_s: float, pool_size: int) -> AsyncEngine:
    if url.get_backend_name() == "sqlite":
        return _sqlite_engine(url, timeout_s, pool_size)
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout_s,
        connect_args={
            "timeout": timeout_s,
            "command_timeout": timeout_s,
            # The server gives up too, so that no lock outlives the caller who stopped waiting.
            "server_settings": {
                "lock_timeout": f"{round(timeout_s * 1000)}ms",
                "idle_in_transaction_session_timeout": f"{round(timeout_s * 2000)}ms",
            },
        },
    )

    @event.listens_for(engine.sync_engine, "checkout")
    def look_at(connection: Any, _record: object, _proxy: object) -> None:  # noqa: ANN401 - the driver's own type
        # The driver knows without asking: a server that was restarted closed them all. Asking
        # (`pool_pre_ping`) is three round trips before each call.
        if connection.driver_connection.is_closed():
            raise DisconnectionError

    return engine


def _sqlite_engine(url: URL, timeout_s: float, pool_size: int) -> AsyncEngine:
    if url.database in {None, "", ":memory:"}:
        raise ValueError("the back office needs a database file: sqlite+aiosqlite:///PATH")
    engine = create_async_engine(
        url, pool_size=pool_size, max_overflow=0, pool_timeout=timeout_s, pool_pre_ping=False
    )

    @event.listens_for(engine.sync_engine, "connect")
    def prepare(connection: Any, _record: object) -> None:  # noqa: ANN401 - the driver's own type
        # We begin transactions ourselves: the driver would begin them deferred, and only before
        # its first write, too late to read and write as one.
        connection.isolation_level = None
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout = {round(timeout_s * 1000)}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = FULL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        writes = connection.get_execution_options().get(_WRITES, False)
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")

    return engine
