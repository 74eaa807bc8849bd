"""PostgreSQL: a unit of work is one statement, and so one round trip and one commit.

SQLAlchemy writes the SQL and keeps the pool; the statement goes through the driver's connection,
because SQLAlchemy's own execution costs as much again as the rest of the path.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialect_module
from sqlalchemy.exc import DBAPIError, InvalidatePoolError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from gateway.storage.compiled import Compiled, Compiler
from gateway.storage.database import Row
from gateway.storage.writes import (
    AlreadyExistsError,
    GuardFailedError,
    SchemaMissingError,
    StorageUnavailableError,
    Write,
)

GUARD_SQLSTATE: Final = "PG001"
"""Raised by the function `paygate_expect_one`, which the first migration makes."""

_TIMEOUT_S: Final = 10.0
_POOL_SIZE: Final = 20
_DIALECT: Final = dialect_module.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped
_PLACEHOLDER: Final = re.compile(r"\$(\d+)")

_BROKEN: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    asyncpg.OperatorInterventionError,
    asyncpg.ReadOnlySQLTransactionError,  # a primary that has become a standby
    TimeoutError,
    OSError,
)
"""The connection is of no more use. What was sent may have been done."""
_REFUSED: Final = (
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.TransactionRollbackError,  # a deadlock, for one; sending again may do better
)
"""The server could not do it now; the connection is sound."""


class PostgresqlDatabase:
    """A PostgreSQL server, through a pool of connections.

    `timeout_s` is how long to wait for a connection, and then for an answer.
    """

    def __init__(
        self, url: str, *, pool_size: int = _POOL_SIZE, timeout_s: float = _TIMEOUT_S
    ) -> None:
        self._engine = _engine(url, pool_size, timeout_s)
        self._compile = Compiler(_DIALECT)
        self._units: dict[tuple[tuple[int, str], ...], str] = {}

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """See `Database.fetch`."""
        compiled = self._compile(statement)
        arguments = compiled.arguments(parameters)
        async with self._connection() as connection:
            return compiled.rows(await connection.fetch(compiled.sql, *arguments))

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Database.commit`."""
        if not writes:
            return
        compiled = [self._compile(write.statement) for write in writes]
        arguments = [
            value
            for write, one in zip(writes, compiled, strict=True)
            for value in one.arguments(write.parameters)
        ]
        sql = self._unit(writes, compiled)
        async with self._connection() as connection:
            await connection.execute(sql, *arguments)

    async def ping(self) -> None:
        """See `Database.ping`."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        """See `Database.close`."""
        await self._engine.dispose()

    def _unit(self, writes: Sequence[Write], compiled: Sequence[Compiled]) -> str:
        shape = tuple((id(write.statement), write.guard) for write in writes)
        sql = self._units.get(shape)
        if sql is None:
            sql = self._units[shape] = unit_sql(
                [(one.sql, write.guard) for one, write in zip(compiled, writes, strict=True)]
            )
        return sql

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        try:
            pooled = await self._engine.raw_connection()
        except (
            self._engine.dialect.loaded_dbapi.Error,  # the driver's, as the pool raises them
            DBAPIError,
            PoolTimeoutError,
            OSError,
            asyncpg.PostgresError,
            asyncpg.InterfaceError,
        ) as error:
            raise StorageUnavailableError(f"cannot connect: {_described(error)}") from error
        try:
            yield pooled.driver_connection
        except _BROKEN as error:
            pooled.invalidate()
            raise StorageUnavailableError(_described(error)) from error
        except asyncpg.PostgresError as error:
            # Outside a transaction, a statement that failed leaves nothing behind.
            pooled.close()
            raise _translated(error) from error
        except BaseException:
            # A statement that was canceled half-way leaves the connection in a state not worth
            # guessing.
            pooled.invalidate()
            raise
        else:
            pooled.close()


def _engine(url: str, pool_size: int, timeout_s: float) -> AsyncEngine:
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=timeout_s,
        connect_args={"timeout": timeout_s, "command_timeout": timeout_s},
    )

    @sa.event.listens_for(engine.sync_engine, "checkout")
    def _refuse_closed(connection: Any, *_: object) -> None:  # noqa: ANN401 - SQLAlchemy's adapter
        # Costs no round trip, and a server that was restarted closed them all.
        if connection.driver_connection.is_closed():
            raise InvalidatePoolError("the server closed the connection")

    return engine


def _translated(error: Any) -> Exception:  # noqa: ANN401 - a PostgresError, of a driver without types
    if error.sqlstate == GUARD_SQLSTATE:
        return GuardFailedError(str(error))
    if isinstance(error, asyncpg.UniqueViolationError):
        return AlreadyExistsError(error.table_name)
    if isinstance(error, asyncpg.UndefinedTableError | asyncpg.UndefinedColumnError):
        return SchemaMissingError(str(error))
    if isinstance(error, _REFUSED):
        return StorageUnavailableError(_described(error))
    return error  # type: ignore[no-any-return] # as above


def _described(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"


def unit_sql(parts: Sequence[tuple[str, str]]) -> str:
    """Join statements, each with its guard, into one. Each becomes a data-modifying CTE.

    PostgreSQL runs such CTEs when the outer select first reads them, and in no order of ours if it
    does not; so it reads every one, and they run in the order given (PostgreSQL manual, "Data-
    Modifying Statements in WITH"). All see the rows as they were before the unit, so no two of
    them may change the same row. A guard that fails raises, which undoes the whole statement.
    """
    ctes: list[str] = []
    checks: list[str] = []
    offset = 0
    for number, (sql, guard) in enumerate(parts):
        shifted, used = _renumbered(sql, offset)
        offset += used
        ctes.append(f"w{number} AS ({shifted} RETURNING 1)")
        count = f"(SELECT count(*) FROM w{number})"  # noqa: S608 - a number of ours
        checks.append(f"paygate_expect_one({count}, '{guard}')" if guard else count)
    return f"WITH {', '.join(ctes)} SELECT {', '.join(checks)}"


def _renumbered(sql: str, offset: int) -> tuple[str, int]:
    """Number the placeholders on from `offset`, and say how many there are."""
    highest = max((int(number) for number in _PLACEHOLDER.findall(sql)), default=0)
    return _PLACEHOLDER.sub(lambda match: f"${int(match[1]) + offset}", sql), highest
