"""Objects of the books as Stripe's JSON."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from psp.stripe.sandbox.api_errors import JsonDict
from psp.stripe.sandbox.model import (
    Charge,
    Customer,
    Event,
    PaymentIntent,
    PaymentMethod,
    Refund,
    Review,
    SetupIntent,
)

API_VERSION: Final = "2026-10-28.endive"
_EXPIRY: Final = {"exp_month": 12, "exp_year": 2034}
PAYPAL_PAYER: Final = "shopper@example.com"
"""Whose wallet the sandbox's PayPal is."""


def render_customer(customer: Customer) -> JsonDict:
    """Return a Customer."""
    details = customer.details
    return {
        "id": customer.id,
        "object": "customer",
        "address": details.get("address"),
        "balance": 0,
        "created": customer.created,
        "currency": None,
        "default_source": None,
        "delinquent": False,
        "description": details.get("description"),
        "email": details.get("email"),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": customer.default_payment_method,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": False,
        "metadata": dict(customer.metadata),
        "name": details.get("name"),
        "phone": details.get("phone"),
        "preferred_locales": details.get("preferred_locales") or [],
        "shipping": details.get("shipping"),
        "tax_exempt": details.get("tax_exempt") or "none",
        "test_clock": None,
    }


def render_payment_method(method: PaymentMethod) -> JsonDict:
    """Return a PaymentMethod."""
    return {
        "id": method.id,
        "object": "payment_method",
        "allow_redisplay": method.allow_redisplay,
        "billing_details": render_billing(method),
        "created": method.created,
        "customer": method.customer,
        "livemode": False,
        "metadata": dict(method.metadata),
        "type": method.type,
        method.type: _paypal(method) if method.card is None else _card(method),
    }


def render_billing(method: PaymentMethod) -> JsonDict:
    """Return whom a method is billed to."""
    nothing: JsonDict = dict.fromkeys(("address", "email", "name", "phone", "tax_id"))
    return nothing | method.billing


def method_details(method: PaymentMethod, amount: int, capture_before: int | None) -> JsonDict:
    """Return a charge's `payment_method_details`."""
    if method.card is None:
        # PayPal names no moment by which to capture.
        details = _paypal(method) | {"transaction_id": f"{method.id[-16:].upper()}"}
        return {"type": "paypal", "paypal": details}
    authorised: JsonDict = {"amount_authorized": amount}
    if capture_before is not None:
        authorised["capture_before"] = capture_before
    return {"type": "card", "card": _card(method) | authorised}


def render_payment_intent(intent: PaymentIntent) -> JsonDict:
    """Return a PaymentIntent."""
    return {
        "id": intent.id,
        "object": "payment_intent",
        "allowed_payment_method_types": intent.allowed_types or None,
        "amount": intent.amount,
        "amount_capturable": intent.amount_capturable,
        "amount_details": {"tip": {}},
        "amount_received": intent.amount_received,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": intent.automatic_methods,
        "canceled_at": intent.canceled_at,
        "cancellation_reason": intent.cancellation_reason,
        "capture_method": intent.capture_method,
        "client_secret": intent.client_secret,
        "confirmation_method": "automatic",
        "created": intent.created,
        "currency": intent.currency,
        "customer": intent.customer,
        "description": intent.description,
        "last_payment_error": intent.last_payment_error,
        "latest_charge": intent.latest_charge,
        "livemode": False,
        "metadata": dict(intent.metadata),
        "next_action": intent.next_action,
        "on_behalf_of": None,
        "payment_method": intent.payment_method,
        "payment_method_options": {
            name: dict(intent.options.get(name, {})) for name in intent.method_types
        },
        "payment_method_types": list(intent.method_types),
        "processing": None,
        "receipt_email": intent.receipt_email,
        "review": intent.review,
        "setup_future_usage": intent.setup_future_usage,
        "shipping": intent.shipping,
        "source": None,
        "statement_descriptor": intent.statement_descriptor,
        "statement_descriptor_suffix": intent.statement_descriptor_suffix,
        "status": intent.status,
        "transfer_data": None,
        "transfer_group": None,
    }


