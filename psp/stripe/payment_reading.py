"""A PaymentIntent as the port's payment: a pure function of Stripe's answer."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from psp.port import NextAction, NextActionKind, PaymentMethod, PspFailure, PspPayment, PspStatus
from psp.stripe.failures import failure_of, failure_of_cancellation
from psp.stripe.fields import (
    JsonObject,
    moment,
    nested,
    number,
    require_object,
    required_number,
    required_text,
    text,
)
from psp.stripe.money import from_stripe_amount
from psp.stripe.payment_params import PAYMENT_ID
from psp.stripe.reviews import review_of_payment, review_reference_of
from psp.stripe.statuses import ATTEMPT_SUCCEEDED, psp_status
from psp.stripe.traits import METHODS

_TO_BE_CONFIRMED: Final = frozenset({"requires_payment_method", "requires_confirmation"})


def read_payment(answer: JsonObject) -> PspPayment:
    """Read a PaymentIntent answered with `payment_params.EXPAND`.

    Raises `UnreadableAnswerError` or `AmountError` if it is none, or lacks id, status or amount.
    """
    intent = require_object(answer, "payment_intent")
    charge = nested(intent, "latest_charge")
    currency = required_text(intent, "currency").upper()
    raw_status = required_text(intent, "status")
    received = number(intent, "amount_received")
    status = psp_status(raw_status, number(intent, "amount_capturable"), received)
    return PspPayment(
        psp_reference=required_text(intent, "id"),
        status=status,
        raw_status=raw_status,
        currency=currency,
        amount_minor=from_stripe_amount(required_number(intent, "amount"), currency),
        authorized_minor=from_stripe_amount(_authorized(intent, charge, status), currency),
        captured_minor=from_stripe_amount(received, currency),
        refunded_minor=from_stripe_amount(_refunded(charge), currency),
        review=review_of_payment(intent, charge),
        review_reference=review_reference_of(intent, charge),
        failure=_failure(intent, status),
        next_action=_next_action(intent, raw_status),
        payment_id=text(nested(intent, "metadata"), PAYMENT_ID),
        capture_before=_capture_before(charge) if status is PspStatus.AUTHORIZED else None,
    )


def review_to_ask_for(answer: JsonObject) -> str:
    """Return the id of a review that only the charge names and that `EXPAND` does not show."""
    if answer.get("review"):
        return ""
    return text(nested(answer, "latest_charge"), "review")


def _authorized(intent: JsonObject, charge: JsonObject, status: PspStatus) -> int:
    """Return the sum authorised in all, also after it was captured or released."""
    if status is PspStatus.AUTHORIZED:
        return number(intent, "amount_capturable") + number(intent, "amount_received")
    if text(charge, "status") == "succeeded":
        return number(charge, "amount")
    return number(intent, "amount") if status is PspStatus.CAPTURED else 0


def _refunded(charge: JsonObject) -> int:
    """Return the sum given back to the shopper.

    Stripe counts what a partial capture or a cancel released into `amount_refunded`, though that
    money was never taken (reports call it `partial_capture_reversal`).
    """
    counted = number(charge, "amount_refunded")
    released = number(charge, "amount") - number(charge, "amount_captured")
    return counted - released if 0 < released <= counted else counted


def _failure(intent: JsonObject, status: PspStatus) -> PspFailure | None:
    if status in ATTEMPT_SUCCEEDED:
        return None
    last_attempt = failure_of(nested(intent, "last_payment_error"))
    if status is PspStatus.CANCELED:
        return failure_of_cancellation(text(intent, "cancellation_reason")) or last_attempt
    return last_attempt


def _next_action(intent: JsonObject, raw_status: str) -> NextAction | None:
    client_secret = text(intent, "client_secret")
    if raw_status in _TO_BE_CONFIRMED and client_secret:
        return NextAction(NextActionKind.CONFIRM, client_secret=client_secret)
    if raw_status != "requires_action":
        return None
    action = nested(intent, "next_action")
    url = text(nested(action, "redirect_to_url"), "url")
    if text(action, "type") == "redirect_to_url" and url:
        return NextAction(NextActionKind.REDIRECT, url=url)
    # Stripe.js runs every other kind itself, given the client secret.
    return NextAction(NextActionKind.AUTHENTICATE, client_secret=client_secret)


def _capture_before(charge: JsonObject) -> datetime | None:
    details = nested(charge, "payment_method_details")
    method = text(details, "type")
    exactly = moment(nested(details, method), "capture_before")
    created = moment(charge, "created")
    window = METHODS[PaymentMethod.PAYPAL].authorization_window
    if exactly is None and method == "paypal" and created is not None and window is not None:
        return created + window
    return exactly
