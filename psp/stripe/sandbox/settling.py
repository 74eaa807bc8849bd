"""PaymentIntents confirmed by the server, captured, canceled, expired."""

from __future__ import annotations

from dataclasses import replace

from psp.stripe.sandbox.api_errors import JsonDict, invalid
from psp.stripe.sandbox.balance import book_charge
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.checking import merged_metadata
from psp.stripe.sandbox.confirming import Terms, attempt, check_terms
from psp.stripe.sandbox.creating import apply_changes
from psp.stripe.sandbox.model import PaymentIntent
from psp.stripe.sandbox.parameters import Parameters
from psp.stripe.sandbox.payment_methods import check_chargeable, given_method
from psp.stripe.sandbox.rendering import render_payment_intent
from psp.stripe.sandbox.reviewing import close_review
from psp.stripe.sandbox.transitions import require_status


def confirm_intent(books: Books, intent_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/payment_intents/{id}/confirm."""
    # Confirmed as a copy: what is refused with 400 must leave nothing behind.
    intent = replace(books.payment_intent(intent_id))
    require_status(intent, "confirm")
    method = given_method(books, parameters)
    if method is None and intent.payment_method is not None:
        method = books.payment_methods[intent.payment_method]
    if method is not None:
        check_chargeable(intent, method)
    apply_changes(intent, parameters)
    terms = Terms.of(parameters)
    check_terms(intent, method, terms)
    if method is not None:
        books.payment_intents[intent.id] = intent
        attempt(books, intent, method, terms)
    return render_payment_intent(intent)


def retrieve_intent(books: Books, intent_id: str, parameters: Parameters) -> JsonDict:
    """GET /v1/payment_intents/{id}."""
    intent = books.payment_intent(intent_id)
    secret = parameters.text("client_secret")
    if secret not in {None, intent.client_secret}:
        message = "The client_secret provided does not match that of this PaymentIntent."
        raise invalid(message, "client_secret", "payment_intent_invalid_parameter")
    return render_payment_intent(intent)


def capture_intent(books: Books, intent_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/payment_intents/{id}/capture: once; the rest is released."""
    intent = books.payment_intent(intent_id)
    require_status(intent, "capture")
    asked = parameters.integer("amount_to_capture")
    amount = intent.amount_capturable if asked is None else asked
    if amount > intent.amount_capturable:
        message = (
            f"The amount to capture ({amount}) is greater than the capturable amount "
            f"({intent.amount_capturable})."
        )
        raise invalid(message, "amount_to_capture", "amount_too_large")
    charge = books.latest_charge(intent)
    books.held_until.pop(intent.id, None)
    charge.captured = True
    charge.amount_captured = amount
    # Reports call the released part partial_capture_reversal; the charge counts it as refunded.
    charge.amount_refunded += charge.amount - amount
    book_charge(books, charge)
    intent.status = "succeeded"
    intent.amount_received = amount
    intent.amount_capturable = 0
    intent.captures += 1
    intent.metadata = merged_metadata(intent.metadata, parameters)
    books.emit_charge("charge.captured", charge)
    books.emit_intent("payment_intent.succeeded", intent)
    return render_payment_intent(intent)


def cancel_intent(books: Books, intent_id: str, parameters: Parameters) -> JsonDict:
    """POST /v1/payment_intents/{id}/cancel."""
    intent = books.payment_intent(intent_id)
    require_status(intent, "cancel")
    void_intent(books, intent, parameters.text("cancellation_reason"), "charge.refunded")
    return render_payment_intent(intent)


def void_intent(books: Books, intent: PaymentIntent, reason: str | None, released: str) -> None:
    """Cancel a PaymentIntent; an authorisation is released, which `released` tells."""
    held = intent.status == "requires_capture"
    books.held_until.pop(intent.id, None)
    intent.status = "canceled"
    intent.canceled_at = books.now()
    intent.cancellation_reason = reason
    intent.amount_capturable = 0
    intent.next_action = None
    if held:
        charge = books.latest_charge(intent)
        charge.amount_refunded = charge.amount
        books.emit_charge(released, charge)
    books.emit_intent("payment_intent.canceled", intent)
    if intent.review is not None and books.reviews[intent.review].open:
        close_review(books, books.reviews[intent.review], "canceled")


def expire_authorisations(books: Books) -> None:
    """Cancel what was authorised and not captured in time."""
    now = books.now()
    for intent_id in [held for held, until in books.held_until.items() if until <= now]:
        intent = books.payment_intents[intent_id]
        del books.held_until[intent_id]
        if intent.status == "requires_capture":
            void_intent(books, intent, "automatic", "charge.expired")
