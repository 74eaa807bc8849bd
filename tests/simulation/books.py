"""The PSPs' own books, both in one shape: what was taken, given back, and is still held."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from psp.money import Money
from psp.ogone.sandbox import OgoneSandbox
from psp.stripe.sandbox import StripeSandbox
from tests.simulation.post import Post

_STRIPE_PAYMENT = "paygate_payment_id"
_STRIPE_ORDER = "paygate_order_id"
_STRIPE_REFUND = "paygate_refund_id"
_AUTHORISED = 5
_REFUNDED = 8
_AT_THE_BANK = 46
_CAPTURE_REFUSED = 93


@dataclass
class BookRefund:
    """One refund as the PSP has it."""

    id: str
    amount_minor: int
    counts: bool
    """Whether its money is away, or on its way."""
    ours: str
    """Our id of it, where the PSP keeps one."""
    foreign: bool
    """Made at the PSP, past the gateway."""


@dataclass
class BookEntry:
    """One payment as its PSP has it; sums in minor units."""

    psp: str
    reference: str
    payment_id: str
    amount_minor: int
    currency: str
    captured_minor: int = 0
    held_minor: int = 0
    """Authorised, and neither captured nor given up."""
    captures: int = 0
    charges: int = 0
    refunds: list[BookRefund] = field(default_factory=list)
    payable: bool = False
    """Its shopper may still pay."""
    at_the_bank: bool = False
    """Its shopper left at 3-D Secure of a page that never ends by itself."""
    review_open: bool = False
    review_rejected: bool = False

    @property
    def refunded_minor(self) -> int:
        """What was given back."""
        return sum(refund.amount_minor for refund in self.refunds if refund.counts)

    @property
    def taken_minor(self) -> int:
        """What the merchant has of the shopper's money."""
        return self.captured_minor - self.refunded_minor


class Books:
    """Both sandboxes' books."""

    def __init__(self, stripe: StripeSandbox, ogone: OgoneSandbox, post: Post) -> None:
        self._stripe = stripe
        self._ogone = ogone
        self._post = post
        self._changed_s: dict[str, float] = {}

    def changed(self, reference: str, now_s: float) -> None:
        """Note that a payment was just changed at the PSP by somebody else than the gateway."""
        self._changed_s[reference] = now_s

    def changed_since(self, reference: str, since_s: float) -> bool:
        """Whether somebody else than the gateway changed it since then."""
        return self._changed_s.get(reference, -1.0) >= since_s

    def of_payment(self, payment_id: str) -> BookEntry | None:
        """Return what the PSPs have of a payment of ours; None if they have nothing."""
        return self.all().get(payment_id)

    def order_of_payid(self, payid: str) -> str:
        """Return the ORDERID, which is our id of the payment, of what Ogone calls so."""
        payments: list[Any] = [each for books in self._ogone.books() for each in _list(books)]
        return next((each["order_id"] for each in payments if each["payid"] == payid), "")

    def all(self) -> dict[str, BookEntry]:
        """Return every payment by our id; several tries of one at Ogone are one entry."""
        entries: dict[str, BookEntry] = {}
        for books in self._stripe.books():
            charges: Any = books["charges"]
            disputes = {charge["payment_intent"] for charge in charges if charge.get("disputed")}
            intents: Any = books["payment_intents"]
            for intent in intents:
                entry = self._of_stripe(intent)
                assert entry.payment_id not in entries, f"two intents of {entry.payment_id}"
                entry.review_rejected |= entry.reference in disputes
                entries[entry.payment_id] = entry
        for ogone in self._ogone.books():
            payments: Any = ogone["payments"]
            for payment in payments:
                _add_ogone(entries, payment)
        return entries

    def _of_stripe(self, intent: Any) -> BookEntry:
        reviews = [
            review
            for review in self._post.reviews.values()
            if review["payment_intent"] == intent["id"]
        ]
        rejected = {"refunded", "refunded_as_fraud", "disputed"}
        return BookEntry(
            psp="stripe",
            reference=intent["id"],
            payment_id=intent["metadata"].get(_STRIPE_PAYMENT, intent["id"]),
            payable=intent["status"].startswith("requires_")
            and intent["status"] != "requires_capture",
            amount_minor=intent["amount"],
            currency=intent["currency"].upper(),
            captured_minor=intent["amount_received"],
            held_minor=intent["amount_capturable"],
            captures=intent["captures"],
            charges=intent["successful_charges"],
            refunds=[_of_stripe_refund(refund) for refund in intent["refunds"]],
            review_open=any(review["open"] for review in reviews),
            review_rejected=any(review["closed_reason"] in rejected for review in reviews),
        )


def _list(books: Any) -> list[Any]:
    return list(books["payments"])


def unpaid_because(entry: BookEntry | None, total: Money, *, manual: bool) -> str:
    """Return why an order of this total may not be shipped by the PSP's word; empty: it may.

    `manual`: a caller captures later, perhaps a part, so that a reservation is enough.
    """
    if entry is None:
        return "no PSP knows the payment"
    paid = (entry.amount_minor, entry.currency)
    reasons = {
        "its review is open at the PSP": entry.review_open,
        "its review was rejected at the PSP": entry.review_rejected,
        "nothing was taken or reserved at the PSP": not entry.captured_minor
        and not entry.held_minor,
        f"{entry.captured_minor} of {total} was captured": not manual
        and entry.captured_minor != total.amount_minor,
        f"{entry.refunded_minor} of it was refunded at the PSP": entry.refunded_minor > 0,
        f"it is of {paid}, and the order of {total}": paid != (total.amount_minor, total.currency),
    }
    return next((reason for reason, applies in reasons.items() if applies), "")


def _of_stripe_refund(refund: Any) -> BookRefund:
    ours = refund["metadata"].get(_STRIPE_REFUND, "")
    counts = refund["status"] not in {"failed", "canceled"}
    return BookRefund(refund["id"], refund["amount"], counts, ours, foreign=not ours)


def _add_ogone(entries: dict[str, BookEntry], payment: Any) -> None:
    # The account's currencies have two decimals, so that hundredths are minor units.
    entry = entries.setdefault(
        payment["order_id"],
        BookEntry(
            psp="ogone",
            reference=payment["order_id"],
            payment_id=payment["order_id"],
            amount_minor=payment["amount"],
            currency=payment["currency"],
        ),
    )
    first = payment["history"][0]
    captured = payment["captured"]
    # A capture that was refused later is the end of it (Ogone status 93), until it lapses.
    refused = any(step["ends"] == _CAPTURE_REFUSED for step in payment["history"])
    authorised = payment["operation"] == "RES" and first["ends"] == _AUTHORISED and not refused
    entry.at_the_bank = payment["status"] == _AT_THE_BANK
    entry.captured_minor += captured
    if authorised and not captured:
        entry.held_minor += payment["amount"] - payment["cancelled"]
    entry.captures += payment["captures"]
    entry.charges += bool(captured or authorised)
    entry.refunds += [
        BookRefund(
            f"{payment['payid']}/{step['payidsub']}",
            step["amount"],
            step["ends"] == _REFUNDED,
            "",
            foreign=step["by_hand"],
        )
        for step in payment["history"]
        if step["family"] == "refund"
    ]
