"""The rules by which one payment, refund or line is judged."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.discrepancy import DiscrepancyType, SubjectKind
from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundState
from gateway.domain.settlement_rules import (
    BookedLine,
    OurPayment,
    OurRefund,
    PspLines,
    healing_reason,
    judge_line,
    judge_payment,
    judge_refund,
    settlements,
    subject_of,
)
from legacy_bridge.port import AccountMovement
from psp.settlements import SettlementCategory, SettlementEntry
from tests.support.payments import NOW, refund

T = DiscrepancyType
PAYMENT = OurPayment("pay_1", "order-1", "pi_1", PaymentState.CAPTURED, "EUR", 1999, NOW)
REFUND = OurRefund(refund(), "shopper-1")
LINES = PspLines(1, 0, 1999, "EUR", "EUR", "txn_1", "txn_1", NOW, NOW)
REFUNDED = replace(LINES, gross_minor=-500)
RETURNED = replace(LINES, count=0, failures=1, gross_minor=500)
ENTRY = SettlementEntry(
    "txn_1",
    SettlementCategory.CHARGE,
    "charge",
    NOW,
    "EUR",
    1999,
    29,
    1970,
    payment_reference="pi_1",
)


def _payment(state: PaymentState = PaymentState.CAPTURED, captured_minor: int = 1999) -> OurPayment:
    return replace(PAYMENT, state=state, captured_minor=captured_minor)


def _refund(state: RefundState) -> OurRefund:
    return replace(REFUND, refund=refund(state))


@pytest.mark.parametrize(
    "ours, lines, expected",
    [
        (None, None, None),
        (PAYMENT, LINES, None),
        (PAYMENT, None, T.MISSING_AT_PSP),
        (_payment(PaymentState.AUTHORIZED, 0), None, None),
        (None, LINES, T.MISSING_HERE),
        # A charge that came to nothing, of a payment that nobody here knows, took nothing.
        (None, replace(LINES, failures=1, gross_minor=0), None),
        (PAYMENT, replace(LINES, lowest_currency="DKK", highest_currency="DKK"), T.CURRENCY),
        (PAYMENT, replace(LINES, highest_currency="GBP"), T.CURRENCY),
        (_payment(PaymentState.AUTHORIZED, 0), LINES, T.STATUS),
        (_payment(PaymentState.CANCELED, 0), LINES, T.STATUS),
        # The authorisation was counted, and all of it released.
        (_payment(PaymentState.CANCELED, 0), replace(LINES, gross_minor=0), None),
        (PAYMENT, replace(LINES, failures=1, gross_minor=0), T.STATUS),
        (PAYMENT, replace(LINES, count=2, gross_minor=3998), T.DUPLICATE),
        # Two lines that together are what was captured are no duplicate.
        (PAYMENT, replace(LINES, count=2), None),
        (PAYMENT, replace(LINES, count=2, gross_minor=1000), T.AMOUNT),
        (PAYMENT, replace(LINES, gross_minor=1998), T.AMOUNT),
        (PAYMENT, replace(LINES, gross_minor=2000), T.AMOUNT),
        (PAYMENT, replace(LINES, count=0, gross_minor=-499), T.AMOUNT),
    ],
)
def test_payments(
    ours: OurPayment | None, lines: PspLines | None, expected: DiscrepancyType | None
) -> None:
    """At most one difference is named, and both sides' sums with it."""
    found = judge_payment("pi_1", ours, lines)

    assert (found and found.type) == expected
    if found is not None:
        assert found.ours_minor == (None if ours is None else ours.captured_minor)
        assert found.psp_minor == (None if lines is None else lines.gross_minor)
        assert bool(found.ours) == (ours is not None)
        assert bool(found.psp) == (lines is not None)


@pytest.mark.parametrize(
    "ours, lines, expected",
    [
        (None, None, None),
        (REFUND, REFUNDED, None),
        (_refund(RefundState.PENDING), REFUNDED, None),
        (_refund(RefundState.REQUIRES_ACTION), REFUNDED, None),
        (REFUND, None, T.MISSING_AT_PSP),
        # The PSP has not paid yet, or never will: no line is expected.
        (_refund(RefundState.PENDING), None, None),
        (_refund(RefundState.OUTCOME_UNKNOWN), None, None),
        (_refund(RefundState.FAILED), None, None),
        (None, REFUNDED, T.MISSING_HERE),
        (None, replace(REFUNDED, failures=1, gross_minor=0), None),
        (REFUND, replace(REFUNDED, lowest_currency="DKK", highest_currency="DKK"), T.CURRENCY),
        (_refund(RefundState.FAILED), REFUNDED, T.STATUS),
        (_refund(RefundState.OUTCOME_UNKNOWN), REFUNDED, T.STATUS),
        (_refund(RefundState.FAILED), replace(REFUNDED, failures=1, gross_minor=0), None),
        (REFUND, replace(REFUNDED, failures=1, gross_minor=0), T.STATUS),
        (REFUND, replace(REFUNDED, count=2, gross_minor=-1000), T.DUPLICATE),
        (REFUND, replace(REFUNDED, gross_minor=-501), T.AMOUNT),
        (REFUND, replace(REFUNDED, gross_minor=500), T.AMOUNT),
        # The row of the refund became the row of its return, or its own day was never read.
        (_refund(RefundState.FAILED), RETURNED, None),
        (REFUND, RETURNED, T.STATUS),
        (_refund(RefundState.FAILED), replace(RETURNED, gross_minor=499), T.STATUS),
        # It came back twice.
        (_refund(RefundState.FAILED), replace(RETURNED, count=1, failures=2), T.STATUS),
    ],
)
def test_refunds(
    ours: OurRefund | None, lines: PspLines | None, expected: DiscrepancyType | None
) -> None:
    """A refund is held against all of its lines, those that came back included."""
    found = judge_refund("re_1", ours, lines)

    assert (found and found.type) == expected


