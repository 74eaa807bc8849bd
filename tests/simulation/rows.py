"""The gateway's own tables as they stand at the end of a run."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from gateway.storage import tables
from gateway.storage.account_tables import account_postings
from gateway.storage.refund_file_tables import (
    refund_batch_lines,
    refund_batches,
    refund_movements,
)
from tests.simulation.world import World

Problem = tuple[str, str]
"""An order, or nothing, and what is wrong with it."""


@dataclass
class Rows:
    """All rows that are held against the PSPs' books, and what the house knows."""

    payments: list[Any]
    operations: list[Any]
    refunds: list[Any]
    journal: list[Any]
    inbox: list[Any]
    outbox: list[Any]
    movements: list[Any]
    batches: list[Any]
    batch_lines: list[Any]
    postings: list[Any]
    by_order: dict[str, list[Any]] = field(init=False)

    def __post_init__(self) -> None:
        grouped: dict[str, list[Any]] = defaultdict(list)
        for payment in self.payments:
            grouped[payment.order_id].append(payment)
        self.by_order = grouped


_TABLES = (
    tables.payments,
    tables.operations,
    tables.refunds,
    tables.journal,
    tables.inbox,
    tables.outbox,
    refund_movements,
    refund_batches,
    refund_batch_lines,
    account_postings,
)


async def read_rows(world: World) -> Rows:
    """Read every table."""
    return Rows(*[await _every(world, table) for table in _TABLES])


async def _every(world: World, table: sa.Table) -> list[Any]:
    names = [column.name for column in table.columns]
    found = await world.database.fetch(sa.select(*table.columns), {})
    return [_Row(dict(zip(names, row, strict=True))) for row in found]


class _Row:
    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)
