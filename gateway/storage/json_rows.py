"""Rows that travel as one JSON parameter: a batch is one statement, whatever its size.

The one thing that the dialects spell differently, besides how a unit of work is sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

from gateway.storage.tables import UtcDateTime

ROWS: Final = "rows_json"
"""Name of the parameter that holds the rows."""


class _Elements(sa.sql.functions.FunctionElement[Any]):
    """The elements of a JSON array, as a table with the column `value`."""

    name = "elements"
    inherit_cache = False


class _Member(sa.sql.expression.ColumnElement[str]):
    """The text of one member of a JSON object."""

    type = sa.Text()
    inherit_cache = False

    def __init__(self, value: sa.ColumnElement[Any], member: str) -> None:
        self.value = value
        self.member = member


@compiles(_Elements, "sqlite")
def _elements_sqlite(element: _Elements, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - the compiler's own options
    return f"json_each({compiler.process(element.clauses, **more)})"


@compiles(_Elements, "postgresql")
def _elements_postgresql(element: _Elements, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"jsonb_array_elements(CAST({compiler.process(element.clauses, **more)} AS JSONB))"


@compiles(_Member, "sqlite")
def _member_sqlite(element: _Member, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"json_extract({compiler.process(element.value, **more)}, '$.{element.member}')"


@compiles(_Member, "postgresql")
def _member_postgresql(element: _Member, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - as above
    return f"({compiler.process(element.value, **more)} ->> '{element.member}')"


class Moment(sa.sql.expression.ColumnElement[datetime]):
    """A time out of whole microseconds since 1970, as the tables keep times."""

    type = UtcDateTime
    inherit_cache = False

    def __init__(self, microseconds: sa.ColumnElement[int]) -> None:
        self.microseconds = microseconds


@compiles(Moment, "sqlite")
def _moment_sqlite(element: Moment, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - as above
    return compiler.process(element.microseconds, **more)


@compiles(Moment, "postgresql")
def _moment_postgresql(element: Moment, compiler: SQLCompiler, **more: Any) -> str:  # noqa: ANN401 - as above
    counted = compiler.process(element.microseconds, **more)
    return f"(TIMESTAMPTZ 'epoch' + {counted} * INTERVAL '1 microsecond')"


def select_rows(*columns: str, **constants: sa.ColumnElement[Any]) -> sa.Select[Any]:
    """Select the text members of the rows in parameter `ROWS`, and then constants of each."""
    rows = _Elements(sa.bindparam(ROWS, type_=sa.Text)).table_valued("value").alias("given")
    shown: list[sa.ColumnElement[Any]] = [
        *(_Member(rows.c.value, column).label(column) for column in columns),
        *(each.label(name) for name, each in constants.items()),
    ]
    return sa.select(*shown).select_from(rows)


def rows_parameter(rows: Sequence[Mapping[str, str | int]]) -> Mapping[str, str]:
    """Return the parameter that holds the rows."""
    return {ROWS: json.dumps(rows)}
