"""The order's state table."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from legacy_bridge.errors import OrderConflictError
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.transitions import TRANSITIONS, WISHES, Verdict, judge
from psp.money import Money

STORED = datetime(2026, 3, 1, 12, tzinfo=UTC)


def order(state: OrderState, payment_id: str = "") -> DraftOrder:
    """An order in a state."""
    return DraftOrder(
        order_id="O-1",
        customer_id="C-1",
        country_code="FR",
        total=Money(1999, "EUR"),
        create_time=STORED,
        update_time=STORED,
        state=state,
        payment_id=payment_id,
    )


def test_the_state_table_is_total() -> None:
    """Every wish in every state has a verdict, and nothing else has one."""
    assert set(product(OrderState, WISHES)) == set(TRANSITIONS)


def test_only_drafts_cannot_be_wished_for() -> None:
    """Each state but draft can be asked for."""
    assert {OrderState.DRAFT} == set(OrderState) - WISHES


@pytest.mark.parametrize("state", [OrderState.RELEASED, OrderState.CANCELED])
def test_final_states_are_never_left(state: OrderState) -> None:
    """No wish moves an order that was released or canceled."""
    assert not [wish for wish in WISHES if TRANSITIONS[state, wish] is Verdict.MOVE]


@pytest.mark.parametrize("state", list(OrderState))
def test_wishing_what_is_so_already_keeps_it(state: OrderState) -> None:
    """A wish for the state that the order has is granted and moves nothing."""
    if state in WISHES:
        assert TRANSITIONS[state, state] is Verdict.KEEP


def test_a_second_release_for_the_same_payment_keeps_the_order() -> None:
    """Releasing twice for one payment is no conflict."""
    assert judge(order(OrderState.RELEASED, "pay_1"), OrderState.RELEASED, "pay_1") is Verdict.KEEP


def test_a_second_release_for_another_payment_is_refused() -> None:
    """An order is never released for two payments: one of them has to be refunded."""
    released = order(OrderState.RELEASED, "pay_1")
    assert judge(released, OrderState.RELEASED, "pay_2") is Verdict.REFUSE


def test_a_held_order_may_be_released_for_another_payment() -> None:
    """A shopper whose first payment is in review may pay by another."""
    assert judge(order(OrderState.HELD, "pay_1"), OrderState.RELEASED, "pay_2") is Verdict.MOVE


def test_a_conflict_says_what_stood_in_the_way() -> None:
    """The error names the order, its state, its payment and the state that was wanted."""
    error = OrderConflictError(order(OrderState.RELEASED, "pay_1"), OrderState.CANCELED)
    assert str(error) == "order O-1 is released (payment pay_1) and cannot become canceled"
