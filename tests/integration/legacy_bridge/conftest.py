"""A reference back office on each database, and orders to put into it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from legacy_bridge.port import DraftOrder
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money

START = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass
class Clock:
    """A clock that stands still until it is told to move."""

    now: datetime = field(default=START)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


@pytest.fixture
def clock() -> Clock:
    """The back office's clock."""
    return Clock()


@pytest.fixture
async def back_office(database_url: str, clock: Clock) -> AsyncIterator[SqlBackOffice]:
    """An empty back office."""
    office = SqlBackOffice.open(database_url, now=clock)
    try:
        await office.create_schema()
        yield office
    finally:
        await office.close()


def draft(order_id: str = "O-1", *, stored: datetime = START) -> DraftOrder:
    """A French order of 19.99 EUR."""
    return DraftOrder(
        order_id=order_id,
        customer_id="C-1",
        country_code="FR",
        total=Money(1999, "EUR"),
        create_time=stored,
        update_time=stored,
    )
