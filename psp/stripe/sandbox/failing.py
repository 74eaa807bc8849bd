"""An attempt that failed: what the PaymentIntent keeps of it, and the 402 that tells."""

from __future__ import annotations

from psp.stripe.sandbox.api_errors import DOCUMENTATION, ApiError, JsonDict
from psp.stripe.sandbox.cards import Decline
from psp.stripe.sandbox.model import Charge, PaymentIntent, PaymentMethod
from psp.stripe.sandbox.rendering import render_payment_intent, render_payment_method


def fail_attempt(
    intent: PaymentIntent,
    method: PaymentMethod,
    decline: Decline,
    charge: Charge | None = None,
) -> ApiError:
    """Send the PaymentIntent back to its start, without its method, and return the 402."""
    intent.status = "requires_payment_method"
    intent.payment_method = None
    intent.next_action = None
    intent.latest_charge = charge.id if charge else intent.latest_charge
    # A method that was neither saved nor charged cannot be shown again: Stripe tells it in full.
    told = _told(decline, charge) | {"payment_method": render_payment_method(method)}
    intent.last_payment_error = told | {
        "type": "card_error" if method.card else "invalid_request_error",
        "code": decline.code,
        "message": decline.message,
        "doc_url": DOCUMENTATION + decline.code.replace("_", "-"),
    }
    told["payment_intent"] = render_payment_intent(intent)
    return ApiError(402, decline.message, decline.code, type="card_error", more=told)


def _told(decline: Decline, charge: Charge | None) -> JsonDict:
    told: JsonDict = {}
    if decline.decline_code:
        told["decline_code"] = decline.decline_code
    if decline.advice_code:
        told["advice_code"] = decline.advice_code
    if charge is not None:
        told["charge"] = charge.id
    return told
