"""The database as the repositories see it: read rows, or commit a list of writes as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import sqlalchemy as sa

from gateway.storage.writes import Write

Row = Sequence[Any]
"""Values in the order of the statement's columns."""


class Database(Protocol):
    """One database. Raises `StorageUnavailableError` when it does not answer."""

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        """Return the rows of a select. Raises `SchemaMissingError`."""

    async def commit(self, writes: Sequence[Write]) -> None:
        """Write all or nothing, durably, in the order given; foreign keys are checked at the end.

        No two writes may change the same row. Raises `GuardFailedError`, `AlreadyExistsError` and
        `SchemaMissingError`, with nothing written.
        """

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        """Change the rows that a statement picks by itself, durably, and return them.

        Of two that pick at the same time each gets other rows. Raises `SchemaMissingError`.
        """

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        """Append rows in bulk, all or nothing, durably: texts and whole numbers, by column.

        Raises `AlreadyExistsError` and `SchemaMissingError`, with nothing written.
        """

    async def ping(self) -> None:
        """Raise unless the database answers."""

    async def close(self) -> None:
        """Release every connection."""


def open_database(url: str) -> Database:
    """Return the database at an SQLAlchemy URL: `sqlite+aiosqlite://` or `postgresql+asyncpg://`.

    Raises `ValueError` for any other kind. Nothing is connected yet.
    """
    # Each dialect imports its own driver, so a SQLite user never loads PostgreSQL's.
    kind = sa.make_url(url).drivername
    if kind == "sqlite+aiosqlite":
        from gateway.storage.sqlite import SqliteDatabase  # noqa: PLC0415 - see above

        return SqliteDatabase(url)
    if kind == "postgresql+asyncpg":
        from gateway.storage.postgresql import PostgresqlDatabase  # noqa: PLC0415 - see above

        return PostgresqlDatabase(url)
    raise ValueError(
        f"database URL of kind {kind!r}: use sqlite+aiosqlite:///FILE or postgresql+asyncpg://…"
    )
