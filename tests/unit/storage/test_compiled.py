"""Statements as drivers take them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy as sa
from sqlalchemy.dialects import sqlite
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.engine import Dialect

from gateway.storage.compiled import Compiled, Compiler
from gateway.storage.tables import UtcDateTime

TABLE = sa.Table(
    "things",
    sa.MetaData(),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("seen", UtcDateTime),
)
SQLITE = sqlite.dialect()
POSTGRESQL: Dialect = asyncpg.dialect()  # type: ignore[no-untyped-call] # SQLAlchemy left it untyped
NOON = datetime(2026, 3, 1, 12, 0, 0, 123457, tzinfo=UTC)
NOON_MICROSECONDS = 1772366400_123457


def test_every_parameter_says_its_type_to_postgresql() -> None:
    """Inside a CTE, PostgreSQL cannot guess the type of a parameter from where it goes."""
    update = (
        sa.update(TABLE).where(TABLE.c.id == sa.bindparam("key")).values(seen=sa.bindparam("at"))
    )

    compiled = Compiled(update, POSTGRESQL)

    assert compiled.sql == (
        "UPDATE things SET seen=$1::TIMESTAMP WITH TIME ZONE WHERE things.id = $2::VARCHAR"
    )
    assert compiled.arguments({"key": "a", "at": NOON}) == [NOON, "a"]


def test_a_missing_parameter_is_refused() -> None:
    """A forgotten value is a fault that shows, not a NULL."""
    with pytest.raises(KeyError, match="seen"):
        Compiled(sa.insert(TABLE), SQLITE).arguments({"id": "a"})


def test_a_constant_of_the_statement_stays() -> None:
    """A literal limit is a parameter to the driver, and none to the caller."""
    compiled = Compiled(sa.select(TABLE.c.id).limit(1), POSTGRESQL)

    assert compiled.arguments({}) == [1]


@pytest.mark.parametrize(
    "moment",
    [
        NOON,
        NOON.astimezone(timezone(timedelta(hours=9))),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
def test_sqlite_keeps_times_to_the_microsecond(moment: datetime) -> None:
    """A time goes in as a whole number and comes out as the same moment, in UTC."""
    (stored,) = Compiled(
        sa.select(TABLE.c.id).where(TABLE.c.seen == sa.bindparam("at")), SQLITE
    ).arguments({"at": moment})[:1]

    ((read,),) = Compiled(sa.select(TABLE.c.seen), SQLITE).rows([(stored,)])

    assert isinstance(stored, int)
    assert read == moment
    assert read.tzinfo is UTC


def test_sqlite_counts_microseconds_from_1970() -> None:
    """What a person finds in the file can be read by any tool."""
    insert = Compiled(sa.insert(TABLE), SQLITE)

    assert insert.arguments({"id": "a", "seen": NOON}) == ["a", NOON_MICROSECONDS]
    assert insert.arguments({"id": "a", "seen": None}) == ["a", None]


def test_a_time_without_a_zone_is_refused() -> None:
    """Nobody could say which moment it means."""
    insert = Compiled(sa.insert(TABLE), SQLITE)

    with pytest.raises(TypeError, match="offset-naive"):
        insert.arguments({"id": "a", "seen": NOON.replace(tzinfo=None)})


def test_a_statement_is_compiled_once() -> None:
    """The statements are constants: compiling is for the first call alone."""
    compile_ = Compiler(POSTGRESQL)
    statement = sa.select(TABLE.c.id)

    assert compile_(statement) is compile_(statement)
    assert compile_(statement) is not compile_(sa.select(TABLE.c.id))
