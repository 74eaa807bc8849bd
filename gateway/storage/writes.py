"""A write: one statement of a unit of work, as a value that both dialects can send."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa


@dataclass(frozen=True, slots=True)
class Write:
    """An insert, update or delete. The statement is made once and kept, so it compiles once."""

    statement: sa.Insert | sa.Update | sa.Delete
    parameters: Mapping[str, Any]
    guard: str = ""
    """If set, exactly one row must be written, else nothing of the whole unit is, and the caller
    gets `GuardFailedError` with this name."""


class StorageUnavailableError(Exception):
    """The database does not answer: all may have been written or nothing, but never a part."""


class SchemaMissingError(Exception):
    """A table or column is not there: the database was never upgraded, or not far enough."""


class GuardFailedError(Exception):
    """A condition that the unit of work depends on does not hold; nothing was written."""

    def __init__(self, guard: str) -> None:
        super().__init__(guard)
        self.guard = guard


class AlreadyExistsError(Exception):
    """A row with the same unique key is there already; nothing was written."""

    def __init__(self, table: str) -> None:
        super().__init__(table)
        self.table = table
        """Name of the table that holds it."""
