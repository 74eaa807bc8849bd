"""A statement as a driver takes it: SQL once, then only its arguments and rows each time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import Dialect

from gateway.storage.database import Row

Statement = sa.Select[Any] | sa.Insert | sa.Update | sa.Delete
_Convert = Callable[[Any], Any] | None


class Compiled:
    """SQL with positional placeholders, and how values go in and come out."""

    def __init__(self, statement: Statement, dialect: Dialect) -> None:
        compiled = statement.compile(dialect=dialect)
        self.statement = statement
        self.sql = str(compiled)
        self._slots = [
            (name, bind.required, bind.effective_value, _to_driver(bind.type, dialect))
            for name in compiled.positiontup or ()
            for bind in (compiled.binds[name],)
        ]
        self._readers = [
            (place, reader)
            for place, column in enumerate(_columns_of(statement))
            if (reader := _from_driver(column.type, dialect)) is not None
        ]

    def arguments(self, parameters: Mapping[str, Any]) -> list[Any]:
        """Return the values for the placeholders, in their order."""
        return [
            convert(value) if convert else value
            for name, required, constant, convert in self._slots
            for value in (parameters[name] if required else constant,)
        ]

    def rows(self, fetched: Sequence[Row]) -> Sequence[Row]:
        """Return what the driver fetched as Python values of the columns' types."""
        if not self._readers:
            return fetched
        return [self._row(list(row)) for row in fetched]

    def _row(self, values: list[Any]) -> Row:
        for place, reader in self._readers:
            values[place] = reader(values[place])
        return values


class Compiler:
    """Compiles each statement once."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect
        self._compiled: dict[int, Compiled] = {}

    def __call__(self, statement: Statement) -> Compiled:
        """Return the statement for this dialect."""
        # By identity, which the kept reference makes safe: hashing a statement walks all of it.
        found = self._compiled.get(id(statement))
        if found is None:
            found = self._compiled[id(statement)] = Compiled(statement, self._dialect)
        return found


def _columns_of(statement: Statement) -> Sequence[sa.ColumnElement[Any]]:
    return tuple(statement.exported_columns)


def _to_driver(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> _Convert:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _from_driver(kind: sa.types.TypeEngine[Any], dialect: Dialect) -> _Convert:
    return kind.dialect_impl(dialect).result_processor(dialect, None)
