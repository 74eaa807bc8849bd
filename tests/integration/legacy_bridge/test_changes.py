"""Releasing, holding and canceling orders: one effect a key, one release an order."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from legacy_bridge.errors import KeyReusedError, OrderConflictError, OrderNotFoundError
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from tests.integration.legacy_bridge.conftest import Clock, draft

LATER = timedelta(minutes=5)


async def effects(office: SqlBackOffice, order_id: str = "O-1") -> list[OrderState]:
    """States that the order was really moved to, in order."""
    return [action.state for action in await office.list_actions(order_id) if action.changed]


async def test_a_release_is_stored_and_answered(back_office: SqlBackOffice, clock: Clock) -> None:
    """The released order comes back, and is what the back office holds from then on."""
    await back_office.save_draft(draft())
    clock.advance(LATER)

    released = await back_office.release_order("O-1", payment_id="pay_1", key="k1")

    expected = replace(
        draft(), state=OrderState.RELEASED, payment_id="pay_1", update_time=clock.now
    )
    assert expected == released
    assert expected == await back_office.find_order("O-1")


async def test_a_hold_keeps_payment_and_reason(back_office: SqlBackOffice) -> None:
    """A held order says for which payment and why; released, it needs no reason any more."""
    await back_office.save_draft(draft())

    held = await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k1")
    released = await back_office.release_order("O-1", payment_id="pay_1", key="k2")

    assert (held.state, held.payment_id, held.reason) == (OrderState.HELD, "pay_1", "in review")
    assert (released.state, released.reason) == (OrderState.RELEASED, "")


async def test_a_cancellation_keeps_the_payment_it_was_held_for(back_office: SqlBackOffice) -> None:
    """After a hold and a cancellation customer care still finds the payment."""
    await back_office.save_draft(draft())
    await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k1")

    canceled = await back_office.cancel_order("O-1", reason="review rejected", key="k2")

    assert (
        canceled.state,
        canceled.payment_id,
        canceled.reason,
    ) == (OrderState.CANCELED, "pay_1", "review rejected")


async def test_a_repeated_key_answers_the_same_and_does_nothing(
    back_office: SqlBackOffice, clock: Clock
) -> None:
    """The answer of the first call is repeated, also after the order has moved on."""
    await back_office.save_draft(draft())
    held = await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k1")
    clock.advance(LATER)
    released = await back_office.release_order("O-1", payment_id="pay_1", key="k2")

    again = await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k1")

    assert held == again
    assert released == await back_office.find_order("O-1")
    assert await effects(back_office) == [OrderState.HELD, OrderState.RELEASED]


async def test_a_new_key_for_the_same_state_has_no_second_effect(
    back_office: SqlBackOffice, clock: Clock
) -> None:
    """Two releases for one payment, under two keys, release once; both are in the log."""
    await back_office.save_draft(draft())
    released = await back_office.release_order("O-1", payment_id="pay_1", key="k1")
    clock.advance(LATER)

    assert released == await back_office.release_order("O-1", payment_id="pay_1", key="k2")
    assert [entry.changed for entry in await back_office.list_actions("O-1")] == [True, False]


async def test_a_second_hold_keeps_the_first_reason(back_office: SqlBackOffice) -> None:
    """An order that is held stays held for the payment and the reason it has."""
    await back_office.save_draft(draft())
    held = await back_office.hold_order("O-1", payment_id="pay_1", reason="first", key="k1")

    assert held == await back_office.hold_order("O-1", payment_id="pay_2", reason="2nd", key="k2")


@pytest.mark.parametrize(
    "arguments",
    [
        {"order_id": "O-2", "payment_id": "pay_1", "reason": "in review"},
        {"order_id": "O-1", "payment_id": "pay_2", "reason": "in review"},
        {"order_id": "O-1", "payment_id": "pay_1", "reason": "another"},
        {"order_id": "no such order", "payment_id": "pay_1", "reason": "in review"},
    ],
)
async def test_a_key_for_other_arguments_is_refused(
    back_office: SqlBackOffice, arguments: dict[str, str]
) -> None:
    """A key stands for one call; with other arguments it changes nothing."""
    await back_office.save_draft(draft())
    await back_office.save_draft(draft("O-2"))
    held = await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k1")

    with pytest.raises(KeyReusedError, match="k1"):
        await back_office.hold_order(**arguments, key="k1")

    assert held == await back_office.find_order("O-1")
    assert draft("O-2") == await back_office.find_order("O-2")


async def test_a_key_for_another_action_is_refused(back_office: SqlBackOffice) -> None:
    """The key of a hold does not cancel."""
    await back_office.save_draft(draft())
    held = await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k1")

    with pytest.raises(KeyReusedError):
        await back_office.cancel_order("O-1", reason="in review", key="k1")

    assert held == await back_office.find_order("O-1")


async def released_order(office: SqlBackOffice) -> DraftOrder:
    """Store an order and release it for pay_1."""
    await office.save_draft(draft())
    return await office.release_order("O-1", payment_id="pay_1", key="before")


async def canceled_order(office: SqlBackOffice) -> DraftOrder:
    """Store an order and cancel it."""
    await office.save_draft(draft())
    return await office.cancel_order("O-1", reason="too late", key="before")


async def test_a_released_order_is_neither_canceled_nor_held(back_office: SqlBackOffice) -> None:
    """What may be shipped stays so; the refusal carries the order and the wish."""
    released = await released_order(back_office)

    with pytest.raises(OrderConflictError) as cancellation:
        await back_office.cancel_order("O-1", reason="too late", key="k1")
    with pytest.raises(OrderConflictError) as hold:
        await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k2")

    assert (released, OrderState.CANCELED) == (cancellation.value.order, cancellation.value.wanted)
    assert (released, OrderState.HELD) == (hold.value.order, hold.value.wanted)
    assert released == await back_office.find_order("O-1")


async def test_a_canceled_order_is_neither_released_nor_held(back_office: SqlBackOffice) -> None:
    """Money that arrives for a canceled order does not revive it."""
    canceled = await canceled_order(back_office)

    with pytest.raises(OrderConflictError):
        await back_office.release_order("O-1", payment_id="pay_1", key="k1")
    with pytest.raises(OrderConflictError):
        await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k2")

    assert canceled == await back_office.find_order("O-1")
    assert await effects(back_office) == [OrderState.CANCELED]


async def test_a_refused_call_does_not_use_up_its_key(back_office: SqlBackOffice) -> None:
    """A refusal leaves no trace: the same key is judged afresh."""
    await released_order(back_office)
    for _ in range(2):
        with pytest.raises(OrderConflictError):
            await back_office.cancel_order("O-1", reason="too late", key="k1")
    await back_office.save_draft(draft("O-2"))

    canceled = await back_office.cancel_order("O-2", reason="too late", key="k1")

    assert canceled.state is OrderState.CANCELED


async def test_an_unknown_order_is_not_found(back_office: SqlBackOffice) -> None:
    """No change creates an order; looking for one answers None."""
    with pytest.raises(OrderNotFoundError, match="O-404"):
        await back_office.release_order("O-404", payment_id="pay_1", key="k1")

    assert None is await back_office.find_order("O-404")


async def test_callers_that_race_with_one_key_get_one_effect(back_office: SqlBackOffice) -> None:
    """Ten releases at once with one key: one effect, ten equal answers."""
    await back_office.save_draft(draft())

    answers = await asyncio.gather(
        *(back_office.release_order("O-1", payment_id="pay_1", key="k1") for _ in range(10))
    )

    assert len(set(answers)) == 1
    assert len(await back_office.list_actions("O-1")) == 1


async def test_callers_that_race_with_many_keys_get_one_release(
    back_office: SqlBackOffice,
) -> None:
    """Ten releases at once, each with its own key: the order is released exactly once."""
    await back_office.save_draft(draft())

    await asyncio.gather(
        *(back_office.release_order("O-1", payment_id="pay_1", key=f"k{n}") for n in range(10))
    )

    assert await effects(back_office) == [OrderState.RELEASED]


async def test_release_and_cancellation_race_to_one_end(back_office: SqlBackOffice) -> None:
    """Of a release and a cancellation at once one wins and the other is told who did."""
    for n in range(10):
        order_id = f"O-{n}"
        await back_office.save_draft(draft(order_id))
        answers = await asyncio.gather(
            back_office.release_order(order_id, payment_id="pay_1", key=f"{order_id}-r"),
            back_office.cancel_order(order_id, reason="too late", key=f"{order_id}-c"),
            return_exceptions=True,
        )
        [winner] = [answer for answer in answers if isinstance(answer, DraftOrder)]
        [loser] = [answer for answer in answers if isinstance(answer, OrderConflictError)]
        assert winner == loser.order
        assert [winner.state] == await effects(back_office, order_id)


async def test_one_key_racing_for_two_orders_moves_one(back_office: SqlBackOffice) -> None:
    """A key that two calls use at once for different orders acts for one of them alone."""
    for n in range(10):
        pair = [f"O-{n}-a", f"O-{n}-b"]
        for order_id in pair:
            await back_office.save_draft(draft(order_id))
        answers = await asyncio.gather(
            *(back_office.release_order(each, payment_id="p", key=f"k{n}") for each in pair),
            return_exceptions=True,
        )
        assert {DraftOrder, KeyReusedError} == {type(answer) for answer in answers}
        moved = [order_id for order_id in pair if await effects(back_office, order_id)]
        assert len(moved) == 1


async def test_an_orders_time_never_goes_back(back_office: SqlBackOffice, clock: Clock) -> None:
    """Whoever waited for an order, or has a slow clock, comes after those before it."""
    await back_office.save_draft(draft())
    clock.advance(LATER)
    held = await back_office.hold_order("O-1", payment_id="pay_1", reason="in review", key="k1")
    clock.advance(-LATER)

    released = await back_office.release_order("O-1", payment_id="pay_1", key="k2")

    assert released.update_time == held.update_time


async def test_a_draft_is_saved_once(back_office: SqlBackOffice) -> None:
    """A front end that sends its order again finds it as it stands, not as a draft again."""
    released = await released_order(back_office)

    assert released == await back_office.save_draft(draft())


async def test_an_order_id_belongs_to_one_order(back_office: SqlBackOffice) -> None:
    """Another order under a used id is refused and the first stays."""
    await back_office.save_draft(draft())

    with pytest.raises(KeyReusedError):
        await back_office.save_draft(replace(draft(), customer_id="C-2"))

    assert draft() == await back_office.find_order("O-1")
