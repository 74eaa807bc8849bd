"""A back office that refuses, hangs, loses its answers or is asked twice: one release each time."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.domain.journal import EventType
from gateway.storage.outbox import deliveries_of
from gateway.storage.tables import journal
from legacy_bridge.errors import (
    BackOfficeUnavailableError,
    KeyReusedError,
    OrderConflictError,
    OrderNotFoundError,
)
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from tests.support.rig import Rig

_RELEASED_LINES = sa.select(sa.func.count()).where(
    journal.c.type == sa.bindparam("type", EventType.ORDER_RELEASED)
)


class _MoodyOffice:
    """A back office that raises what it is told to rather than answer, before or after it acts."""

    def __init__(self, inner: SqlBackOffice) -> None:
        self._inner = inner
        self.moods: list[Callable[[DraftOrder], Exception]] = []
        self.acts = self.is_stubborn = False
        self.keys: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def release_order(self, order_id: str, *, payment_id: str, key: str) -> DraftOrder:
        self.keys.append(key)
        if not self.moods:
            return await self._inner.release_order(order_id, payment_id=payment_id, key=key)
        order = await self._inner.find_order(order_id)
        assert order is not None
        if self.acts:
            await self._inner.release_order(order_id, payment_id=payment_id, key=key)
        mood = self.moods[0] if self.is_stubborn else self.moods.pop(0)
        raise mood(order)


def _moody(rig: Rig) -> _MoodyOffice:
    office = _MoodyOffice(rig.office)
    rig.office = office  # type: ignore[assignment] # it stands in for the one it wraps
    rig.restart()
    return office


async def _lines(rig: Rig) -> int:
    ((count,),) = await rig.database.fetch(_RELEASED_LINES, {})
    return int(count)


@pytest.mark.parametrize(
    "mood",
    [
        lambda _: BackOfficeUnavailableError("release order", "no answer in time"),
        lambda order: OrderNotFoundError(order.order_id),
        lambda order: KeyReusedError(f"release:{order.order_id}"),
        lambda order: OrderConflictError(order, OrderState.RELEASED),
        lambda _: ZeroDivisionError("a fault of its own"),
    ],
    ids=["unavailable", "lost_the_order", "key_reused", "conflict_without_reason", "fault"],
)
async def test_a_refusal_is_tried_again_until_it_is_granted(
    rig: Rig, mood: Callable[[DraftOrder], Exception]
) -> None:
    """The order stays paid and due; it is released once the back office has come to its senses."""
    office = _moody(rig)
    office.moods, office.is_stubborn = [mood], True
    await rig.draft()

    await rig.paid()
    assert (await rig.order_state(), await rig.releases()) == (OrderState.DRAFT, 0)
    assert await deliveries_of(rig.database, "order-1") != []
    office.moods.clear()
    await rig.recover()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    assert (await deliveries_of(rig.database, "order-1"), await _lines(rig)) == ([], 1)
    assert rig.intents()[0]["captures"] == 1


async def test_a_release_whose_answer_was_lost_is_not_made_twice(rig: Rig) -> None:
    """It acted, and we do not know: what is sent again bears the same key, or nothing is."""
    office = _moody(rig)
    office.moods = [lambda _: BackOfficeUnavailableError("release order", "no answer in time")]
    office.acts = True
    await rig.draft()

    await rig.paid()
    await rig.recover()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    assert (len(set(office.keys)), await _lines(rig)) == (1, 1)
    assert await deliveries_of(rig.database, "order-1") == []


async def test_two_releases_at_once_are_one(rig: Rig) -> None:
    """Told by two workers in the same moment, the back office answers both and ships once."""
    office = _moody(rig)
    office.moods = [lambda _: BackOfficeUnavailableError("release order", "closed")]
    office.is_stubborn = True
    await rig.draft()
    await rig.paid()
    assert await rig.order_state() is OrderState.DRAFT
    office.moods.clear()
    handle = rig.application.order_handler.handle

    await asyncio.gather(handle("order-1"), handle("order-1"))
    await rig.recover()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    assert (len(set(office.keys)), await _lines(rig)) == (1, 1)


async def test_a_back_office_that_hangs_holds_nothing_up_for_long(rig: Rig, tmp_path: Path) -> None:
    """Its calls end by their own time-out; the gateway answers meanwhile, and releases after."""
    await rig.draft()
    impatient = SqlBackOffice.open(f"sqlite+aiosqlite:///{tmp_path}/back_office.db", timeout_s=0.3)
    patient, rig.office = rig.office, impatient
    rig.restart()
    hanging = sqlite3.connect(tmp_path / "back_office.db", isolation_level=None)
    try:
        hanging.execute("BEGIN IMMEDIATE")
        payment = await rig.paid()
        answered = await rig.application.payments.get(payment.id)
        lines = await deliveries_of(rig.database, "order-1")
        hanging.execute("ROLLBACK")
    finally:
        hanging.close()
    await rig.recover()
    await impatient.close()
    rig.office = patient

    assert answered.captured_minor == answered.amount.amount_minor
    assert [line.last_error.partition(":")[0] for line in lines][:1] == [
        "BackOfficeUnavailableError"
    ]
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