@pytest.mark.parametrize(
    "changes, repeats, expected, amount_minor",
    [
        ({}, 0, None, None),
        ({}, 2, T.DUPLICATE, 3998),
        ({"category": SettlementCategory.UNKNOWN}, 0, T.UNKNOWN_CATEGORY, 1970),
        ({"net_minor": 1960}, 0, T.UNEXPLAINED_FEE, 39),
        ({"fee_minor": 2000, "net_minor": -1}, 0, T.UNEXPLAINED_FEE, 2000),
        ({"payment_reference": ""}, 0, T.MISSING_HERE, 1999),
        ({"payment_reference": "", "payment_id": "pay_1"}, 0, None, None),
        (
            {"category": SettlementCategory.FEE, "payment_reference": "", "fee_minor": 0,
             "net_minor": 1999},
            0,
            T.UNEXPLAINED_FEE,
            1999,
        ),
        (
            {"category": SettlementCategory.FEE, "payment_reference": "", "fee_minor": 0,
             "net_minor": 1999, "description": "radar"},
            0,
            None,
            None,
        ),
        ({"category": SettlementCategory.PAYOUT, "payment_reference": ""}, 0, None, None),
    ],
)  # fmt: skip
def test_lines(
    changes: dict[str, Any],
    repeats: int,
    expected: DiscrepancyType | None,
    amount_minor: int | None,
) -> None:
    """A line is looked at for itself too, whatever it is about."""
    found = judge_line(BookedLine(replace(ENTRY, **changes), repeats))

    assert (found and found.type, found and found.psp_minor) == (expected, amount_minor)


@pytest.mark.parametrize(
    "category, kind",
    [
        (SettlementCategory.CHARGE, SubjectKind.PAYMENT),
        (SettlementCategory.CHARGE_FAILURE, SubjectKind.PAYMENT),
        (SettlementCategory.RELEASE, SubjectKind.PAYMENT),
        (SettlementCategory.REFUND, SubjectKind.REFUND),
        (SettlementCategory.REFUND_FAILURE, SubjectKind.REFUND),
        (SettlementCategory.DISPUTE, SubjectKind.LINE),
        (SettlementCategory.DISPUTE_REVERSAL, SubjectKind.LINE),
        (SettlementCategory.FEE, SubjectKind.LINE),
        (SettlementCategory.PAYOUT, SubjectKind.LINE),
        (SettlementCategory.PAYOUT_REVERSAL, SubjectKind.LINE),
        (SettlementCategory.ADJUSTMENT, SubjectKind.LINE),
        (SettlementCategory.UNKNOWN, SubjectKind.LINE),
    ],
)
def test_every_category_is_about_something(category: SettlementCategory, kind: SubjectKind) -> None:
    """A release is no refund: it belongs to the capture that left it."""
    entry = replace(ENTRY, category=category, refund_reference="re_1")

    assert subject_of(entry).kind is kind


def test_what_a_refund_moves() -> None:
    """One debit when it is settled; one reversal more when it came back; keys are the PSP's own."""
    came_back = replace(REFUNDED, failures=1, gross_minor=0)

    assert [each.key for each in settlements(REFUND, REFUNDED)] == ["refund-settled:stripe_eu:re_1"]
    assert [each.key for each in settlements(_refund(RefundState.FAILED), came_back)] == [
        "refund-settled:stripe_eu:re_1",
        "refund-failed:stripe_eu:re_1",
    ]
    assert [each.signed_minor for each in _moved(_refund(RefundState.FAILED), RETURNED)] == [
        -500,
        500,
    ]
    assert settlements(_unnamed(), REFUNDED) == ()


def _moved(ours: OurRefund, lines: PspLines) -> list[AccountMovement]:
    return [each.movement for each in settlements(ours, lines)]


def _unnamed() -> OurRefund:
    """Return a refund whose PSP has not answered yet: nothing can settle it."""
    return replace(REFUND, refund=refund(psp_reference=""))


@pytest.mark.parametrize(
    "kind, lines, expected",
    [
        (T.MISSING_AT_PSP, LINES, "the PSP's line came: txn_1"),
        (T.MISSING_HERE, LINES, "it is known here by now"),
        (T.AMOUNT, LINES, "both sides agree by now"),
        (T.MISSING_AT_PSP, None, "neither side has it any more"),
    ],
)
def test_why_a_difference_is_none(
    kind: DiscrepancyType, lines: PspLines | None, expected: str
) -> None:
    """In one sentence."""
    assert healing_reason(kind, lines, None) == expected


def test_a_difference_that_became_another_one() -> None:
    """The line came, with another amount."""
    after = judge_payment("pi_1", PAYMENT, replace(LINES, gross_minor=1))

    assert healing_reason(T.MISSING_AT_PSP, LINES, after) == (
        "it is another difference by now: amount"
    )
