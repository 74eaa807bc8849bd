"""Refunds read: every status and reason that Stripe documents, and those it does not."""

from __future__ import annotations

import pytest

from psp.port import FailureCategory, PspFailure, PspRefund, RefundStatus
from psp.stripe.fields import UnreadableAnswerError
from psp.stripe.money import AmountError
from psp.stripe.refund_reading import gives_money_back, read_refund, refund_status
from tests.unit.psp.stripe.support import refund


@pytest.mark.parametrize(
    "raw_status, expected",
    [
        ("pending", RefundStatus.PENDING),
        ("requires_action", RefundStatus.REQUIRES_ACTION),
        ("succeeded", RefundStatus.SUCCEEDED),
        ("failed", RefundStatus.FAILED),
        ("canceled", RefundStatus.FAILED),
        ("returned_to_sender", RefundStatus.UNKNOWN),
        ("Failed", RefundStatus.UNKNOWN),
        ("", RefundStatus.UNKNOWN),
    ],
)
def test_every_status_has_its_word(raw_status: str, expected: RefundStatus) -> None:
    """Documented statuses map to ours; any other is unknown, never failed."""
    assert expected == refund_status(raw_status)


def test_a_refund_is_read() -> None:
    """Who, of which payment, how much, and our own reference."""
    assert read_refund(refund(), "pi_1") == PspRefund(
        psp_reference="re_1",
        payment_reference="pi_1",
        status=RefundStatus.SUCCEEDED,
        raw_status="succeeded",
        currency="EUR",
        amount_minor=500,
        refund_id="ref_1",
    )


@pytest.mark.parametrize("metadata", [None, {}, {"note": "by hand"}, "odd", []])
def test_a_refund_of_somebody_else_bears_no_reference(metadata: object) -> None:
    """Without our metadata it is not ours."""
    assert read_refund(refund(metadata=metadata), "pi_1").refund_id == ""


@pytest.mark.parametrize("named", ["pi_1", {"id": "pi_1", "object": "payment_intent"}, None])
def test_the_payment_is_the_one_asked_about(named: object) -> None:
    """Expanded, named or left out, the refund leads to its payment."""
    assert read_refund(refund(payment_intent=named), "pi_1").payment_reference == "pi_1"


def test_amounts_are_iso_minor_units() -> None:
    """What Stripe counts in hundredths of a krona is whole kronur to us."""
    assert read_refund(refund(currency="isk", amount=50_000), "pi_1").amount_minor == 500
    with pytest.raises(AmountError):
        read_refund(refund(currency="isk", amount=50_050), "pi_1")


@pytest.mark.parametrize(
    "reason, category, retryable",
    [
        ("lost_or_stolen_card", FailureCategory.DECLINED, False),
        ("expired_or_canceled_card", FailureCategory.EXPIRED_CARD, False),
        ("charge_for_pending_refund_disputed", FailureCategory.DECLINED, False),
        ("insufficient_funds", FailureCategory.INSUFFICIENT_FUNDS, True),
        ("declined", FailureCategory.DECLINED, False),
        ("merchant_request", FailureCategory.ABANDONED, True),
        ("unknown", FailureCategory.PROCESSING_ERROR, True),
        ("brand_new", FailureCategory.PROCESSING_ERROR, True),
    ],
)
@pytest.mark.parametrize("status", ["failed", "canceled"])
def test_a_failed_refund_says_why(
    reason: str, category: FailureCategory, *, retryable: bool, status: str
) -> None:
    """Each documented reason has a category; a new one keeps its code."""
    failure = read_refund(refund(status=status, failure_reason=reason), "pi_1").failure

    assert failure is not None
    assert (failure.category, failure.code, failure.retryable) == (category, reason, retryable)
    assert failure.message


def test_a_failure_without_a_reason_is_still_one() -> None:
    """A failed refund always tells a failure."""
    failure = read_refund(refund(status="failed"), "pi_1").failure

    assert failure == PspFailure(
        FailureCategory.PROCESSING_ERROR, "failed", "The refund failed.", retryable=True
    )


@pytest.mark.parametrize(
    "status, reason, code",
    [
        ("pending", "insufficient_funds", "insufficient_funds"),
        ("pending", "charge_pending", "charge_pending"),
        ("pending", "processing", None),
        ("pending", "brand_new", None),
        ("pending", None, None),
        ("succeeded", "insufficient_funds", None),
        ("brand_new", "insufficient_funds", None),
    ],
)
def test_what_keeps_a_refund_is_told(status: str, reason: str | None, code: str | None) -> None:
    """An obstacle is told while it stands; being processed is none, and no reason to try again."""
    failure = read_refund(refund(status=status, pending_reason=reason), "pi_1").failure

    assert code == (failure.code if failure else None)
    assert failure is None or not failure.retryable


@pytest.mark.parametrize("name", ["id", "currency", "amount", "object"])
@pytest.mark.parametrize("value", [None, "", [], True])
def test_what_is_no_refund_is_not_read_as_one(name: str, value: object) -> None:
    """An answer without its essentials proves nothing."""
    with pytest.raises(UnreadableAnswerError):
        read_refund(refund(**{name: value}), "pi_1")


@pytest.mark.parametrize("answer", [None, [], "re_1", {}, {"object": "list"}])
def test_another_object_is_no_refund(answer: object) -> None:
    """Only a refund is read as one."""
    with pytest.raises(UnreadableAnswerError):
        read_refund(answer, "pi_1")


@pytest.mark.parametrize(
    "name", ["status", "metadata", "payment_intent", "failure_reason", "pending_reason"]
)
@pytest.mark.parametrize("status", ["pending", "failed", "succeeded", "canceled"])
def test_odd_fields_never_crash(name: str, status: str) -> None:
    """Any value of any field that is not essential can be read."""
    for junk in (None, 7, "text", [], [1], {"a": 1}, True):
        assert read_refund(refund(**{"status": status, name: junk}), "pi_1").psp_reference == "re_1"


@pytest.mark.parametrize(
    "reason, expected",
    [
        ("expired_uncaptured_charge", False),
        ("requested_by_customer", True),
        ("fraudulent", True),
        (None, True),
    ],
)
def test_a_lapsed_authorisation_gives_nothing_back(reason: str | None, *, expected: bool) -> None:
    """Money that was never taken is not refunded, though Stripe lists it so."""
    assert expected == gives_money_back(refund(reason=reason))
