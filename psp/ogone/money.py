"""Amounts as Ogone writes them: hundredths in requests, decimals in replies."""

from __future__ import annotations

import re
from typing import Final

from psp.money import CURRENCY_DECIMALS, MAX_AMOUNT_MINOR, Money

# DirectLink guide, new order, AMOUNT: "multiplied by 100", whatever the currency's decimals.
_REQUEST_DECIMALS: Final = 2
_DECIMAL: Final = re.compile(r"([0-9]{1,12})(?:\.([0-9]{1,3}))?", re.ASCII)


class AmountError(ValueError):
    """An amount that cannot be said in the other side's units."""


def to_ogone_amount(money: Money) -> str:
    """Return what to send as `AMOUNT`; raises `AmountError` for nothing, or half a hundredth."""
    hundredths, rest = divmod(
        money.amount_minor * 10**_REQUEST_DECIMALS, 10 ** CURRENCY_DECIMALS[money.currency]
    )
    if rest:
        raise AmountError(f"Ogone takes hundredths only, not {money}")
    if hundredths == 0:
        raise AmountError("an amount of nothing cannot be moved")
    return str(hundredths)


def from_ogone_amount(decimal: str, currency: str) -> int:
    """Return ISO minor units of a reply's amount, such as `0.02` or `5`.

    Raises `AmountError` for a currency we do not know, a fraction of its minor unit, and whatever
    may be written otherwise: `1.000 EUR` could be one euro or a thousand.
    """
    found = _DECIMAL.fullmatch(decimal)
    if currency not in CURRENCY_DECIMALS or found is None:
        raise AmountError("the amount is no decimal number of a known currency")
    decimals, fraction = CURRENCY_DECIMALS[currency], found[2] or ""
    if len(fraction) > max(decimals, _REQUEST_DECIMALS) or fraction[decimals:].strip("0"):
        raise AmountError(f"{decimal} is no whole number of minor units of {currency}")
    minor = int(found[1] + fraction[:decimals].ljust(decimals, "0"))
    if minor > MAX_AMOUNT_MINOR:
        raise AmountError(f"{decimal} {currency} is more than any payment")
    return minor
