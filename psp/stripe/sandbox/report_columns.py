"""The columns of reports: Stripe, "Balance report type"."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from psp.stripe.sandbox.amounts import major_units
from psp.stripe.sandbox.books import Books
from psp.stripe.sandbox.model import BalanceTransaction

Column = Callable[["ReportLine"], str]

_NOTES: Final = ("payment_metadata", "refund_metadata")


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A balance transaction, with what reports add to it."""

    transaction: BalanceTransaction
    charge: str = ""
    payment_intent: str = ""
    method_type: str = ""
    payment_notes: Mapping[str, str] = field(default_factory=dict)
    refund_notes: Mapping[str, str] = field(default_factory=dict)


def report_line(books: Books, transaction: BalanceTransaction) -> ReportLine:
    """Return a transaction with what its source leads to."""
    source = transaction.source or ""
    refund, dispute = books.refunds.get(source), books.disputes.get(source)
    charge_id = refund.charge if refund else dispute.charge if dispute else source
    charge = books.charges.get(charge_id)
    if charge is None:
        return ReportLine(transaction)
    return ReportLine(
        transaction,
        charge.id,
        charge.payment_intent,
        charge.method_type,
        books.payment_intents[charge.payment_intent].metadata,
        refund.metadata if refund else {},
    )


def time_text(seconds: int) -> str:
    """Return a Unix time as reports write it."""
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S}"


def _amount(name: str) -> Column:
    def written(line: ReportLine) -> str:
        amounts = line.transaction
        return major_units(getattr(amounts, name), amounts.currency)

    return written


_COMMON: Final[Mapping[str, Column]] = {
    "balance_transaction_id": lambda line: line.transaction.id,
    "currency": lambda line: line.transaction.currency,
    "gross": _amount("amount"),
    "fee": _amount("fee"),
    "net": _amount("net"),
    "reporting_category": lambda line: line.transaction.reporting_category,
    "description": lambda line: line.transaction.description or "",
}
ACTIVITY: Final[Mapping[str, Column]] = {
    **_COMMON,
    "created": lambda line: time_text(line.transaction.created),
    "created_utc": lambda line: time_text(line.transaction.created),
    "available_on": lambda line: time_text(line.transaction.available_on),
    "available_on_utc": lambda line: time_text(line.transaction.available_on),
    "source_id": lambda line: line.transaction.source or "",
    "charge_id": lambda line: line.charge,
    "payment_intent_id": lambda line: line.payment_intent,
    "payment_method_type": lambda line: line.method_type,
    # Payouts are made by hand here, so no line is bound to one.
    "automatic_payout_id": lambda _line: "",
}
PAYOUTS: Final[Mapping[str, Column]] = {
    **_COMMON,
    "effective_at": lambda line: time_text(line.transaction.created),
    "effective_at_utc": lambda line: time_text(line.transaction.created),
    "payout_id": lambda line: line.transaction.source or "",
}


def column(known: Mapping[str, Column], name: str) -> Column | None:
    """Return a column by its name, `payment_metadata[key]` included; None for none."""
    if name in known:
        return known[name]
    kind, bracket, key = name.partition("[")
    if known is not ACTIVITY or kind not in _NOTES or not (bracket and key.endswith("]")):
        return None
    wanted = key.removesuffix("]")
    if kind == "payment_metadata":
        return lambda line: line.payment_notes.get(wanted, "")
    return lambda line: line.refund_notes.get(wanted, "")
