"""A PaymentIntent confirmed: what comes next is a pure decision, then it is done."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from psp.stripe.sandbox.api_errors import ApiError, invalid
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.cards import Authentication, Decline
from psp.stripe.sandbox.charging import charge_method
from psp.stripe.sandbox.failing import fail_attempt
from psp.stripe.sandbox.model import PaymentIntent, PaymentMethod
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.transitions import require_status

_AUTHENTICATION_REQUIRED: Final = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
_NOT_AUTHENTICATED: Final = Decline(
    "payment_intent_authentication_failure",
    None,
    "We are unable to authenticate your payment method. Please choose a different payment method "
    "and try again.",
)
_NOT_APPROVED: Final = Decline(
    "payment_method_customer_decline",
    None,
    "The customer did not approve the payment.",
)


class Step(Enum):
    """What confirming leads to."""

    CHARGE = auto()
    AUTHENTICATE = auto()
    REDIRECT = auto()
    DECLINE = auto()
    """It would need the shopper, who is not there."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How a payment is confirmed."""

    off_session: bool = False
    return_url: str | None = None
    error_on_action: bool = False

    @classmethod
    def of(cls, parameters: Parameters) -> Terms:
        """Return the terms of a request."""
        return cls(
            off_session=parameters.text("off_session") not in {None, "false"},
            return_url=parameters.text("return_url"),
            error_on_action=parameters.flag("error_on_requires_action"),
        )


def next_step(intent: PaymentIntent, method: PaymentMethod, terms: Terms) -> Step:
    """Return what confirming leads to: a pure decision."""
    if method.card is None:
        # A saved wallet is charged under its agreement; a new one needs the shopper's word.
        return Step.CHARGE if method.customer is not None else Step.REDIRECT
    asked = intent.options.get("card", {}).get("request_three_d_secure")
    needed = {
        Authentication.NEVER: False,
        Authentication.ALWAYS: True,
        Authentication.UNLESS_SET_UP: not method.set_up_off_session,
        Authentication.ON_SESSION_ONLY: not terms.off_session,
    }[method.card.authentication]
    if terms.off_session:
        return Step.DECLINE if needed else Step.CHARGE
    if not needed and asked not in {"any", "challenge"}:
        return Step.CHARGE
    return Step.DECLINE if terms.error_on_action else Step.AUTHENTICATE


def check_terms(intent: PaymentIntent, method: PaymentMethod | None, terms: Terms) -> None:
    """Raise `ApiError` if the payment cannot be confirmed on these terms."""
    if method is None:
        message = (
            "You cannot confirm this PaymentIntent because it's missing a payment method. Update "
            "the PaymentIntent with a payment method and then confirm it again."
        )
        raise ApiError(400, message, "payment_intent_unexpected_state")
    if method.type == "paypal" and intent.saves_for("paypal") == "on_session":
        raise paypal_on_session()
    if terms.off_session and intent.saves_for(method.type):
        message = (
            "You cannot confirm with `off_session=true` when `setup_future_usage` is also set on "
            "the PaymentIntent: saving may need the shopper."
        )
        raise invalid(message, "off_session")
    step = next_step(intent, method, terms)
    if step is Step.REDIRECT and terms.off_session:
        raise invalid("PayPal is charged off session under an agreement only.", "off_session")
    automatic = (intent.automatic_methods or {}).get("allow_redirects") == "always"
    if (step is Step.REDIRECT or (automatic and not terms.off_session)) and not terms.return_url:
        message = (
            "This PaymentIntent accepts payment methods that may send the shopper to another "
            "page: you must provide a `return_url`."
        )
        raise invalid(message, "return_url", "parameter_missing")


def paypal_on_session() -> ApiError:
    """Return the refusal to save PayPal for anything but charges without the shopper."""
    message = "PayPal can be saved with setup_future_usage `off_session` only."
    return invalid(message, "setup_future_usage")


def attempt(books: Books, intent: PaymentIntent, method: PaymentMethod, terms: Terms) -> None:
    """Carry a checked confirmation out; raises `ApiError` 402 for a decline, which is kept."""
    intent.payment_method = method.id
    intent.return_url = terms.return_url
    intent.off_session = terms.off_session
    intent.last_payment_error = None
    intent.next_action = None
    step = next_step(intent, method, terms)
    if step is Step.CHARGE:
        charge_method(books, intent, method)
    elif step is Step.DECLINE:
        # Recorded: no charge and no event.
        raise fail_attempt(intent, method, _AUTHENTICATION_REQUIRED)
    else:
        intent.status = "requires_action"
        intent.next_action = _action(books, intent, step)
        books.emit_intent("payment_intent.requires_action", intent)


def _action(books: Books, intent: PaymentIntent, step: Step) -> dict[str, object]:
    if step is Step.REDIRECT:
        page = f"{books.world.address}/_sandbox/paypal/{intent.id}"
        target = {"return_url": intent.return_url, "url": page}
        return {"type": "redirect_to_url", "redirect_to_url": target}
    details = {
        "type": "three_d_secure_redirect",
        "three_d_secure_2_source": books.new_id("payatt"),
    }
    return {"type": "use_stripe_sdk", "use_stripe_sdk": details}


def act_for_shopper(books: Books, intent: PaymentIntent, *, succeeds: bool) -> None:
    """End a requires_action as the shopper does; raises `ApiError` if the charge is declined."""
    require_status(intent, "authenticate")
    method = books.payment_methods[intent.payment_method or ""]
    intent.next_action = None
    if succeeds:
        charge_method(books, intent, method)
        return
    refusal = _NOT_AUTHENTICATED if method.card else _NOT_APPROVED
    fail_attempt(intent, method, refusal)
    books.emit_intent("payment_intent.payment_failed", intent)
