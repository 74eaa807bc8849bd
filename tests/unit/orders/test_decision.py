"""What becomes of an order, row by row, and over every combination."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest

from gateway.domain.payment import Payment, PaymentState
from gateway.orders.decision import OrderAction, decide
from legacy_bridge.port import DraftOrder, OrderState
from psp.money import Money
from psp.port import CapturePolicy, FailureCategory, PspFailure, ReviewStatus
from tests.support.payments import draft, payment

_A, _O, _P, _R, _C = OrderAction, OrderState, PaymentState, ReviewStatus, CapturePolicy
_HELD = draft(_O.HELD, payment_id=payment().id, reason="why")
_RELEASED = draft(_O.RELEASED, payment_id=payment().id)
_ABANDONED = PspFailure(FailureCategory.ABANDONED, "abandoned", "m", retryable=False)
_SECOND = "pay_00000000000000000000000002"

_ROWS: list[tuple[str, DraftOrder, list[Payment], OrderAction]] = [
    ("no payment yet", draft(), [], _A.WAIT),
    ("awaiting the shopper", draft(), [payment(_P.AWAITING_CUSTOMER)], _A.WAIT),
    ("processing", draft(), [payment(_P.PROCESSING)], _A.WAIT),
    ("unknown", draft(), [payment(_P.OUTCOME_UNKNOWN)], _A.WAIT),
    ("authorised, at order", draft(), [payment()], _A.CAPTURE),
    ("authorised, by hand", draft(), [payment(capture_policy=_C.MANUAL)], _A.RELEASE),
    ("captured", draft(), [payment(_P.CAPTURED)], _A.RELEASE),
    (
        "captured, automatic",
        draft(),
        [payment(_P.CAPTURED, capture_policy=_C.AUTOMATIC)],
        _A.RELEASE,
    ),
    ("captured in part", draft(), [payment(_P.CAPTURED, captured_minor=1)], _A.HOLD),
    (
        "captured in part by hand",
        draft(),
        [payment(_P.CAPTURED, captured_minor=1, capture_policy=_C.MANUAL)],
        _A.RELEASE,
    ),
    ("in review, authorised", draft(), [payment(review=_R.OPEN)], _A.HOLD),
    ("in review, captured", draft(), [payment(_P.CAPTURED, review=_R.OPEN)], _A.HOLD),
    (
        "in review, by hand",
        draft(),
        [payment(review=_R.OPEN, capture_policy=_C.MANUAL)],
        _A.HOLD,
    ),
    ("still in review", _HELD, [payment(review=_R.OPEN)], _A.WAIT),
    ("approved, authorised", _HELD, [payment(review=_R.APPROVED)], _A.CAPTURE),
    ("approved, captured", _HELD, [payment(_P.CAPTURED, review=_R.APPROVED)], _A.RELEASE),
    ("rejected", _HELD, [payment(_P.CAPTURED, review=_R.REJECTED)], _A.CANCEL),
    ("rejected at once", draft(), [payment(review=_R.REJECTED)], _A.CANCEL),
    ("of another amount", draft(), [payment(_P.CAPTURED, amount=Money(1998, "EUR"))], _A.HOLD),
    ("in another currency", draft(), [payment(amount=Money(1999, "USD"))], _A.HOLD),
    ("failed", draft(), [payment(_P.FAILED)], _A.WAIT),
    ("canceled", draft(), [payment(_P.CANCELED)], _A.CANCEL),
    ("abandoned", draft(), [payment(_P.CANCELED, failure=_ABANDONED)], _A.WAIT),
    ("failed while held", _HELD, [payment(_P.FAILED)], _A.CANCEL),
    (
        "canceled, and another is open",
        draft(),
        [payment(_P.CANCELED), payment(_P.AWAITING_CUSTOMER, id=_SECOND)],
        _A.WAIT,
    ),
    (
        "failed, and another is captured",
        draft(),
        [payment(_P.FAILED), payment(_P.CAPTURED, id=_SECOND)],
        _A.RELEASE,
    ),
    ("released", _RELEASED, [payment(_P.CAPTURED)], _A.WAIT),
    (
        "released, and authorised twice",
        _RELEASED,
        [payment(_P.CAPTURED), payment(id=_SECOND)],
        _A.VOID,
    ),
    (
        "released, and paid twice",
        _RELEASED,
        [payment(_P.CAPTURED), payment(_P.CAPTURED, id=_SECOND)],
        _A.REFUND,
    ),
    (
        "released, paid twice and refunded",
        _RELEASED,
        [payment(_P.CAPTURED), payment(_P.CAPTURED, id=_SECOND, refunded_minor=1999)],
        _A.WAIT,
    ),
    (
        "refunded before it was released",
        draft(),
        [payment(_P.CAPTURED, refunded_minor=1999)],
        _A.CANCEL,
    ),
    ("refunded in part before", draft(), [payment(_P.CAPTURED, refunded_minor=1)], _A.HOLD),
    (
        "refunded, and another is captured",
        draft(),
        [payment(_P.CAPTURED, refunded_minor=1999), payment(_P.CAPTURED, id=_SECOND)],
        _A.RELEASE,
    ),
    (
        "a capture is unknown, and another is authorised",
        draft(),
        [payment(_P.OUTCOME_UNKNOWN, authorized_minor=1999), payment(id=_SECOND)],
        _A.WAIT,
    ),
    (
        "a creation is unknown, and another is authorised",
        draft(),
        [payment(_P.OUTCOME_UNKNOWN), payment(id=_SECOND)],
        _A.CAPTURE,
    ),
    ("released, then refunded", _RELEASED, [payment(_P.CAPTURED, refunded_minor=1999)], _A.WAIT),
    ("released while authorised, at order", _RELEASED, [payment()], _A.CAPTURE),
    (
        "released while authorised, by hand",
        _RELEASED,
        [payment(capture_policy=_C.MANUAL)],
        _A.WAIT,
    ),
    ("released for no payment that it names", draft(_O.RELEASED), [payment()], _A.ALARM),
    ("released for no payment at all", draft(_O.RELEASED), [payment(_P.FAILED)], _A.WAIT),
    ("released, then canceled", _RELEASED, [payment(_P.CANCELED)], _A.ALARM),
    (
        "released, then in review",
        _RELEASED,
        [payment(_P.CAPTURED, review=_R.OPEN)],
        _A.ALARM,
    ),
    (
        "released, then rejected",
        _RELEASED,
        [payment(_P.CAPTURED, review=_R.REJECTED, refunded_minor=1999)],
        _A.ALARM,
    ),
    (
        "released, then in review and approved",
        _RELEASED,
        [payment(_P.CAPTURED, review=_R.APPROVED)],
        _A.WAIT,
    ),
    (
        "released, paid twice and authorised",
        _RELEASED,
        [payment(_P.CAPTURED), payment(_P.CAPTURED, id=_SECOND), payment(id=_SECOND[:-1] + "3")],
        _A.VOID,
    ),
    ("authorised after all", draft(_O.CANCELED), [payment()], _A.VOID),
    ("paid after all", draft(_O.CANCELED), [payment(_P.CAPTURED)], _A.REFUND),
    (
        "paid after all, and given back in part",
        draft(_O.CANCELED),
        [payment(_P.CAPTURED, refunded_minor=1)],
        _A.REFUND,
    ),
    (
        "paid after all, and given back",
        draft(_O.CANCELED),
        [payment(_P.CAPTURED, refunded_minor=1999)],
        _A.WAIT,
    ),
    (
        "rejected by a review, and the order is canceled",
        draft(_O.CANCELED),
        [payment(_P.CAPTURED, review=_R.REJECTED)],
        _A.REFUND,
    ),
    ("canceled and canceled", draft(_O.CANCELED), [payment(_P.CANCELED)], _A.WAIT),
]


@pytest.mark.parametrize(
    "order, payments, expected",
    [pytest.param(*row[1:], id=row[0]) for row in _ROWS],
)
def test_each_row(order: DraftOrder, payments: list[Payment], expected: OrderAction) -> None:
    """Each situation has its action, and a reason to read."""
    decision = decide(order, payments)

    assert decision.action is expected
    assert decision.reason


_EVERYTHING = list(product(_O, _P, _R, _C))


@pytest.mark.parametrize("order_state, state, review, policy", _EVERYTHING)
def test_never_released_unpaid_or_under_review(
    order_state: OrderState, state: PaymentState, review: ReviewStatus, policy: CapturePolicy
) -> None:
    """Whatever the combination: money or, by policy, its authorisation; and no review open."""
    order = draft(order_state, payment_id="" if order_state is _O.DRAFT else payment().id)
    decision = decide(order, [payment(state, review=review, capture_policy=policy)])

    if decision.action is _A.RELEASE:
        assert order_state in {_O.DRAFT, _O.HELD}
        assert review in {_R.NONE, _R.APPROVED}
        assert state is _P.CAPTURED or (state is _P.AUTHORIZED and policy is _C.MANUAL)
    if decision.action is _A.CAPTURE:
        assert (state, review in {_R.NONE, _R.APPROVED}) == (_P.AUTHORIZED, True)


def test_the_order_of_payments_does_not_matter() -> None:
    """Two captured payments: the older one pays, however they are listed."""
    first, second = payment(_P.CAPTURED), payment(_P.CAPTURED, id=_SECOND)

    assert decide(draft(), [first, second]) == decide(draft(), [second, first])
    assert decide(draft(), [second, first]).payment == first


def test_a_captured_payment_pays_before_an_authorised_one() -> None:
    """The second authorisation is then given up instead of captured."""
    authorised, captured = payment(), payment(_P.CAPTURED, id=_SECOND)

    assert decide(draft(), [authorised, captured]).payment == captured


def test_nobody_carries_an_order_past_its_review() -> None:
    """A second payment waits for the review of the first, whichever the order is held for."""
    in_review = payment(_P.CAPTURED, review=_R.OPEN)
    other = payment(_P.CAPTURED, id=_SECOND)

    assert decide(_HELD, [in_review, other]).action is _A.WAIT
    assert decide(replace(_HELD, payment_id=_SECOND), [in_review, other]).payment == in_review


def test_a_payment_of_the_right_amount_pays_an_order_held_for_a_wrong_one() -> None:
    """The wrong one is then a stray payment, and is given back."""
    wrong = payment(_P.CAPTURED, amount=Money(1, "EUR"), authorized_minor=1, captured_minor=1)
    right = payment(_P.CAPTURED, id=_SECOND)

    decision = decide(_HELD, [wrong, right])
    assert (decision.action, decision.payment) == (_A.RELEASE, right)
    released = replace(_RELEASED, payment_id=_SECOND)
    stray = decide(released, [wrong, right])
    assert (stray.action, stray.payment) == (_A.REFUND, wrong)


def _strays() -> list[Payment]:
    return [payment(_P.CAPTURED, id=_SECOND[:-1] + last) for last in "234"]


def test_every_stray_payment_is_in_the_alarm() -> None:
    """None is hidden behind the first, once each was given back and returned."""
    strays = _strays()

    decision = decide(_RELEASED, [payment(_P.CAPTURED), *strays], {each.id for each in strays})

    assert decision.action is _A.ALARM
    assert [decision.payment, *decision.others] == strays


def test_a_stray_payment_hides_nothing_that_the_paying_one_needs() -> None:
    """Money that cannot be given back stays for long, and so may what is due: both are told of."""
    stuck = payment(_P.CAPTURED, id=_SECOND)
    paying = payment(_P.AUTHORIZED)
    lapsed = payment(_P.CANCELED)

    capture = decide(_RELEASED, [paying, stuck], {_SECOND})
    alarm = decide(_RELEASED, [lapsed, stuck], {_SECOND})

    assert (capture.action, capture.payment) == (_A.CAPTURE, paying)
    assert (alarm.action, alarm.payment) == (_A.ALARM, lapsed)
    for decision in (capture, alarm):
        assert decision.beside is not None
        assert (decision.beside.action, decision.beside.payment) == (_A.ALARM, stuck)


def test_the_others_are_given_back_before_the_alarm() -> None:
    """Money that nobody tried to give back yet does not wait for that which came back."""
    first, second, third = _strays()

    decision = decide(_RELEASED, [payment(_P.CAPTURED), first, second, third], {first.id})

    assert (decision.action, decision.payment) == (_A.REFUND, second)


@pytest.mark.parametrize("order_state, state, review", list(product(_O, _P, _R)))
def test_only_money_beside_the_point_is_given_back(
    order_state: OrderState, state: PaymentState, review: ReviewStatus
) -> None:
    """Of an order that is decided, captured, not given back, and not what the order goes for."""
    for pays, back in product(("", payment().id), (0, 1999)):
        order = draft(order_state, payment_id=pays)
        captured = {"captured_minor": 1999 if state is _P.CAPTURED else 0}
        decision = decide(order, [payment(state, review=review, refunded_minor=back, **captured)])

        stray = order_state is _O.CANCELED  # goods that went out by hand may be paid with it
        assert (decision.action is _A.REFUND) is (stray and state is _P.CAPTURED and not back)
