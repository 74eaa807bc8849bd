"""The account's balance: a line for each thing that moves it, and payouts out of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from psp.stripe.sandbox.amounts import MULTIPLE_OF
from psp.stripe.sandbox.api_errors import ApiError, invalid
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.model import BalanceTransaction, Charge, Dispute, Payout, Refund

TYPES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "charge": "charge",
        "charge_failure": "payment_failure_refund",
        "dispute": "adjustment",
        "dispute_reversal": "adjustment",
        "fee": "stripe_fee",
        "other_adjustment": "adjustment",
        "partial_capture_reversal": "refund",
        "payout": "payout",
        "payout_reversal": "payout_failure",
        "refund": "refund",
        "refund_failure": "refund_failure",
    }
)
"""The older `type` of each reporting category (Stripe, "Reporting categories")."""

DAY_S: Final = 86_400
_AVAILABLE_AFTER_DAYS: Final = 2
# Made up, and near enough to a European card: 1.5 % and 25 of Stripe's smallest units.
_FEE_PER_THOUSAND: Final = 15
_FEE_FIXED: Final = 25
_DISPUTE_FEE: Final = 2000


@dataclass(frozen=True, slots=True)
class Movement:
    """What is to be booked. Money that leaves the balance is negative, a fee that does positive."""

    category: str
    amount: int
    currency: str
    source: str | None = None
    fee: int = 0
    description: str | None = None
    after_days: int = 0
    """When the money can be paid out: at once, or at the start of a later day."""


def book(books: Books, movement: Movement) -> BalanceTransaction:
    """Write a line."""
    now = books.now()
    available = (now // DAY_S + movement.after_days) * DAY_S if movement.after_days else now
    line = BalanceTransaction(
        id=books.new_id("txn"),
        created=now,
        available_on=available,
        amount=movement.amount,
        fee=movement.fee,
        currency=movement.currency,
        type=TYPES[movement.category],
        reporting_category=movement.category,
        source=movement.source,
        description=movement.description,
    )
    books.balance[line.id] = line
    return line


def book_charge(books: Books, charge: Charge) -> None:
    """Book a captured charge, what a partial capture left, and the dispute of a card that does so.

    The whole authorisation is booked and the rest of it reversed (Stripe, "Reporting categories").
    """
    charge.balance_transaction = book(
        books,
        Movement(
            "charge",
            charge.amount,
            charge.currency,
            charge.id,
            fee_of(charge.amount_captured, charge.currency),
            charge.description,
            _AVAILABLE_AFTER_DAYS,
        ),
    ).id
    left = charge.amount - charge.amount_captured
    if left:
        reversal = Movement(
            "partial_capture_reversal",
            -left,
            charge.currency,
            charge.id,
            after_days=_AVAILABLE_AFTER_DAYS,
        )
        book(books, reversal)
    if charge.disputed:
        _book_dispute(books, charge)


def book_refund(books: Books, refund: Refund) -> None:
    """Book money given back; Stripe keeps its fee."""
    refund.booked = True
    movement = Movement("refund", -refund.amount, refund.currency, refund.id)
    refund.balance_transaction = book(books, movement).id


def book_refund_failure(books: Books, refund: Refund) -> None:
    """Book money that came back."""
    refund.booked = False
    movement = Movement("refund_failure", refund.amount, refund.currency, refund.id)
    refund.failure_balance_transaction = book(books, movement).id


def pay_out(books: Books, currency: str, amount: int | None) -> Payout:
    """Pay out what is available, or a part of it; raises `ApiError` 400 if it is not there."""
    now = books.now()
    available = sum(
        line.net
        for line in books.balance.values()
        if line.currency == currency and line.available_on <= now
    )
    wanted = available if amount is None else amount
    if not 0 < wanted <= available:
        message = f"You have {available} {currency} available, which is too little to pay out."
        raise invalid(message, "amount", "balance_insufficient")
    payout = Payout(books.new_id("po"), now, wanted, currency)
    books.payouts[payout.id] = payout
    movement = Movement("payout", -wanted, currency, payout.id, description="STRIPE PAYOUT")
    payout.balance_transaction = book(books, movement).id
    return payout


def book_by_hand(books: Books, movement: Movement) -> BalanceTransaction:
    """Book whatever a test needs; raises `ApiError` for a category that is not simulated."""
    if movement.category not in TYPES:
        raise ApiError(400, f"category is one of {', '.join(TYPES)}", param="category")
    return book(books, movement)


def balance_of(lines: Iterable[BalanceTransaction]) -> dict[str, int]:
    """Return what lines come to, by currency."""
    sums: Counter[str] = Counter()
    for line in lines:
        sums[line.currency] += line.net
    return dict(sums)


def fee_of(amount: int, currency: str) -> int:
    """Return what Stripe keeps of a charge, in whole units of a currency that has no parts."""
    step = MULTIPLE_OF.get(currency, 1)
    return (amount * _FEE_PER_THOUSAND // 1000 + _FEE_FIXED) // step * step


def _book_dispute(books: Books, charge: Charge) -> None:
    dispute = Dispute(
        books.new_id("du"),
        books.now(),
        charge.amount_captured,
        charge.currency,
        charge.id,
        charge.payment_intent,
    )
    books.disputes[dispute.id] = dispute
    description = f"Chargeback withdrawal for {charge.id}"
    book(
        books,
        Movement(
            "dispute", -dispute.amount, charge.currency, dispute.id, _DISPUTE_FEE, description
        ),
    )
