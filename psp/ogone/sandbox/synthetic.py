"""Days of invented business, as long as wanted: what big downloads are made of.

Row 4, 9, 14 … (from 0) refunds half of the payment of the row before it; every other row captures
a payment of its own. Ids bear the row's number, so that the other side's books can be made to
match.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from psp.ogone.sandbox.amounts import as_decimal
from psp.ogone.sandbox.download_rows import written

CURRENCY: Final = "EUR"
_EVERY: Final = 5
_FIRST_PAYID: Final = 9_000_000_000
_BLOCK_ROWS: Final = 500
_CAPTURE, _REFUND = (1, 9, "Payment requested"), (2, 8, "Refund")


@dataclass(frozen=True, slots=True)
class SyntheticRow:
    """One row; the amount is hundredths, and never negative."""

    number: int
    amount: int
    is_refund: bool

    @property
    def payment(self) -> int:
        """The number of its payment."""
        return self.number - 1 if self.is_refund else self.number

    @property
    def payid(self) -> str:
        """Ogone's id of the payment."""
        return str(_FIRST_PAYID + self.payment)

    @property
    def order_id(self) -> str:
        """Our id of the payment."""
        return f"pay_synthetic_{self.payment}"

    @property
    def refund(self) -> str:
        """The refund's PAYID/PAYIDSUB; empty for a capture."""
        return f"{self.payid}/{_REFUND[0]}" if self.is_refund else ""


def synthetic_row(number: int) -> SyntheticRow:
    """Return a row by its number, from 0 on."""
    if number % _EVERY == _EVERY - 1:
        return SyntheticRow(number, _captured(number - 1) // 2, is_refund=True)
    return SyntheticRow(number, _captured(number), is_refund=False)


def synthetic_balance(rows: int) -> int:
    """Return what so many rows come to, in hundredths."""
    told = (synthetic_row(number) for number in range(rows))
    return sum(-each.amount if each.is_refund else each.amount for each in told)


def synthetic_blocks(rows: int, first_day: date, last_day: date) -> Iterator[str]:
    """Yield invented rows as XML, evenly over the days, a block at a time."""
    days = (last_day - first_day).days + 1
    for first in range(0, rows, _BLOCK_ROWS):
        numbers = range(first, min(first + _BLOCK_ROWS, rows))
        yield "".join(
            _row(synthetic_row(number), written(first_day + timedelta(number * days // rows)))
            for number in numbers
        )


def _row(told: SyntheticRow, day: str) -> str:
    number, status, meaning = _REFUND if told.is_refund else _CAPTURE
    return (
        f'<PAYMENT ID="{told.payid}" PAYIDSUB="{number}" REF="{told.order_id}" ORDER="{day}"'
        f' STATUS="{status}" LIB="{meaning}" NCSTER="0/0" PAYDATE="{day}"'
        f' TOTAL="{as_decimal(told.amount)}" CUR="{CURRENCY}" METHOD="CreditCard" BRAND="VISA"'
        f' CARD="XXXXXXXXXXXX1111" EXPDATE="1230" BATCHREF=""/>\n'
    )


def _captured(number: int) -> int:
    return 1000 + number * 7919 % 90_000
