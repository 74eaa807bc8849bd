"""Radar's reviews in our words."""

from __future__ import annotations

import pytest

from psp.port import ReviewStatus
from psp.stripe.reviews import review_of_payment, review_reference_of, review_status
from tests.unit.psp.stripe.support import JsonDict, charge, payment_intent


@pytest.mark.parametrize(
    "review, expected",
    [
        ({"open": True, "closed_reason": None}, ReviewStatus.OPEN),
        ({"open": False, "closed_reason": "approved"}, ReviewStatus.APPROVED),
        ({"open": False, "closed_reason": "refunded"}, ReviewStatus.REJECTED),
        ({"open": False, "closed_reason": "refunded_as_fraud"}, ReviewStatus.REJECTED),
        ({"open": False, "closed_reason": "disputed"}, ReviewStatus.REJECTED),
        ({"open": False, "closed_reason": "canceled"}, ReviewStatus.REJECTED),
        ({"open": False, "closed_reason": "payment_never_settled"}, ReviewStatus.REJECTED),
        ({"open": False, "closed_reason": "acknowledged"}, ReviewStatus.OPEN),
        ({"open": False, "closed_reason": "redacted"}, ReviewStatus.OPEN),
        ({"open": False, "closed_reason": "brand_new"}, ReviewStatus.OPEN),
        ({"open": False, "closed_reason": None}, ReviewStatus.OPEN),
        ({"closed_reason": "approved"}, ReviewStatus.OPEN),
        ({}, ReviewStatus.OPEN),
    ],
)
def test_only_a_clear_word_closes_a_review(review: JsonDict, expected: ReviewStatus) -> None:
    """A review is approved or rejected only for a reason that says so."""
    assert expected == review_status(review)


_APPROVED = {"id": "prv_1", "object": "review", "open": False, "closed_reason": "approved"}


@pytest.mark.parametrize(
    "on_intent, on_charge, outcome, expected",
    [
        (None, None, "authorized", ReviewStatus.NONE),
        (_APPROVED, None, "manual_review", ReviewStatus.APPROVED),
        (None, _APPROVED, "manual_review", ReviewStatus.APPROVED),
        ("prv_1", None, "authorized", ReviewStatus.OPEN),
        (None, "prv_1", "authorized", ReviewStatus.OPEN),
        (None, None, "manual_review", ReviewStatus.OPEN),
    ],
)
def test_a_review_counts_wherever_it_is_named(
    on_intent: object, on_charge: object, outcome: str, expected: ReviewStatus
) -> None:
    """A review is heard from the intent, the charge or its outcome; unseen, it counts as open."""
    latest = charge(review=on_charge, outcome={"type": outcome})

    assert expected == review_of_payment(payment_intent(review=on_intent), latest)


@pytest.mark.parametrize(
    "on_intent, on_charge, expected",
    [
        (None, None, ""),
        ("prv_1", None, "prv_1"),
        (_APPROVED, "prv_2", "prv_1"),
        (None, "prv_2", "prv_2"),
        ({}, {"id": "prv_2"}, "prv_2"),
        (7, ["prv_1"], ""),
    ],
)
def test_a_review_is_known_by_its_id(on_intent: object, on_charge: object, expected: str) -> None:
    """Whoever names the review, its id is kept: it can be asked for when nobody does any more."""
    intent, latest = payment_intent(review=on_intent), charge(review=on_charge)

    assert expected == review_reference_of(intent, latest)
