"""What a PaymentIntent allows in which status: data, and the one check that reads it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.model import PaymentIntent
from psp.stripe.sandbox.rendering import render_payment_intent

STATUSES: Final = frozenset(
    {
        "requires_payment_method",
        "requires_confirmation",
        "requires_action",
        "processing",
        "requires_capture",
        "canceled",
        "succeeded",
    }
)
"""Stripe API, PaymentIntent `status`; others can be forced, to see who survives them."""

_OPEN: Final = frozenset({"requires_payment_method", "requires_confirmation", "requires_action"})

ALLOWED: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "confirm": _OPEN,
        "update": _OPEN,
        "authenticate": frozenset({"requires_action"}),
        "capture": frozenset({"requires_capture"}),
        "cancel": _OPEN | {"requires_capture"},
    }
)
"""Stripe, "How PaymentIntents work": the statuses from which each verb is taken."""

_CONTRACTED: Final = {"capture": "captured", "cancel": "canceled", "confirm": "confirmed"}


def require_status(intent: PaymentIntent, verb: str) -> None:
    """Raise `ApiError` 400 payment_intent_unexpected_state unless the status allows the verb."""
    allowed = ALLOWED[verb]
    if intent.status in allowed:
        return
    done = _CONTRACTED.get(verb, f"{verb}d")
    message = (
        f"This PaymentIntent could not be {done} because it has a status of {intent.status}. "
        f"Only a PaymentIntent with one of the following statuses may be {done}: "
        f"{', '.join(sorted(allowed))}."
    )
    if verb == "capture" and intent.captures:
        message = (
            "This PaymentIntent could not be captured because it has already been captured, and "
            "its remaining amount has already been released."
        )
    more = {"payment_intent": render_payment_intent(intent)}
    raise ApiError(400, message, "payment_intent_unexpected_state", more=more)
