"""Streaming the orders that somebody still has to decide about."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.dialects import sqlite
from sqlalchemy.ext.asyncio import create_async_engine

from legacy_bridge.port import OrderState
from legacy_bridge.sql import SqlBackOffice
from legacy_bridge.sql.back_office import open_page
from tests.integration.legacy_bridge.conftest import START, draft

HOUR = timedelta(hours=1)


async def listed(office: SqlBackOffice, page_size: int = 200) -> list[str]:
    """Ids of the orders listed one hour after the start."""
    drafts = office.list_drafts_older_than(START + HOUR, page_size=page_size)
    return [order.order_id async for order in drafts]


async def test_drafts_and_held_orders_before_the_cutoff_are_listed(
    back_office: SqlBackOffice,
) -> None:
    """Released and canceled orders are decided; an order as old as the cutoff is not older."""
    for order_id in ("draft", "held", "released", "canceled"):
        await back_office.save_draft(draft(order_id))
    await back_office.save_draft(draft("young", stored=START + HOUR))
    await back_office.hold_order("held", payment_id="pay_1", reason="in review", key="k1")
    await back_office.release_order("released", payment_id="pay_2", key="k2")
    await back_office.cancel_order("canceled", reason="too late", key="k3")

    assert await listed(back_office) == ["draft", "held"]


@pytest.mark.parametrize("page_size", [1, 2, 3, 7, 8])
async def test_pages_join_without_gap_or_repeat(back_office: SqlBackOffice, page_size: int) -> None:
    """Orders of one instant, across a page's edge, are each listed once, oldest first."""
    for n in range(4):
        await back_office.save_draft(draft(f"new-{n}", stored=START + timedelta(microseconds=1)))
        await back_office.save_draft(draft(f"old-{n}"))

    expected = [f"{age}-{n}" for age in ("old", "new") for n in range(4)]
    assert expected == await listed(back_office, page_size)


async def test_orders_may_be_changed_while_they_are_listed(back_office: SqlBackOffice) -> None:
    """A sweeper that decides each order as it comes meets every order once and blocks nobody."""
    for n in range(7):
        await back_office.save_draft(draft(f"O-{n}"))

    met = []
    async for order in back_office.list_drafts_older_than(START + HOUR, page_size=2):
        met.append(order.order_id)
        await back_office.cancel_order(order.order_id, reason="too late", key=order.order_id)

    assert [f"O-{n}" for n in range(7)] == met
    assert await listed(back_office) == []


async def test_an_order_decided_before_its_page_is_left_out(back_office: SqlBackOffice) -> None:
    """Pages are read when they are needed, so decisions of others are seen."""
    for n in range(3):
        await back_office.save_draft(draft(f"O-{n}"))

    stream = back_office.list_drafts_older_than(START + HOUR, page_size=1)
    first = await anext(stream)
    await back_office.release_order("O-1", payment_id="pay_1", key="k1")

    assert [first.order_id, *[order.order_id async for order in stream]] == ["O-0", "O-2"]


async def test_a_page_holds_at_least_one_order(back_office: SqlBackOffice) -> None:
    """A page size that would never end is refused."""
    with pytest.raises(ValueError, match="would never end"):
        await anext(back_office.list_drafts_older_than(START, page_size=0))


async def test_a_page_is_found_by_the_index_of_open_orders(tmp_path: Path) -> None:
    """The sweeper's cost does not grow with the orders that were shipped long ago."""
    url = f"sqlite+aiosqlite:///{tmp_path / 'office.db'}"
    office = SqlBackOffice.open(url)
    await office.create_schema()
    await office.close()
    page = open_page(START, draft(), 100).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    engine = create_async_engine(url)
    async with engine.connect() as connection:
        plan = (await connection.execute(text(f"EXPLAIN QUERY PLAN {page}"))).all()
    await engine.dispose()

    [step] = [row.detail for row in plan]
    assert "USING INDEX orders_open_ix" in step
    assert OrderState.RELEASED not in str(page)
