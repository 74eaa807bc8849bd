"""A day of invented business, as long as wanted: what big reports are made of.

Line 4, 9, 14 … (from 0) refunds half of the payment of the line before it; every other line is a
charge of its own. Ids bear the line's number, so that the other side's books can be made to match.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final, NamedTuple

CURRENCY: Final = "eur"
_EVERY: Final = 5


class SyntheticLine(NamedTuple):
    """One line; amounts are cents, and of a refund negative. A tuple, as millions are made."""

    number: int
    amount: int
    fee: int
    is_refund: bool

    @property
    def net(self) -> int:
        """What the balance gains or loses."""
        return self.amount - self.fee

    @property
    def payment(self) -> int:
        """The number in the ids of its payment: `pi_synthetic_N`, `ch_…`, `pay_…`."""
        return self.number - 1 if self.is_refund else self.number

    @property
    def payment_intent(self) -> str:
        """The payment at Stripe."""
        return f"pi_synthetic_{self.payment}"

    @property
    def payment_id(self) -> str:
        """Our id of the payment, in its metadata."""
        return f"pay_synthetic_{self.payment}"

    @property
    def refund(self) -> str:
        """The refund at Stripe; empty for a charge."""
        return f"re_synthetic_{self.number}" if self.is_refund else ""

    @property
    def refund_id(self) -> str:
        """Our id of the refund, in its metadata; empty for a charge."""
        return f"ref_synthetic_{self.number}" if self.is_refund else ""


def synthetic_line(number: int) -> SyntheticLine:
    """Return a line by its number, from 0 on."""
    if number % _EVERY == _EVERY - 1:
        return SyntheticLine(number, -(_charged(number - 1) // 2), 0, is_refund=True)
    amount = _charged(number)
    return SyntheticLine(number, amount, amount * 15 // 1000 + 25, is_refund=False)


@lru_cache(maxsize=4)
def synthetic_balance(lines: int) -> int:
    """Return what so many lines come to, in cents."""
    return sum(synthetic_line(number).net for number in range(lines))


def _charged(number: int) -> int:
    return 1000 + number * 7919 % 90_000
