"""What the sweeper decides: each row of its table, and what holds over every combination."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest

from gateway.domain.payment import PaymentState
from gateway.orders.decision import OrderAction, decide
from gateway.sweeping.decision import (
    PaymentLook,
    Situation,
    SweepAction,
    SweepAges,
    decide_sweep,
)
from legacy_bridge.port import DraftOrder, OrderState
from psp.port import CapturePolicy, FailureCategory, PspFailure, ReviewStatus
from tests.support.payments import draft, payment

_O, _P, _R, _S = OrderState, PaymentState, ReviewStatus, SweepAction
_AGES = SweepAges(timedelta(hours=1), timedelta(hours=24))
_AGE_CLASSES = {
    "young": timedelta(minutes=59),
    "old": timedelta(hours=1),
    "late": timedelta(hours=24),
}
_HELD = draft(_O.HELD, payment_id=payment().id, reason="why")
_ORDERS = {
    _O.DRAFT: draft(),
    _O.HELD: _HELD,
    _O.RELEASED: draft(_O.RELEASED, payment_id=payment().id),
    _O.CANCELED: draft(_O.CANCELED, reason="why"),
}
_SECOND = "pay_00000000000000000000000002"
_ABANDONED = PspFailure(FailureCategory.ABANDONED, "abandoned", "m", retryable=False)
_LONG = timedelta(hours=24)


def _look(state: PaymentState, review: ReviewStatus = _R.NONE, **changes: object) -> PaymentLook:
    return PaymentLook(payment(state, review=review), **changes)  # type: ignore[arg-type] # each test names fields that are there


def _decide(order: DraftOrder, looks: Sequence[PaymentLook], age: timedelta) -> str:
    decision = decide_sweep(Situation(order, looks, age), _AGES)
    assert decision.reason
    return decision.told_as


_R_ANY = tuple(_R)
_UNPAID = (_P.AWAITING_CUSTOMER, _P.PROCESSING, _P.OUTCOME_UNKNOWN)
_TABLE: dict[tuple[OrderState, PaymentState], dict[ReviewStatus, tuple[str, str]]] = {
    # (order, payment) -> by review, what is done from 1 hour on and from 24 hours on.
    (_O.DRAFT, _P.AWAITING_CUSTOMER): dict.fromkeys(_R_ANY, ("wait", "cancel_payment")),
    (_O.DRAFT, _P.PROCESSING): dict.fromkeys(_R_ANY, ("wait", "cancel_payment")),
    (_O.DRAFT, _P.OUTCOME_UNKNOWN): dict.fromkeys(_R_ANY, ("wait", "wait")),
    (_O.DRAFT, _P.AUTHORIZED): {
        _R.NONE: ("capture", "capture"),
        _R.APPROVED: ("capture", "capture"),
        _R.OPEN: ("hold", "hold"),
        _R.REJECTED: ("cancel", "cancel"),
    },
    (_O.DRAFT, _P.CAPTURED): {
        _R.NONE: ("release", "release"),
        _R.APPROVED: ("release", "release"),
        _R.OPEN: ("hold", "hold"),
        _R.REJECTED: ("cancel", "cancel"),
    },
    (_O.DRAFT, _P.CANCELED): dict.fromkeys(_R_ANY, ("cancel", "cancel")),
    (_O.DRAFT, _P.FAILED): dict.fromkeys(_R_ANY, ("cancel_order", "cancel_order")),
    (_O.HELD, _P.AWAITING_CUSTOMER): dict.fromkeys(_R_ANY, ("wait", "cancel_payment")),
    (_O.HELD, _P.PROCESSING): dict.fromkeys(_R_ANY, ("wait", "cancel_payment")),
    (_O.HELD, _P.OUTCOME_UNKNOWN): dict.fromkeys(_R_ANY, ("wait", "wait")),
    (_O.HELD, _P.AUTHORIZED): {
        _R.NONE: ("capture", "capture"),
        _R.APPROVED: ("capture", "capture"),
        _R.OPEN: ("wait", "wait"),
        _R.REJECTED: ("cancel", "cancel"),
    },
    (_O.HELD, _P.CAPTURED): {
        _R.NONE: ("release", "release"),
        _R.APPROVED: ("release", "release"),
        _R.OPEN: ("wait", "wait"),
        _R.REJECTED: ("cancel", "cancel"),
    },
    (_O.HELD, _P.CANCELED): dict.fromkeys(_R_ANY, ("cancel", "cancel")),
    (_O.HELD, _P.FAILED): dict.fromkeys(_R_ANY, ("cancel", "cancel")),
}
_ROWS = [
    pytest.param(order, state, review, age, expected, id=f"{order}-{state}-review_{review}-{age}")
    for (order, state), by_review in _TABLE.items()
    for review, (old, late) in by_review.items()
    for age, expected in {"young": "wait", "old": old, "late": late}.items()
]


@pytest.mark.parametrize("order, state, review, age, expected", _ROWS)
def test_each_row(
    order: OrderState, state: PaymentState, review: ReviewStatus, age: str, expected: str
) -> None:
    """Each open order, with a payment of each state, each review, at each age."""
    assert _decide(_ORDERS[order], [_look(state, review)], _AGE_CLASSES[age]) == expected


def test_the_table_is_total() -> None:
    """No order that is still open is missing, nor a state or review of its payment."""
    assert set(_TABLE) == set(product((_O.DRAFT, _O.HELD), _P))
    assert all(set(by_review) == set(_R) for by_review in _TABLE.values())


@pytest.mark.parametrize("age", ["old", "late"])
@pytest.mark.parametrize("order", [_O.RELEASED, _O.CANCELED])
@pytest.mark.parametrize("state, review", list(product(_P, _R)))
def test_an_order_that_is_decided_is_left_to_its_handler(
    order: OrderState, state: PaymentState, review: ReviewStatus, age: str
) -> None:
    """Released and canceled orders have no age: money decides alone."""
    look = _look(state, review)
    usual = decide(_ORDERS[order], [look.payment])

    assert _decide(_ORDERS[order], [look], _AGE_CLASSES[age]) == usual.action


_OTHERS: list[tuple[str, DraftOrder, list[PaymentLook], str, str]] = [
    ("no payment", draft(), [], "wait", "cancel_order"),
    (
        "the shopper never opened the page",
        draft(),
        [_look(_P.AWAITING_CUSTOMER, unseen=True)],
        "wait",
        "cancel_order",
    ),
    (
        "one page was never opened, and another payment is open",
        draft(),
        [
            _look(_P.AWAITING_CUSTOMER, unseen=True),
            PaymentLook(payment(_P.AWAITING_CUSTOMER, id=_SECOND)),
        ],
        "wait",
        "cancel_payment",
    ),
    (
        "a change is under way",
        draft(),
        [_look(_P.AWAITING_CUSTOMER, busy_for=timedelta(minutes=1))],
        "wait",
        "wait",
    ),
    ("a change hangs", draft(), [_look(_P.OUTCOME_UNKNOWN, busy_for=_LONG)], "alarm", "alarm"),
    (
        "a capture hangs",
        draft(),
        [PaymentLook(payment(_P.OUTCOME_UNKNOWN, authorized_minor=1999), busy_for=_LONG)],
        "alarm",
        "alarm",
    ),
    (
        "a change of the paid payment is under way",
        draft(),
        [_look(_P.AUTHORIZED, busy_for=timedelta(minutes=1))],
        "wait",
        "wait",
    ),
    (
        "the PSP does not answer",
        draft(),
        [_look(_P.AWAITING_CUSTOMER, obstacle="down")],
        "wait",
        "wait",
    ),
    (
        "paid in our books, and the PSP does not answer",
        draft(),
        [_look(_P.CAPTURED, obstacle="down")],
        "wait",
        "wait",
    ),
    (
        "failed in our books, and the PSP does not answer",
        draft(),
        [_look(_P.FAILED, obstacle="down")],
        "wait",
        "wait",
    ),
    (
        "rejected, and the PSP of another payment does not answer",
        draft(),
        [
            _look(_P.CAPTURED, _R.REJECTED),
            PaymentLook(payment(_P.FAILED, id=_SECOND), obstacle="down"),
        ],
        "wait",
        "wait",
    ),
    (
        "paid, and the PSP of another payment does not answer",
        draft(),
        [
            _look(_P.CAPTURED),
            PaymentLook(payment(_P.FAILED, id=_SECOND), obstacle="down"),
        ],
        "release",
        "release",
    ),
    (
        "a capture is on its way",
        draft(),
        [PaymentLook(payment(_P.PROCESSING, authorized_minor=1999))],
        "wait",
        "wait",
    ),
    (
        "the PSP refused to cancel",
        draft(),
        [_look(_P.AWAITING_CUSTOMER, cancel_refused=True)],
        "wait",
        "wait",
    ),
    (
        "abandoned",
        draft(),
        [PaymentLook(payment(_P.CANCELED, failure=_ABANDONED))],
        "cancel_order",
        "cancel_order",
    ),
    (
        "failed, and another is open",
        draft(),
        [_look(_P.FAILED), PaymentLook(payment(_P.AWAITING_CUSTOMER, id=_SECOND))],
        "wait",
        "cancel_payment",
    ),
    (
        "failed, and another is paid",
        draft(),
        [_look(_P.FAILED), PaymentLook(payment(_P.CAPTURED, id=_SECOND))],
        "release",
        "release",
    ),
    (
        "refunded, and another is open",
        draft(),
        [
            PaymentLook(payment(_P.CAPTURED, refunded_minor=1999)),
            PaymentLook(payment(_P.AWAITING_CUSTOMER, id=_SECOND)),
        ],
        "wait",
        "cancel_payment",
    ),
    (
        "refunded",
        draft(),
        [PaymentLook(payment(_P.CAPTURED, refunded_minor=1999))],
        "cancel",
        "cancel",
    ),
    (
        "authorised, captured by hand",
        draft(),
        [PaymentLook(payment(capture_policy=CapturePolicy.MANUAL))],
        "release",
        "release",
    ),
    (
        "held for a payment of another amount",
        _HELD,
        [PaymentLook(payment(_P.CAPTURED, captured_minor=1))],
        "wait",
        "wait",
    ),
]


@pytest.mark.parametrize(
    "order, looks, old, late", [pytest.param(*row[1:], id=row[0]) for row in _OTHERS]
)
def test_each_further_row(order: DraftOrder, looks: list[PaymentLook], old: str, late: str) -> None:
    """What one payment that was heard does not show."""
    assert _decide(order, looks, _AGE_CLASSES["old"]) == old
    assert _decide(order, looks, _AGE_CLASSES["late"]) == late
    assert _decide(order, looks, _AGE_CLASSES["young"]) == "wait"


@pytest.mark.parametrize(
    "look",
    [
        pytest.param(
            PaymentLook(payment(_P.PROCESSING, authorized_minor=1999)), id="a change on its way"
        ),
        pytest.param(_look(_P.AWAITING_CUSTOMER, cancel_refused=True), id="cancel refused"),
        pytest.param(_look(_P.AWAITING_CUSTOMER, obstacle="mismatch"), id="no word of use"),
        pytest.param(_look(_P.CAPTURED, obstacle="down"), id="no word on what would decide"),
    ],
)
def test_what_waits_for_two_days_raises_an_alarm(look: PaymentLook) -> None:
    """Twice as long as an order may stay open, somebody looks."""
    assert _decide(draft(), [look], timedelta(hours=48)) == "alarm"


_EVERYTHING = [
    (order, state, review, policy, age, flaw)
    for order, state, review, policy, age in product(_ORDERS, _P, _R, CapturePolicy, _AGE_CLASSES)
    for flaw in ("", "obstacle", "busy", "unseen", "refused")
]


def test_money_is_never_given_up_and_an_order_never_released_without() -> None:
    """Over every combination: what the sweeper adds to the handler touches no money."""
    flaws: dict[str, dict[str, object]] = {
        "": {},
        "obstacle": {"obstacle": "down"},
        "busy": {"busy_for": timedelta(seconds=1)},
        "unseen": {"unseen": True},
        "refused": {"cancel_refused": True},
    }
    for order, state, review, policy, age, flaw in _EVERYTHING:
        look = _look(state, review, **flaws[flaw])
        look = replace(look, payment=replace(look.payment, capture_policy=policy))
        situation = Situation(_ORDERS[order], [look], _AGE_CLASSES[age])
        decision = decide_sweep(situation, _AGES)

        place = (order, state, review, policy, age, flaw)
        if decision.action in {_S.CANCEL_ORDER, _S.CANCEL_PAYMENT}:
            assert state not in {_P.AUTHORIZED, _P.CAPTURED, _P.OUTCOME_UNKNOWN}, place
            assert order in {_O.DRAFT, _O.HELD}, place
        if decision.action is not _S.WAIT and decision.action is not _S.ALARM:
            assert flaw not in {"obstacle", "busy"}, place
            assert age != "young", place
        if decision.order_action is OrderAction.RELEASE:
            assert state is _P.CAPTURED or policy is CapturePolicy.MANUAL, place


def test_the_order_of_payments_does_not_matter() -> None:
    """Which payment is canceled first may differ; that one is does not."""
    looks = [_look(_P.AWAITING_CUSTOMER), PaymentLook(payment(_P.FAILED, id=_SECOND))]

    for listed in (looks, looks[::-1]):
        assert _decide(draft(), listed, _AGE_CLASSES["late"]) == "cancel_payment"
