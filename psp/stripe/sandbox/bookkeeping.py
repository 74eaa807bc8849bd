"""The sandbox's own view of its books: what was taken from shoppers, and how often."""

from __future__ import annotations

from collections import Counter

from psp.stripe.sandbox.api_errors import JsonDict
from psp.stripe.sandbox.balance import balance_of
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.model import PaymentIntent, Refund
from psp.stripe.sandbox.rendering import render_charge


def dump(books: Books) -> JsonDict:
    """Return an account's payments and charges with the sums that must hold."""
    totals: Counter[str] = Counter()
    for charge in books.charges.values():
        totals[charge.currency] += charge.taken
    return {
        "account": books.account,
        "taken": dict(totals),
        "payment_intents": [_payment(books, intent) for intent in books.payment_intents.values()],
        "charges": [
            render_charge(charge) | {"taken": charge.taken} for charge in books.charges.values()
        ],
        "balance": balance_of(books.balance.values()),
        "balance_transactions": len(books.balance),
        "customers": len(books.customers),
        "events": len(books.events),
        "open_reviews": [review.id for review in books.reviews.values() if review.open],
    }


def _payment(books: Books, intent: PaymentIntent) -> JsonDict:
    charges = [charge for charge in books.charges.values() if charge.payment_intent == intent.id]
    refunds = books.refunds_of(intent.id)
    return {
        "id": intent.id,
        "status": intent.status,
        "amount": intent.amount,
        "currency": intent.currency,
        "amount_capturable": intent.amount_capturable,
        "amount_received": intent.amount_received,
        "captures": intent.captures,
        "charges": len(charges),
        "successful_charges": sum(charge.status == "succeeded" for charge in charges),
        "taken": sum(charge.taken for charge in charges),
        "metadata": dict(intent.metadata),
        "refunded": sum(refund.amount for refund in refunds if refund.counts),
        "refunds": [_refund(refund) for refund in refunds],
    }


def _refund(refund: Refund) -> JsonDict:
    return {
        "id": refund.id,
        "amount": refund.amount,
        "status": refund.status,
        "reason": refund.reason,
        "metadata": dict(refund.metadata),
    }
