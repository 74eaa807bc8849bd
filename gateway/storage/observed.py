"""One place that watches every call to the database: its time, and a span inside of a trace."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa

from gateway.canonical import current_line
from gateway.storage.database import Database, Row
from gateway.storage.writes import Write
from gateway.traces import inner_span


class ObservedDatabase:
    """Any database; what it is asked is told by the names of tables, never by values."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """See `Database.fetch`."""
        with _watched("fetch"):
            return await self._inner.fetch(statement, parameters)

    async def commit(self, writes: Sequence[Write]) -> None:
        """See `Database.commit`."""
        with _watched("commit", [write.statement.table for write in writes]):
            await self._inner.commit(writes)

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """See `Database.claim`."""
        with _watched("claim", [statement.table]):
            return await self._inner.claim(statement, parameters)

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        """See `Database.load`."""
        with _watched("load", [table]):
            await self._inner.load(table, rows)

    async def ping(self) -> None:
        """See `Database.ping`."""
        await self._inner.ping()

    async def close(self) -> None:
        """See `Database.close`."""
        await self._inner.close()


@contextmanager
def _watched(operation: str, tables: Sequence[sa.FromClause] = ()) -> Iterator[None]:
    started_s = time.perf_counter()
    try:
        with inner_span(f"database {operation}") as current:
            if current is not None:
                names = dict.fromkeys(str(table) for table in tables)
                current.set_attribute("db.operation.name", operation)
                current.set_attribute("db.collection.name", " ".join(names))
            yield
    finally:
        line = current_line()
        if line is not None:
            line.database_ms += (time.perf_counter() - started_s) * 1000
