"""Radar's reviews: opened by rule or by hand, approved, closed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError, JsonDict
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.model import PaymentIntent, Review
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.refunding import Wish, give_back
from psp.stripe.sandbox.rendering import render_review

CLOSED_REASONS: Final = frozenset(
    {
        "acknowledged",
        "approved",
        "canceled",
        "disputed",
        "payment_never_settled",
        "redacted",
        "refunded",
        "refunded_as_fraud",
    }
)
"""Stripe API, Review `closed_reason`."""
# The reason that the refund then bears.
_GIVES_BACK: Final[Mapping[str, str]] = {
    "refunded": "requested_by_customer",
    "refunded_as_fraud": "fraudulent",
}


def retrieve_review(books: Books, review_id: str, _parameters: Parameters) -> JsonDict:
    """GET /v1/reviews/{id}."""
    return render_review(books.review(review_id))


def approve_review(books: Books, review_id: str, _parameters: Parameters) -> JsonDict:
    """POST /v1/reviews/{id}/approve; captures nothing."""
    review = books.review(review_id)
    if not review.open:
        raise ApiError(400, "This review is already closed.")
    close_review(books, review, "approved")
    return render_review(review)


def open_review(books: Books, intent: PaymentIntent) -> Review:
    """Open a review by hand, as somebody does in the dashboard.

    A payment names one review (Stripe API, PaymentIntent `review`): there is no second beside it.
    """
    if intent.latest_charge is None:
        raise ApiError(400, "A payment without a charge cannot be reviewed.")
    before = books.reviews.get(intent.review or "")
    if before is not None and before.open:
        raise ApiError(400, "This payment is under review already.")
    review = Review(books.new_id("prv"), books.now(), intent.latest_charge, intent.id, "manual")
    books.reviews[review.id] = review
    intent.review = books.latest_charge(intent).review = review.id
    books.emit("review.opened", render_review(review))
    return review


def close_review(books: Books, review: Review, reason: str) -> None:
    """Close a review; a refunding reason gives back what is left of the money."""
    review.closed_reason = reason
    charge = books.charges.get(review.charge or "")
    leaves = books.world.circumstances.closed_review_leaves
    if leaves != "nothing":
        books.payment_intents[review.payment_intent].review = None
    if leaves == "payment_intent_and_charge" and charge is not None:
        charge.review = None
    if reason in _GIVES_BACK and charge is not None and charge.captured and charge.taken:
        give_back(books, charge, Wish(charge.taken, _GIVES_BACK[reason]))
    books.emit("review.closed", render_review(review))
