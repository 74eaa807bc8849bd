"""PostgreSQL: a unit of work is one statement, and so one round trip and one commit.

SQLAlchemy writes the SQL and keeps the pool; the statement goes through the driver's connection,
because SQLAlchemy's own execution costs as much again as the rest of the path.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import asyncpg
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import asyncpg as dialect_module
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.ext.asyncio import create_async_engine

from gateway.storage.database import Row
from gateway.storage.writes import GuardFailedError, StorageUnavailableError, Write

GUARD_SQLSTATE: Final = "PG001"
"""Raised by the function `paygate_expect_one`, which the first migration makes."""

_COMMAND_TIMEOUT_S: Final = 10.0
_POOL_TIMEOUT_S: Final = 10.0
_PLACEHOLDER: Final = re.compile(r"\$(\d+)")
_DIALECT: Final = dialect_module.dialect()


class Compiled:
    """A statement as SQL with `$n`, and the parameters that go there, in order."""

    def __init__(self, statement: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete) -> None:
        compiled = statement.compile(dialect=_DIALECT)
        self.sql = str(compiled)
        defaults = compiled.params
        processors: Mapping[str, Callable[[Any], Any]] = compiled._bind_processors  # type: ignore[attr-defined] # noqa: SLF001 - the only way to a type's conversion without executing
        self._slots = [
            (name, defaults.get(name), processors.get(name)) for name in compiled.positiontup or ()
        ]

    def arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the values for `$1`, `$2`, … of these parameters."""
        return [
            process(value) if process else value
            for name, default, process in self._slots
            for value in (parameters.get(name, default),)
        ]


class PostgresqlDatabase:
    """A PostgreSQL server, through a pool of connections."""

    def __init__(self, url: str, *, pool_size: int = 20) -> None:
        self._engine = create_async_engine(
            url,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_TIMEOUT_S,
            connect_args={"timeout": _COMMAND_TIMEOUT_S, "command_timeout": _COMMAND_TIMEOUT_S},
        )
        self._compiled: dict[int, tuple[object, Compiled]] = {}
        self._units: dict[tuple[tuple[int, str], ...], str] = {}

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """See `Database.fetch`."""
        compiled = self._compile(statement)
        async with self._connection() as connection:
            rows: Sequence[Row] = await connection.fetch(
                compiled.sql, *compiled.arguments(parameters)
            )
            return rows

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Database.commit`."""
        compiled = [self._compile(write.statement) for write in writes]
        arguments = [
            value
            for write, one in zip(writes, compiled, strict=True)
            for value in one.arguments(write.parameters)
        ]
        sql = self._unit(writes, compiled)
        async with self._connection() as connection:
            try:
                await connection.execute(sql, *arguments)
            except asyncpg.PostgresError as error:
                if error.sqlstate == GUARD_SQLSTATE:
                    raise GuardFailedError(str(error)) from None
                raise

    async def ping(self) -> None:
        """See `Database.ping`."""
        async with self._connection() as connection:
            await connection.execute("SELECT 1")

    async def close(self) -> None:
        """See `Database.close`."""
        await self._engine.dispose()

    def _compile(self, statement: sa.Select[Any] | sa.Insert | sa.Update | sa.Delete) -> Compiled:
        # Keyed by identity, which the kept reference makes safe: hashing a statement walks it.
        found = self._compiled.get(id(statement))
        if found is None:
            found = self._compiled[id(statement)] = (statement, Compiled(statement))
        return found[1]

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
        except (DBAPIError, PoolTimeoutError, OSError, asyncpg.PostgresError) as error:
            raise StorageUnavailableError(f"cannot connect: {error}") from error
        try:
            yield pooled.driver_connection
        except (
            asyncpg.PostgresConnectionError,
            asyncpg.InterfaceError,
            asyncpg.OperatorInterventionError,
            asyncpg.InsufficientResourcesError,
            TimeoutError,
            OSError,
        ) as error:
            pooled.invalidate()
            raise StorageUnavailableError(f"{type(error).__name__}: {error}") from error
        except BaseException:
            # A statement that was canceled half-way leaves the connection in a state not worth
            # guessing; one that merely failed leaves it usable, but failures are rare.
            pooled.invalidate()
            raise
        else:
            pooled.close()


def unit_sql(parts: Sequence[tuple[str, str]]) -> str:
    """Join statements into one. Each becomes a data-modifying CTE, numbered on from the one before.

    All CTEs run whatever reads them; the guards are checked by the outer select, and a guard that
    fails raises, which undoes the whole statement.
    """
    ctes: list[str] = []
    guards: list[str] = []
    offset = 0
    for number, (sql, guard) in enumerate(parts):
        highest = 0

        def renumber(match: re.Match[str], *, base: int = offset) -> str:
            nonlocal highest
            highest = max(highest, int(match[1]))
            return f"${int(match[1]) + base}"

        shifted = _PLACEHOLDER.sub(renumber, sql)
        offset += highest
        ctes.append(f"w{number} AS ({shifted} RETURNING 1)")
        if guard:
            guards.append(f"paygate_expect_one((SELECT count(*) FROM w{number}), '{guard}')")
    return f"WITH {', '.join(ctes)} SELECT {', '.join(guards) or '1'}"
