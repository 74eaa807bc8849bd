"""The sandbox's own view of its books: what was really taken from shoppers, and how often."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict

from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.model import Operation, Payment
from psp.ogone.sandbox.transitions import Family

JsonDict = dict[str, object]


def dump(books: Books) -> JsonDict:
    """Return an account's payments with the sums that must hold, in hundredths.

    The sums are the acquirer's truth: what is under way or uncertain counts as it will end.
    """
    payments = list(books.payments.values())
    taken: Counter[str] = Counter()
    orders: Counter[str] = Counter()
    for payment in payments:
        taken[payment.currency] += _taken(payment)
        orders[payment.order_id] += _taken(payment)
    return {
        "pspid": books.account.pspid,
        "taken": dict(taken),
        "orders": dict(orders),
        "refunds": _refunds(payments),
        "payments": [_payment(payment) for payment in payments],
        "aliases": [_alias(books, name) for name in books.aliases],
    }


def _taken(payment: Payment) -> int:
    return payment.true_total(Family.CAPTURE) - payment.true_total(Family.REFUND)


def _refunds(payments: Sequence[Payment]) -> dict[str, list[JsonDict]]:
    """Return every refund by its ORDERID, also those that came to nothing."""
    # An ORDERID may have been tried more than once.
    refunds: dict[str, list[JsonDict]] = {payment.order_id: [] for payment in payments}
    for payment in payments:
        refunds[payment.order_id].extend(
            {
                "id": f"{payment.payid}/{step.payidsub}",
                "amount": step.amount,
                "currency": payment.currency,
                "status": step.status,
                "ends": step.ends,
                "by_hand": step.by_hand,
            }
            for step in payment.history
            if step.family is Family.REFUND
        )
    return refunds


def _payment(payment: Payment) -> JsonDict:
    return {
        "payid": payment.payid,
        "order_id": payment.order_id,
        "operation": payment.operation,
        "status": payment.latest.status,
        "amount": payment.amount,
        "currency": payment.currency,
        "alias": payment.alias,
        "eci": payment.eci,
        "card": payment.card.masked,
        "captured": payment.true_total(Family.CAPTURE),
        "cancelled": payment.true_total(Family.CANCEL),
        "refunded": payment.true_total(Family.REFUND),
        "taken": _taken(payment),
        "captures": _count(payment, Family.CAPTURE),
        "refunds": _count(payment, Family.REFUND),
        "history": [_step(step) for step in payment.history],
    }


def _count(payment: Payment, family: Family) -> int:
    return sum(step.family is family and step.moves for step in payment.history)


def _step(step: Operation) -> JsonDict:
    return asdict(step)


def _alias(books: Books, name: str) -> JsonDict:
    alias = books.aliases[name]
    return {
        "alias": alias.name,
        "usage": alias.usage,
        "card": alias.card.masked,
        "brand": alias.card.behaviour.brand,
        "expiry": alias.card.expiry,
    }
