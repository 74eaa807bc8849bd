"""Rows of Stripe's reports as settlement entries: pure functions, one for each report."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final

from psp.redaction import printable
from psp.settlements import SettlementCategory, SettlementEntry
from psp.stripe.money import AmountError, from_report_amount
from psp.stripe.payment_params import PAYMENT_ID
from psp.stripe.refund_reading import REFUND_ID
from psp.stripe.report_tables import ReportError, Row
from psp.stripe.settlement_categories import REFUNDS, settlement_category

# Stripe, "Balance report type": columns that are asked for, in this order.
ACTIVITY_COLUMNS: Final = (
    "balance_transaction_id",
    "created",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "description",
    "source_id",
    "charge_id",
    "payment_intent_id",
    f"payment_metadata[{PAYMENT_ID}]",
    f"refund_metadata[{REFUND_ID}]",
    "automatic_payout_id",
)
PAYOUT_COLUMNS: Final = (
    "balance_transaction_id",
    # The moment at which a payout leaves the balance, and by which the report counts it.
    "effective_at",
    "currency",
    "gross",
    "fee",
    "net",
    "reporting_category",
    "description",
    "payout_id",
)
SUMMARY_COLUMNS: Final = ("category", "net_amount", "currency")

_Start = tuple[str, SettlementCategory, str, datetime, str, int, int, int]
"""The fields of a `SettlementEntry` that every line has, in its order."""

_OPENING: Final = "starting_balance"
_CLOSING: Final = "ending_balance"


def activity_entry(row: Row) -> SettlementEntry:
    """Read a row of `ACTIVITY_COLUMNS`; raises `ReportError` naming line and column."""
    line, (*common, source, charge, intent, payment_id, refund_id, _payout) = row
    start = _common(line, "created", common)
    is_refunds = start[1] in REFUNDS
    return SettlementEntry(
        *start,
        # A charge without a PaymentIntent is none of ours; its own id is what can be looked up.
        printable(intent or charge),
        printable(source) if is_refunds else "",
        printable(payment_id),
        printable(refund_id) if is_refunds else "",
        printable(common[-1]),
    )


def payout_entry(row: Row) -> SettlementEntry:
    """Read a row of `PAYOUT_COLUMNS`; raises `ReportError` naming line and column."""
    line, (*common, _payout) = row
    start = _common(line, "effective_at", common)
    return SettlementEntry(*start, description=printable(common[-1]))


def balances(rows: Iterable[Row]) -> tuple[dict[str, int], dict[str, int]]:
    """Return the opening and the closing balance by currency, of rows of `SUMMARY_COLUMNS`."""
    sides: dict[str, dict[str, int]] = {_OPENING: {}, _CLOSING: {}}
    for line, (category, net_amount, currency) in rows:
        if category in sides:
            code = currency.upper()
            sides[category][code] = _minor(line, "net_amount", net_amount, code)
    return sides[_OPENING], sides[_CLOSING]


def _common(line: int, time_column: str, fields: Sequence[str]) -> _Start:
    entry_id, created, currency, gross, fee, net, raw_category, _description = fields
    if not entry_id:
        raise ReportError(f"line {line}, column balance_transaction_id: it is empty")
    code = currency.upper()
    gross_minor = _minor(line, "gross", gross, code)
    fee_minor = _minor(line, "fee", fee, code)
    net_minor = _minor(line, "net", net, code)
    if gross_minor - fee_minor != net_minor:
        raise ReportError(f"line {line}, column net: {gross} less {fee} is not {net}")
    return (
        printable(entry_id),
        settlement_category(raw_category),
        printable(raw_category),
        _moment(line, time_column, created),
        code,
        gross_minor,
        fee_minor,
        net_minor,
    )


def _minor(line: int, column: str, written: str, currency: str) -> int:
    try:
        return from_report_amount(written, currency)
    except AmountError as error:
        raise ReportError(f"line {line}, column {column}: {error}") from error


def _moment(line: int, column: str, written: str) -> datetime:
    try:
        moment = datetime.fromisoformat(written)
    except ValueError as error:
        raise ReportError(f"line {line}, column {column}: {written[:40]!r} is no time") from error
    # Stripe, "Balance report type": times are of the time zone asked for, or else UTC.
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
