"""Declines and cancellations in our categories."""

from __future__ import annotations

import pytest

from psp.port import FailureCategory
from psp.stripe.failures import failure_of, failure_of_cancellation
from tests.unit.psp.stripe.support import JsonDict


@pytest.mark.parametrize(
    "error, category, code, retryable",
    [
        (
            {"code": "card_declined", "decline_code": "insufficient_funds"},
            FailureCategory.INSUFFICIENT_FUNDS,
            "insufficient_funds",
            True,
        ),
        (
            {"code": "card_declined", "decline_code": "generic_decline"},
            FailureCategory.DECLINED,
            "generic_decline",
            True,
        ),
        (
            {"code": "card_declined", "decline_code": "lost_card"},
            FailureCategory.FRAUD_SUSPECTED,
            "lost_card",
            False,
        ),
        (
            {"code": "card_declined", "decline_code": "brand_new"},
            FailureCategory.DECLINED,
            "brand_new",
            True,
        ),
        ({"code": "expired_card"}, FailureCategory.EXPIRED_CARD, "expired_card", True),
        ({"code": "incorrect_cvc"}, FailureCategory.INCORRECT_DATA, "incorrect_cvc", True),
        (
            {"code": "expired_card", "decline_code": "brand_new"},
            FailureCategory.EXPIRED_CARD,
            "brand_new",
            True,
        ),
        (
            {"code": "payment_intent_authentication_failure"},
            FailureCategory.AUTHENTICATION_FAILED,
            "payment_intent_authentication_failure",
            True,
        ),
        (
            {"code": "authentication_required", "decline_code": "authentication_required"},
            FailureCategory.AUTHENTICATION_FAILED,
            "authentication_required",
            True,
        ),
        ({"type": "card_error"}, FailureCategory.DECLINED, "card_error", True),
        (
            {"decline_code": "generic_decline", "advice_code": "do_not_try_again"},
            FailureCategory.DECLINED,
            "generic_decline",
            False,
        ),
        (
            {"decline_code": "fraudulent", "advice_code": "try_again_later"},
            FailureCategory.FRAUD_SUSPECTED,
            "fraudulent",
            True,
        ),
        (
            {"decline_code": "generic_decline", "advice_code": "brand_new"},
            FailureCategory.DECLINED,
            "generic_decline",
            True,
        ),
    ],
)
def test_a_decline_has_a_category_a_code_and_advice(
    error: JsonDict, category: FailureCategory, code: str, retryable: bool
) -> None:
    """The issuer's code decides, then the general one; Stripe's advice beats our table."""
    failure = failure_of(error)

    assert failure is not None
    assert (category, code, retryable) == (failure.category, failure.code, failure.retryable)
    assert failure.message


def test_no_error_is_no_failure() -> None:
    """An empty `last_payment_error` says nothing."""
    assert failure_of({}) is None


def test_a_message_shows_no_card_number() -> None:
    """A card number in Stripe's words does not reach customer care."""
    failure = failure_of({"code": "x", "message": "Card 4242 4242 4242 4242 was declined."})

    assert failure is not None
    assert failure.message == "Card [redacted] was declined."


@pytest.mark.parametrize(
    "reason, category",
    [
        ("abandoned", FailureCategory.ABANDONED),
        ("automatic", FailureCategory.EXPIRED),
        ("expired", FailureCategory.EXPIRED),
        ("fraudulent", FailureCategory.FRAUD_SUSPECTED),
        ("duplicate", None),
        ("requested_by_customer", None),
        ("failed_invoice", None),
        ("void_invoice", None),
        ("", None),
        ("brand_new", None),
    ],
)
def test_a_cancellation_is_a_failure_only_where_it_explains_one(
    reason: str, category: FailureCategory | None
) -> None:
    """A cancel that somebody asked for is not a failed payment."""
    failure = failure_of_cancellation(reason)

    assert category == (failure.category if failure else None)
