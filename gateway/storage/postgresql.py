"""PostgreSQL: a unit of work is one statement, and so one round trip and one commit.

SQLAlchemy writes the SQL; it goes through the driver's connection, because SQLAlchemy's own pool
and execution cost more than the rest of the path.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

import asyncpg
import sqlalchemy as sa

from gateway.storage.compiled import Compiled, Compiler
from gateway.storage.connections import DIALECT, Connections
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
        self._connections = Connections(url, size=pool_size, timeout_s=timeout_s)
        self._compile = Compiler(DIALECT)
        self._units: dict[tuple[tuple[int, str], ...], str] = {}

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """See `Database.fetch`."""
        compiled = self._compile(statement)
        return compiled.rows(await self._send(compiled.sql, compiled.arguments(parameters)))

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
        await self._send(self._unit(writes, compiled), arguments)

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """See `Database.claim`."""
        compiled = self._compile(statement)
        return compiled.rows(await self._send(compiled.sql, compiled.arguments(parameters)))

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        """See `Database.load`."""
        columns = [column.name for column in table.columns]

        async def copy(connection: asyncpg.Connection) -> Sequence[Row]:
            await connection.copy_records_to_table(table.name, records=rows, columns=columns)
            return ()

        await self._with_connection(copy)

    async def ping(self) -> None:
        """See `Database.ping`."""
        await self._send("SELECT 1", ())

    async def close(self) -> None:
        """See `Database.close`."""
        await self._connections.close()

    def _unit(self, writes: Sequence[Write], compiled: Sequence[Compiled]) -> str:
        shape = tuple((id(write.statement), write.guard) for write in writes)
        sql = self._units.get(shape)
        if sql is None:
            sql = self._units[shape] = unit_sql(
                [(one.sql, write.guard) for one, write in zip(compiled, writes, strict=True)]
            )
        return sql

    async def _send(self, sql: str, arguments: Sequence[Any]) -> Sequence[Row]:
        """Run one statement outside a transaction: if it fails it leaves nothing behind."""

        async def fetch(connection: asyncpg.Connection) -> Sequence[Row]:
            rows: Sequence[Row] = await connection.fetch(sql, *arguments)
            return rows

        return await self._with_connection(fetch)

    async def _with_connection(
        self, work: Callable[[asyncpg.Connection], Awaitable[Sequence[Row]]]
    ) -> Sequence[Row]:
        try:
            connection = await self._connections.take()
        except (asyncpg.PostgresError, *_BROKEN) as error:
            raise StorageUnavailableError(f"cannot connect: {_described(error)}") from error
        try:
            return await work(connection)
        except _BROKEN as error:
            connection.terminate()
            raise StorageUnavailableError(_described(error)) from error
        except asyncpg.PostgresError as error:
            raise _translated(error) from error
        except BaseException:
            # Canceled half-way; what the connection would answer next is not worth guessing.
            connection.terminate()
            raise
        finally:
            self._connections.give_back(connection)


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
