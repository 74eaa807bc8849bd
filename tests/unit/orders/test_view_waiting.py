"""What an order is said to wait for, row by row, and over every combination."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.domain.payment import Payment, PaymentState
from gateway.orders.decision import OrderAction
from gateway.orders.waiting import WAITING_FOR_ACTION, WAITING_FOR_PAYMENT, waiting_for
from legacy_bridge.port import DraftOrder, OrderState
from psp.port import CapturePolicy, ReviewStatus
from tests.support.payments import draft, payment

_O, _P, _R, _C = OrderState, PaymentState, ReviewStatus, CapturePolicy
_ID = payment().id
_SECOND = "pay_00000000000000000000000002"
_HELD = draft(_O.HELD, payment_id=_ID, reason="the payment is under fraud review")
_RELEASED = draft(_O.RELEASED, payment_id=_ID)
_CANCELED = draft(_O.CANCELED, reason="its payment was canceled")

_ROWS: list[tuple[str, DraftOrder, list[Payment], str]] = [
    ("no payment", draft(), [], "waiting for the shopper to pay"),
    (
        "awaiting the shopper, 3-D Secure or not",
        draft(),
        [payment(_P.AWAITING_CUSTOMER)],
        f"waiting for the shopper to confirm {_ID}",
    ),
    (
        "processing",
        draft(),
        [payment(_P.PROCESSING)],
        f"waiting for the PSP to finish {_ID}, which is processing",
    ),
    (
        "unknown",
        draft(),
        [payment(_P.OUTCOME_UNKNOWN)],
        f"waiting for the PSP's word on {_ID}, whose outcome is unknown",
    ),
    (
        "declined, and begun anew",
        draft(),
        [payment(_P.FAILED), payment(_P.AWAITING_CUSTOMER, id=_SECOND)],
        f"waiting for the shopper to confirm {_SECOND}",
    ),
    (
        "one processing beside a newer one",
        draft(),
        [payment(_P.AWAITING_CUSTOMER, id=_SECOND), payment(_P.PROCESSING)],
        f"waiting for the PSP to finish {_ID}, which is processing",
    ),
    (
        "all failed",
        draft(),
        [payment(_P.FAILED)],
        "waiting for the shopper to pay: no payment succeeded; the shopper may try again",
    ),
    (
        "authorised, at order",
        draft(),
        [payment()],
        f"waiting for the gateway to capture {_ID}: authorised, and no review is open",
    ),
    (
        "authorised, by hand",
        draft(),
        [payment(capture_policy=_C.MANUAL)],
        f"waiting for the gateway to release it for {_ID}: authorised, and captured by hand later",
    ),
    (
        "captured",
        draft(),
        [payment(_P.CAPTURED)],
        f"waiting for the gateway to release it for {_ID}: paid",
    ),
    (
        "in review, not held yet",
        draft(),
        [payment(review=_R.OPEN)],
        "waiting for the gateway to hold it: the payment is under fraud review",
    ),
    (
        "in review",
        _HELD,
        [payment(review=_R.OPEN)],
        "held because the payment is under fraud review",
    ),
    (
        "review approved",
        _HELD,
        [payment(review=_R.APPROVED)],
        f"waiting for the gateway to capture {_ID}: authorised, and no review is open",
    ),
    (
        "review rejected",
        _HELD,
        [payment(review=_R.REJECTED)],
        "waiting for the gateway to cancel it: the fraud review rejected the payment",
    ),
    ("held by others", _HELD, [], "held because the payment is under fraud review"),
    ("released by hand", draft(OrderState.RELEASED), [], "nothing: released by hand"),
    (
        "released, and reviewed since",
        _RELEASED,
        [payment(_P.CAPTURED, review=ReviewStatus.OPEN)],
        (
            f"waiting for somebody to look at {_ID}: the order was released, and its payment came "
            "under fraud review since: stop the parcel if it is here"
        ),
    ),
    ("released", _RELEASED, [payment(_P.CAPTURED)], f"nothing: released for payment {_ID}"),
    (
        "released, and paid twice",
        _RELEASED,
        [payment(_P.CAPTURED), payment(_P.CAPTURED, id=_SECOND)],
        (
            f"waiting for the gateway to give the money of {_SECOND} back: "
            "the order is released already"
        ),
    ),
    (
        "canceled",
        _CANCELED,
        [payment(_P.CANCELED)],
        "nothing: canceled because its payment was canceled",
    ),
    (
        "canceled, and authorised late",
        _CANCELED,
        [payment()],
        (
            f"waiting for the gateway to give up {_ID}, which is authorised: "
            "the order is canceled already"
        ),
    ),
]


@pytest.mark.parametrize(
    "order,payments,words", [row[1:] for row in _ROWS], ids=[r[0] for r in _ROWS]
)
def test_what_an_order_waits_for(order: DraftOrder, payments: list[Payment], words: str) -> None:
    """One sentence for customer care, in whatever order the payments come."""
    assert waiting_for(order, payments) == words
    assert waiting_for(order, payments[::-1]) == words


def test_money_that_came_back_waits_for_somebody() -> None:
    """The gateway gave it back and the PSP returned it: it will not try again."""
    words = waiting_for(_CANCELED, [payment(_P.CAPTURED)], {_ID})

    assert words == (
        f"waiting for somebody to look at {_ID}: "
        "the order is canceled already, and its money could not be given back"
    )


@pytest.mark.parametrize(
    "order_state,state,review,policy", list(product(OrderState, _P, ReviewStatus, CapturePolicy))
)
def test_there_is_a_sentence_for_everything(
    order_state: OrderState, state: PaymentState, review: ReviewStatus, policy: CapturePolicy
) -> None:
    """No combination is silent, and none leaves a gap in its sentence."""
    order = draft(order_state, payment_id=_ID, reason="why")

    words = waiting_for(order, [payment(state, review=review, capture_policy=policy)])

    assert words.startswith(("waiting for ", "held because ", "nothing: "))
    assert "{" not in words
    assert not words.endswith((" ", ":"))


def test_the_tables_are_total() -> None:
    """Every action but waiting has words, and so has every payment that may still bring money."""
    assert set(WAITING_FOR_ACTION) == set(OrderAction) - {OrderAction.WAIT}
    ended_or_paid = {_P.AUTHORIZED, _P.CAPTURED, _P.CANCELED, _P.FAILED}
    assert set(WAITING_FOR_PAYMENT) == set(_P) - ended_or_paid
