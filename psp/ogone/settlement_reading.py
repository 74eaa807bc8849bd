"""Rows of Ogone's download as settlement entries: pure functions.

Ogone tells the gross amounts of operations: no fees, no payouts, no balance.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final

from psp.ogone.download_rows import DownloadError, Row
from psp.ogone.money import AmountError, from_ogone_amount
from psp.ogone.settlement_statuses import Booking, booking_of
from psp.ogone.wording import redacted
from psp.redaction import printable
from psp.settlements import SettlementCategory, SettlementEntry

_C = SettlementCategory
_REFUNDS: Final = frozenset({_C.REFUND, _C.REFUND_FAILURE})

_DATE: Final = re.compile(r"([0-9]{1,2})/([0-9]{1,2})/([0-9]{4})", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{1,20}", re.ASCII)
_NOON: Final = 12
_MAX_ORDER_ID: Final = 40
_NO_ERROR: Final = "0"


def settlement_entry(row: Row) -> SettlementEntry | None:
    """Read a row, None if its operation moved nothing; raises `DownloadError` naming the row.

    Fields that a row which moved money must have: ID, STATUS, PAYDATE, TOTAL, CUR, and REF or
    ORDERID. A refund's must tell its PAYIDSUB as well.
    """
    status = _required(row, "STATUS")
    booking = booking_of(status)
    if booking is None:
        return None
    payid, number = _operation(row)
    reference = f"{payid}/{number}" if number else payid
    is_refunds = booking.category in _REFUNDS
    if is_refunds and not number:
        # One of several refunds of a payment: to guess which would settle the wrong one.
        detail = "the download must have PAYIDSUB: add it to the columns in Ogone's back office"
        raise DownloadError(f"row {row.number}: it does not say which operation it is: {detail}")
    currency = _required(row, "CUR").upper()
    gross_minor = booking.sign * _minor(row, currency)
    order_id = _order_id(row)
    return SettlementEntry(
        entry_id=_entry_id(reference, booking),
        category=booking.category,
        raw_category=printable(status),
        occurred_time=_moment(row),
        currency=currency,
        gross_minor=gross_minor,
        fee_minor=0,
        net_minor=gross_minor,
        # The ORDERID is our payment id, and the PSP reference of a payment.
        payment_reference=order_id,
        refund_reference=reference if is_refunds else "",
        payment_id=order_id,
        description=_description(row.text("LIB"), row.text("NCSTER")),
    )


def _operation(row: Row) -> tuple[str, str]:
    """Return PAYID and PAYIDSUB, empty if the row does not tell it.

    [?] Ogone's sample shows neither a name for PAYIDSUB nor a number behind the ID. Both are read:
    an attribute of the name that DirectLink has for it, and `PAYID/PAYIDSUB` as the back office
    writes it.
    """
    payid, _, behind = _required(row, "ID").partition("/")
    number = row.text("PAYIDSUB") or behind
    if not _DIGITS.fullmatch(payid):
        raise DownloadError(f"row {row.number}: ID {_shown(row.text('ID'))} is no PAYID")
    if number and not _DIGITS.fullmatch(number):
        raise DownloadError(f"row {row.number}: PAYIDSUB {_shown(number)} is no number")
    if behind and behind != number:
        raise DownloadError(f"row {row.number}: ID and PAYIDSUB name two operations")
    return payid, number


def _entry_id(reference: str, booking: Booking) -> str:
    """Name a line: the return of a refund's money is another than the refund, in the same row."""
    return f"{reference}/returned" if booking.category is _C.REFUND_FAILURE else reference


def _order_id(row: Row) -> str:
    # [?] Where both are there, the column that bears DirectLink's own name is the surer one.
    order_id = row.text("ORDERID") or _required(row, "REF")
    if len(order_id) > _MAX_ORDER_ID:
        raise DownloadError(f"row {row.number}: its ORDERID is longer than any")
    return printable(order_id)


def _minor(row: Row, currency: str) -> int:
    total = _required(row, "TOTAL")
    try:
        return from_ogone_amount(total, currency)
    except AmountError as error:
        shown = f"TOTAL {_shown(total)} {_shown(currency)}"
        raise DownloadError(f"row {row.number}: {shown}: {error}") from error


def _moment(row: Row) -> datetime:
    written = _required(row, "PAYDATE")
    try:
        return _noon(written)
    except ValueError as error:
        shown = f"PAYDATE {_shown(written)} is no date as Ogone writes it, d/m/yyyy"
        raise DownloadError(f"row {row.number}: {shown}") from error


@lru_cache(maxsize=64)
def _noon(written: str) -> datetime:
    """Return noon in UTC of a date: Ogone tells no time, and this is that day in all of Europe."""
    found = _DATE.fullmatch(written)
    if found is None:
        raise ValueError(written)
    day, month, year = (int(part) for part in found.groups())
    return datetime(year, month, day, _NOON, tzinfo=UTC)


@lru_cache(maxsize=256)
def _description(words: str, result: str) -> str:
    """Return Ogone's words for the status, and the error beside it: NCSTER is NCSTATUS/NCERROR."""
    _, _, error = result.partition("/")
    said = redacted(printable(words))
    return f"{said} (NCERROR {redacted(printable(error))})" if error.strip(_NO_ERROR) else said


def _required(row: Row, name: str) -> str:
    value = row.text(name)
    if not value:
        raise DownloadError(f"row {row.number}: it has no {name}")
    return value


def _shown(value: str) -> str:
    return repr(redacted(printable(value))[:40])
