"""The back office's accounts: one movement a key, never changed, and they add up."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine

from legacy_bridge.errors import KeyReusedError
from legacy_bridge.port import AccountMovement, MovementKind
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from tests.support.payments import NOW

_MOVEMENT = AccountMovement(
    key="invoice:I-1",
    customer_id="C-1",
    order_id="O-1",
    kind=MovementKind.INVOICE_CREDIT,
    amount=Money(1999, "EUR"),
    reference="pay_1",
    booking_time=NOW,
)


def _movement(key: str = "invoice:I-1", **changes: Any) -> AccountMovement:
    return replace(_MOVEMENT, key=key, **changes)


async def _all(office: SqlBackOffice, customer_id: str = "C-1", **more: Any) -> list[str]:
    return [each.key async for each in office.list_movements(customer_id, **more)]


async def test_a_movement_is_posted_once(office: SqlBackOffice) -> None:
    """Again, at once, or booked at another time: the first one stands."""
    later = _movement(booking_time=NOW + timedelta(hours=1))
    for again in (_MOVEMENT, _MOVEMENT, later):
        await office.post_movement(again)
    await asyncio.gather(*(office.post_movement(_movement("k-2")) for _ in range(5)))

    assert [each async for each in office.list_movements("C-1")] == [_MOVEMENT, _movement("k-2")]
    assert await office.balance("C-1") == {"EUR": 2 * 1999}


@pytest.mark.parametrize(
    "other",
    [
        {"amount": Money(1998, "EUR")},
        {"amount": Money(1999, "USD")},
        {"customer_id": "C-2"},
        {"order_id": "O-2"},
        {"kind": MovementKind.REFUND_CREDIT},
        {"reference": "pay_2"},
    ],
)
async def test_a_key_stands_for_one_movement(office: SqlBackOffice, other: dict[str, Any]) -> None:
    """Another one under it is refused, and changes nothing."""
    await office.post_movement(_MOVEMENT)

    with pytest.raises(KeyReusedError):
        await office.post_movement(_movement(**other))

    assert await office.balance("C-1") == {"EUR": 1999}
    assert await _all(office, "C-2") == []


async def test_movements_come_in_order_of_time_page_by_page(office: SqlBackOffice) -> None:
    """Whatever the size of the pages; another shopper's are not among them."""
    keys = [f"k-{number}" for number in range(7)]
    for number, key in enumerate(keys):
        await office.post_movement(
            _movement(key, booking_time=NOW - timedelta(minutes=number // 2))
        )
    await office.post_movement(_movement("k-9", customer_id="C-2"))

    expected = ["k-6", "k-4", "k-5", "k-2", "k-3", "k-0", "k-1"]
    for size in (1, 2, 7, 200):
        assert await _all(office, page_size=size) == expected
    with pytest.raises(ValueError, match="never end"):
        await _all(office, page_size=0)


async def test_a_balance_is_by_currency(office: SqlBackOffice) -> None:
    """Credits less debits; nothing moved is no balance."""
    for movement in (
        _movement("k-1"),
        _movement("k-2", kind=MovementKind.PARCEL_DEBIT, amount=Money(500, "EUR")),
        _movement("k-3", kind=MovementKind.REFUND_DEBIT, amount=Money(300, "JPY")),
    ):
        await office.post_movement(movement)

    assert await office.balance("C-1") == {"EUR": 1499, "JPY": -300}
    assert await office.balance("C-2") == {}


@pytest.mark.parametrize(
    "change", ["UPDATE account_movements SET amount_minor = 1", "DELETE FROM account_movements"]
)
async def test_the_database_itself_lets_nobody_change_a_movement(
    database_url: str, change: str
) -> None:
    """What was wrong is put right by another movement."""
    office = SqlBackOffice.open(database_url)
    await office.create_schema()
    await office.create_schema()  # the next start finds it there
    await office.post_movement(_MOVEMENT)

    engine = create_async_engine(database_url)
    with pytest.raises(DBAPIError, match="never changed"):
        async with engine.begin() as connection:
            await connection.execute(sa.text(change))
    await engine.dispose()

    assert await office.balance("C-1") == {"EUR": 1999}
    await office.close()
