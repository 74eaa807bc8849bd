"""Rows in bulk."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from gateway.storage.database import Database, open_database
from gateway.storage.reconciliation_tables import settlement_days
from gateway.storage.writes import AlreadyExistsError, SchemaMissingError
from tests.support.databases import Databases

_ALL = sa.select(settlement_days).order_by(settlement_days.c.psp_account, settlement_days.c.day)


async def _rows(database: Database) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in await database.fetch(_ALL, {})]


async def test_rows_are_loaded_as_they_are(database: Database) -> None:
    """Texts of any kind, numbers of any size."""
    rows = [("a", 1, "rec_1"), ("b\\N\t\n\"'", -(2**63), "é"), ("c", 2**63 - 1, "")]

    await database.load(settlement_days, rows)
    await database.load(settlement_days, [])

    assert await _rows(database) == rows


async def test_all_are_loaded_or_none(database: Database) -> None:
    """The last of them is there already."""
    await database.load(settlement_days, [("a", 1, "rec_1")])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.load(settlement_days, [("a", 0, "rec_2"), ("a", 1, "rec_2")])

    assert exists.value.table == "settlement_days"
    assert await _rows(database) == [("a", 1, "rec_1")]


async def test_a_table_that_is_not_there(databases: Databases, tmp_path: Any) -> None:
    """The database was never upgraded."""
    empty = open_database(databases.fresh(tmp_path, migrated=False))

    with pytest.raises(SchemaMissingError):
        await empty.load(settlement_days, [("a", 1, "rec_1")])
    await empty.close()
