"""One place that watches every call to the database: its time, and a span inside of a trace."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

import sqlalchemy as sa
from opentelemetry.trace import Span

from gateway.canonical import current_line
from gateway.storage.database import Database, Row
from gateway.storage.writes import Write
from gateway.traces import inner_span, is_traced


class ObservedDatabase:
    """Any database; what it is asked is told by the names of tables, never by values."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """See `Database.fetch`."""
        with _Watch("fetch"):
            return await self._inner.fetch(statement, parameters)

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Database.commit`."""
        with _Watch("commit", [write.statement.table for write in writes]):
            await self._inner.commit(writes)

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """See `Database.claim`."""
        with _Watch("claim", [statement.table]):
            return await self._inner.claim(statement, parameters)

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        """See `Database.load`."""
        with _Watch("load", [table]):
            await self._inner.load(table, rows)

    async def ping(self) -> None:
        """See `Database.ping`."""
        await self._inner.ping()

    async def close(self) -> None:
        """See `Database.close`."""
        await self._inner.close()


class _Watch:
    """Watches one call. A class and no generator: it is there for every statement."""

    __slots__ = ("_operation", "_span", "_started_s", "_tables")

    def __init__(self, operation: str, tables: Sequence[sa.FromClause] = ()) -> None:
        self._operation = operation
        self._tables = tables
        self._span: AbstractContextManager[Span | None] | None = None

    def __enter__(self) -> None:
        self._started_s = time.perf_counter()
        if is_traced():
            self._span = inner_span(f"database {self._operation}")
            current = self._span.__enter__()
            if current is not None:
                names = dict.fromkeys(str(table) for table in self._tables)
                current.set_attribute("db.operation.name", self._operation)
                current.set_attribute("db.collection.name", " ".join(names))

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._span is not None:
            self._span.__exit__(kind, error, traceback)
        line = current_line()
        if line is not None:
            line.database_ms += (time.perf_counter() - self._started_s) * 1000
