"""Radar's reviews: asked for by their id, and read in the port's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.port import ReviewStatus
from psp.stripe.client import StripeCaller
from psp.stripe.fields import JsonObject, nested, reference, require_object, text
from psp.stripe.paths import REVIEWS, object_path

_BY_CLOSED_REASON: Final[Mapping[str, ReviewStatus]] = {
    "approved": ReviewStatus.APPROVED,
    "refunded": ReviewStatus.REJECTED,
    "refunded_as_fraud": ReviewStatus.REJECTED,
    "disputed": ReviewStatus.REJECTED,
    "canceled": ReviewStatus.REJECTED,
    "payment_never_settled": ReviewStatus.REJECTED,
}
"""Every other reason (acknowledged, redacted, one yet to come) leaves the goods where they are."""


class StripeReviews:
    """Reviews of one account. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: StripeCaller) -> None:
        self._caller = caller

    async def retrieve(self, review_id: str) -> ReviewStatus:
        """Return where a review stands: it can be read by its id after it was closed."""
        path = object_path(self._caller.account, REVIEWS, review_id)
        return await self._caller.read(path, {}, _read_review)


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


def review_reference_of(intent: JsonObject, charge: JsonObject) -> str:
    """Return the id of a payment's review, by whichever of the two names it."""
    return reference(intent, "review") or reference(charge, "review")


def _read_review(answer: JsonObject) -> ReviewStatus:
    return review_status(require_object(answer, "review"))
