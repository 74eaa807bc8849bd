"""What becomes of a line, given what is known: one table, and nothing is asked of anybody."""

from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.domain.payment import Payment, PaymentState
from gateway.domain.refund_movement import Movement
from gateway.errors import PaygateError, Reason
from gateway.refund_files.rules import (
    FINAL_REASONS,
    Duplicate,
    Known,
    judge,
    mismatch_of,
    refusal_of,
)
from gateway.refund_files.values import LineRefusal, MovementLine, RefusedLine
from gateway.refunds.commands import RefundedPayment, RefundReason
from psp.money import Money
from tests.support.payments import NOW, payment

_CAPTURED = payment(PaymentState.CAPTURED)
_LINE = MovementLine(
    number=2,
    movement_id="M-1",
    payment=RefundedPayment(payment_id=_CAPTURED.id, order_id="order-1"),
    amount=Money(500, "EUR"),
    reason=RefundReason.DUPLICATE,
    country_code="FR",
    digest="d1",
)
_OLD = replace(_LINE, payment=RefundedPayment("", "stripe_eu", "pi_9", "order-9"))


def _known(*payments: Payment, movements: dict[str, Movement] | None = None) -> Known:
    held = payments or (_CAPTURED,)
    return Known({"stripe_eu"}, movements or {}, {each.id: each for each in held})


def _accepted(line: MovementLine = _LINE) -> Movement:
    movement = judge(line, "rbt_1", _known(), NOW)
    assert isinstance(movement, Movement)
    return movement


def test_a_movement_is_accepted_with_the_account_of_its_payment() -> None:
    """Which is where the money goes back, whatever the routing says today."""
    movement = _accepted()

    assert (movement.psp_account, movement.payment_id) == ("stripe_eu", _CAPTURED.id)
    assert (movement.amount, movement.reason) == (Money(500, "EUR"), "duplicate")
    assert (movement.batch_id, movement.line_number) == ("rbt_1", 2)


def test_a_payment_of_before_is_accepted_unseen() -> None:
    """Only its PSP knows it, and is asked when its turn comes."""
    movement = _accepted(_OLD)

    assert (movement.psp_account, movement.psp_reference) == ("stripe_eu", "pi_9")


@pytest.mark.parametrize(
    "line,held,reason,words",
    [
        pytest.param(
            replace(_LINE, payment=RefundedPayment("pay_9", order_id="order-1")),
            _CAPTURED,
            LineRefusal.UNKNOWN_PAYMENT,
            "no payment has the id pay_9",
            id="unknown payment",
        ),
        pytest.param(
            replace(_OLD, payment=RefundedPayment("", "stripe_us", "pi_9", "order-9")),
            _CAPTURED,
            LineRefusal.UNKNOWN_ACCOUNT,
            "stripe_us is not configured",
            id="unknown account",
        ),
        pytest.param(
            _LINE,
            replace(_CAPTURED, psp_account="gone"),
            LineRefusal.UNKNOWN_ACCOUNT,
            "gone is not configured",
            id="its payment's account is gone",
        ),
        pytest.param(
            _LINE,
            replace(_CAPTURED, order_id="order-2"),
            LineRefusal.OTHER_ORDER,
            "is of order order-2, not of order-1",
            id="another order's payment",
        ),
        pytest.param(
            replace(_LINE, amount=Money(500, "USD")),
            _CAPTURED,
            LineRefusal.WRONG_CURRENCY,
            "is in EUR, not in USD",
            id="wrong currency",
        ),
        pytest.param(
            replace(_LINE, amount=Money(2000, "EUR")),
            _CAPTURED,
            LineRefusal.EXCEEDS_REMAINING,
            "20.00 EUR was to be refunded, but 19.99 EUR is left",
            id="more than was captured",
        ),
        pytest.param(
            _LINE,
            replace(_CAPTURED, refunded_minor=1600),
            LineRefusal.EXCEEDS_REMAINING,
            "but 3.99 EUR is left",
            id="more than the rest",
        ),
        pytest.param(
            _LINE,
            replace(_CAPTURED, refunded_minor=1999),
            LineRefusal.PAYMENT_STATE,
            "nothing left",
            id="nothing left",
        ),
        pytest.param(
            _LINE,
            payment(PaymentState.AUTHORIZED),
            LineRefusal.PAYMENT_STATE,
            "only captured money",
            id="not captured",
        ),
    ],
)
def test_what_cannot_be_carried_out_is_refused(
    line: MovementLine, held: Payment, reason: LineRefusal, words: str
) -> None:
    """With the line's number and its movement, in words."""
    refused = judge(line, "rbt_1", _known(held), NOW)

    assert isinstance(refused, RefusedLine)
    assert (refused.number, refused.movement_id, refused.reason) == (2, "M-1", reason)
    assert words in refused.message


def test_a_payment_that_is_changing_is_no_reason_to_refuse() -> None:
    """The movement waits until it is known how the payment stands."""
    unknown = payment(PaymentState.OUTCOME_UNKNOWN)

    assert isinstance(judge(_LINE, "rbt_1", _known(unknown), NOW), Movement)


def test_a_movement_again_is_a_duplicate_whatever_its_payment_is_by_now() -> None:
    """It was refunded since: that is no reason to refuse what changes nothing."""
    known = _known(replace(_CAPTURED, refunded_minor=1999), movements={"M-1": _accepted()})

    assert judge(replace(_LINE, number=9), "rbt_2", known, NOW) == Duplicate(9, "M-1")


@pytest.mark.parametrize(
    "changes,words",
    [
        ({"amount": Money(501, "EUR")}, "amount 5.01 EUR instead of 5.00 EUR"),
        (
            {"payment": RefundedPayment("", "stripe_eu", "pi_1", "order-1")},
            f"payment_id empty instead of {_CAPTURED.id}, psp_reference pi_1 instead of empty",
        ),
        (
            {"payment": replace(_LINE.payment, order_id="order-2")},
            "order_id order-2 instead of order-1",
        ),
        ({"reason": RefundReason.FRAUDULENT}, "reason fraudulent instead of duplicate"),
        ({"country_code": "DE"}, "country DE instead of FR"),
        ({}, "another psp_account"),
    ],
)
def test_another_movement_under_a_known_id_is_refused_loudly(
    changes: dict[str, object], words: str
) -> None:
    """It says what differs, and from which line of which batch."""
    line = replace(_LINE, digest="d2", number=5, **changes)  # type: ignore[arg-type]  # of every type
    refused = judge(line, "rbt_2", _known(movements={"M-1": _accepted()}), NOW)

    assert isinstance(refused, RefusedLine)
    assert refused.reason is LineRefusal.MOVEMENT_REUSED
    assert "accepted before, from line 2 of rbt_1" in refused.message
    assert words in refused.message


@pytest.mark.parametrize("reason", Reason)
def test_only_what_stays_so_refuses_a_movement_for_good(reason: Reason) -> None:
    """Whatever may pass is waited for."""
    refusal = refusal_of(PaygateError(reason, "words", metadata={"psp_code": "code"}))

    expected = (FINAL_REASONS[reason], "words [code]") if reason in FINAL_REASONS else None
    assert refusal == expected


def test_a_payment_that_nobody_knows_the_order_of_goes_with_any() -> None:
    """As one that was made before the gateway was."""
    assert mismatch_of(replace(_CAPTURED, order_id=""), _accepted()) is None
