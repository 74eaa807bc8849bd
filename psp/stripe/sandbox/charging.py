"""A charge made: declined, authorised or captured, with its review and its saved method."""

from __future__ import annotations

from typing import Final

from psp.stripe.sandbox.api_errors import JsonDict
from psp.stripe.sandbox.balance import book_charge
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.cards import Decline
from psp.stripe.sandbox.failing import fail_attempt
from psp.stripe.sandbox.model import Charge, PaymentIntent, PaymentMethod, Review
from psp.stripe.sandbox.payment_methods import save_method
from psp.stripe.sandbox.rendering import method_details, render_review

_DAY_S: Final = 86_400
# Stripe, "Place a hold on a payment method": online cards, Visa without the shopper, PayPal.
_CARD_WINDOW_S: Final = 7 * _DAY_S
_VISA_OFF_SESSION_WINDOW_S: Final = 4 * _DAY_S + 18 * 3600
_PAYPAL_WINDOW_S: Final = 10 * _DAY_S

_NORMAL_RISK: Final = 20
_ELEVATED_RISK: Final = 70
_HIGHEST_RISK: Final = 90


def charge_method(books: Books, intent: PaymentIntent, method: PaymentMethod) -> None:
    """Charge the method; raises `ApiError` 402 for a decline, which is kept."""
    decline = method.card.decline if method.card else None
    if decline is not None:
        charge = _recorded(books, intent, method, _failed_outcome(decline), None)
        charge.status = "failed"
        charge.failure_code, charge.failure_message = decline.code, decline.message
        refusal = fail_attempt(intent, method, decline, charge)
        books.emit_charge("charge.failed", charge)
        books.emit_intent("payment_intent.payment_failed", intent)
        raise refusal
    later = intent.captures_later(method.type)
    until = books.now() + _window_s(intent, method) if later else None
    if until is not None:
        books.held_until[intent.id] = until
    charge = _recorded(books, intent, method, _outcome(method), until)
    charge.disputed = bool(method.card and method.card.disputed)
    intent.latest_charge = charge.id
    review = _opened_review(books, intent, charge, method)
    if later:
        intent.status = "requires_capture"
        intent.amount_capturable = intent.amount
        told = "payment_intent.amount_capturable_updated"
    else:
        capture_whole(books, intent, charge)
        told = "payment_intent.succeeded"
    books.emit_charge("charge.succeeded", charge)
    books.emit_intent(told, intent)
    _save(books, intent, method)
    if review is not None:
        books.emit("review.opened", render_review(review))


def capture_whole(books: Books, intent: PaymentIntent, charge: Charge) -> None:
    """Take the money at once."""
    charge.captured = True
    charge.amount_captured = charge.amount
    if intent.capture_method == "automatic_async":
        books.unsettled.append(charge)
    else:
        book_charge(books, charge)
    intent.status = "succeeded"
    intent.amount_received = intent.amount
    intent.captures += 1


def settle_later_charges(books: Books) -> None:
    """Bring the balance transactions that automatic_async left out (Stripe: charge.updated)."""
    unsettled, books.unsettled = books.unsettled, []
    for charge in unsettled:
        book_charge(books, charge)
        books.emit_charge("charge.updated", charge)


def _recorded(
    books: Books,
    intent: PaymentIntent,
    method: PaymentMethod,
    outcome: JsonDict,
    authorised_until: int | None,
) -> Charge:
    charge = Charge(
        id=books.new_id("ch" if method.card else "py"),
        created=books.now(),
        amount=intent.amount,
        currency=intent.currency,
        payment_intent=intent.id,
        payment_method=method.id,
        method_type=method.type,
        method_details=method_details(method, intent.amount, authorised_until),
        outcome=outcome,
        customer=intent.customer,
        description=intent.description,
        metadata=dict(intent.metadata),
        authorised_until=authorised_until,
    )
    books.charges[charge.id] = charge
    return charge


def _window_s(intent: PaymentIntent, method: PaymentMethod) -> int:
    if method.card is None:
        return _PAYPAL_WINDOW_S
    if intent.off_session and method.card.brand == "visa":
        return _VISA_OFF_SESSION_WINDOW_S
    return _CARD_WINDOW_S


def _opened_review(
    books: Books, intent: PaymentIntent, charge: Charge, method: PaymentMethod
) -> Review | None:
    if method.card is None or not method.card.elevated_risk:
        return None
    review = Review(books.new_id("prv"), books.now(), charge.id, intent.id, "rule")
    books.reviews[review.id] = review
    intent.review = charge.review = review.id
    return review


def _save(books: Books, intent: PaymentIntent, method: PaymentMethod) -> None:
    wanted = intent.saves_for(method.type)
    if wanted == "off_session":
        method.set_up_off_session = True
    if wanted and intent.customer:
        save_method(books, method, intent.customer)
    elif method.customer is None:
        method.spent = True


def _outcome(method: PaymentMethod) -> JsonDict:
    elevated = bool(method.card and method.card.elevated_risk)
    return {
        "network_status": "approved_by_network",
        "reason": "elevated_risk_level" if elevated else None,
        "risk_level": "elevated" if elevated else "normal",
        "risk_score": _ELEVATED_RISK if elevated else _NORMAL_RISK,
        "seller_message": "Payment complete.",
        "type": "manual_review" if elevated else "authorized",
    }


def _failed_outcome(decline: Decline) -> JsonDict:
    return {
        "network_status": "not_sent_to_network" if decline.blocked else "declined_by_network",
        "reason": "highest_risk_level" if decline.blocked else decline.decline_code or decline.code,
        "risk_level": "highest" if decline.blocked else "normal",
        "risk_score": _HIGHEST_RISK if decline.blocked else _NORMAL_RISK,
        "seller_message": "Stripe blocked this payment as too risky."
        if decline.blocked
        else "The bank did not return any further details with this decline.",
        "type": "blocked" if decline.blocked else "issuer_declined",
    }