def render_setup_intent(setup: SetupIntent) -> JsonDict:
    """Return a SetupIntent."""
    return {
        "id": setup.id,
        "object": "setup_intent",
        "allowed_payment_method_types": list(setup.method_types),
        "application": None,
        "cancellation_reason": None,
        "client_secret": setup.client_secret,
        "created": setup.created,
        "customer": setup.customer,
        "description": setup.description,
        "last_setup_error": setup.last_setup_error,
        "livemode": False,
        "metadata": dict(setup.metadata),
        "next_action": setup.next_action,
        "on_behalf_of": None,
        "payment_method": setup.payment_method,
        "payment_method_types": list(setup.method_types),
        "status": setup.status,
        "usage": setup.usage,
    }


def render_charge(charge: Charge) -> JsonDict:
    """Return a Charge."""
    return {
        "id": charge.id,
        "object": "charge",
        "amount": charge.amount,
        "amount_captured": charge.amount_captured,
        "amount_refunded": charge.amount_refunded,
        "balance_transaction": charge.balance_transaction,
        "captured": charge.captured,
        "created": charge.created,
        "currency": charge.currency,
        "customer": charge.customer,
        "description": charge.description,
        "disputed": charge.disputed,
        "failure_code": charge.failure_code,
        "failure_message": charge.failure_message,
        "fraud_details": {},
        "livemode": False,
        "metadata": dict(charge.metadata),
        "outcome": charge.outcome,
        # Stripe API, Charge `paid`: succeeded, or authorised for later capture.
        "paid": charge.status == "succeeded",
        "payment_intent": charge.payment_intent,
        "payment_method": charge.payment_method,
        "payment_method_details": charge.method_details,
        "refunded": charge.status == "succeeded" and charge.amount_refunded == charge.amount,
        "review": charge.review,
        "status": charge.status,
    }


def render_refund(refund: Refund) -> JsonDict:
    """Return a Refund; reasons of its status are there only while they hold, as Stripe does."""
    rendered: JsonDict = {
        "id": refund.id,
        "object": "refund",
        "amount": refund.amount,
        "balance_transaction": refund.balance_transaction,
        "charge": refund.charge,
        "created": refund.created,
        "currency": refund.currency,
        "destination_details": {"type": "card" if refund.id.startswith("re_") else "paypal"},
        "metadata": dict(refund.metadata),
        "payment_intent": refund.payment_intent,
        "reason": refund.reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": refund.status,
        "transfer_reversal": None,
    }
    if refund.pending_reason is not None:
        rendered["pending_reason"] = refund.pending_reason
    if refund.failure_reason is not None:
        rendered["failure_reason"] = refund.failure_reason
        rendered["failure_balance_transaction"] = refund.failure_balance_transaction
    return rendered


def render_review(review: Review) -> JsonDict:
    """Return a Review."""
    return {
        "id": review.id,
        "object": "review",
        "billing_zip": None,
        "charge": review.charge,
        "closed_reason": review.closed_reason,
        "created": review.created,
        "ip_address": None,
        "ip_address_location": None,
        "livemode": False,
        "open": review.open,
        "opened_reason": review.opened_reason,
        "payment_intent": review.payment_intent,
        "reason": review.closed_reason or review.opened_reason,
        "session": None,
    }


def render_event(event: Event) -> JsonDict:
    """Return an Event."""
    return {
        "id": event.id,
        "object": "event",
        "api_version": API_VERSION,
        "created": event.created,
        "data": {"object": event.subject},
        "livemode": False,
        "pending_webhooks": event.pending_webhooks,
        "request": event.request,
        "type": event.type,
    }


def _card(method: PaymentMethod) -> JsonDict:
    card = method.card
    if card is None:
        raise TypeError(f"{method.id} is no card")
    return {
        "brand": card.brand,
        "checks": {
            "address_line1_check": None,
            "address_postal_code_check": None,
            "cvc_check": "pass",
        },
        "country": "US",
        **_EXPIRY,
        # The same for one number, whoever pays with it.
        "fingerprint": sha256(card.number.encode()).hexdigest()[:16],
        "funding": "credit",
        "last4": card.last4,
        "wallet": None,
    }


def _paypal(method: PaymentMethod) -> JsonDict:
    return {
        "country": "FR",
        "payer_email": method.billing.get("email") or PAYPAL_PAYER,
        "payer_id": method.id[-13:].upper(),
    }
