"""Radar's reviews in the port's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.port import ReviewStatus
from psp.stripe.fields import JsonObject, nested, text

_BY_CLOSED_REASON: Final[Mapping[str, ReviewStatus]] = {
    "approved": ReviewStatus.APPROVED,
    "refunded": ReviewStatus.REJECTED,
    "refunded_as_fraud": ReviewStatus.REJECTED,
    "disputed": ReviewStatus.REJECTED,
    "canceled": ReviewStatus.REJECTED,
    "payment_never_settled": ReviewStatus.REJECTED,
}
"""Every other reason (acknowledged, redacted, one yet to come) leaves the goods where they are."""


def review_status(review: JsonObject) -> ReviewStatus:
    """Read a Review. What cannot be read, or is closed for a reason we do not know, counts as open.

    Only a reviewer's approval may let goods go, so open is the answer that harms nobody.
    """
    if review.get("open") is not False:
        return ReviewStatus.OPEN
    return _BY_CLOSED_REASON.get(text(review, "closed_reason"), ReviewStatus.OPEN)


def review_of_payment(intent: JsonObject, charge: JsonObject) -> ReviewStatus:
    """Read the review of a payment from its PaymentIntent and latest charge.

    It is not documented whether `PaymentIntent.review` stays after a review closes, nor whether it
    is there as soon as the payment is: the charge's own `review` and `outcome` are heard as well,
    and a review that is named without being shown counts as open.
    """
    for holder in (intent, charge):
        if holder.get("review"):
            return review_status(nested(holder, "review"))
    if text(nested(charge, "outcome"), "type") == "manual_review":
        return ReviewStatus.OPEN
    return ReviewStatus.NONE
