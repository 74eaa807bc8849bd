"""Amounts as Stripe counts them, from and to ISO 4217 minor units."""

from __future__ import annotations

import re
from typing import Final

from psp.money import CURRENCY_DECIMALS, Money

# Stripe API, "Supported currencies": most amounts are ISO minor units. Where Stripe differs, one
# ISO minor unit is this many of Stripe's (first) or this many ISO minor units make one (second).
# ISK and UGX have no decimals, yet Stripe takes two, ending in 00. MGA has two that Stripe drops.
_STRIPE_PER_MINOR: Final = {"ISK": 100, "UGX": 100}
_MINOR_PER_STRIPE: Final = {"MGA": 100}

# Three decimals at Stripe, of which the last must be 0.
_LAST_DIGIT_ZERO: Final = frozenset({"BHD", "JOD", "KWD", "OMR", "TND"})
# Three decimals in ISO 4217, and not on Stripe's list: how it would count them is unknown.
_UNSUPPORTED: Final = frozenset({"IQD", "LYD"})

# Reports write major units (Stripe, "Balance report"). Whether ISK and UGX come with the API's two
# decimals or with none is not documented: both are read, as long as no fraction is left.
_REPORT_DECIMALS: Final = {
    currency: decimals + (2 if currency in _STRIPE_PER_MINOR else 0)
    for currency, decimals in CURRENCY_DECIMALS.items()
}
_DECIMAL: Final = re.compile(r"(-?)(\d{1,18})(?:\.(\d{1,18}))?", re.ASCII)
_SHOWN_CHARACTERS: Final = 24

_MAX_STRIPE_AMOUNT: Final = 99_999_999
"""Stripe API, PaymentIntent `amount`: up to eight digits."""


class AmountError(ValueError):
    """An amount that cannot be said in the other side's units."""


def to_stripe_amount(money: Money) -> int:
    """Return the integer to send as `amount`; raises `AmountError` if Stripe cannot express it."""
    currency, minor = money.currency, money.amount_minor
    if currency in _UNSUPPORTED:
        raise AmountError(f"Stripe does not take {currency}")
    if currency in _LAST_DIGIT_ZERO and minor % 10:
        raise AmountError(f"Stripe takes {currency} with a last digit of 0 only, not {minor}")
    divisor = _MINOR_PER_STRIPE.get(currency, 1)
    if minor % divisor:
        raise AmountError(f"Stripe takes {currency} without decimals only, not {money}")
    return minor // divisor * _STRIPE_PER_MINOR.get(currency, 1)


def from_stripe_amount(stripe_amount: int, currency: str) -> int:
    """Return ISO minor units of a sum in Stripe's units; raises `AmountError` on a fraction.

    `currency` may be one we do not know: its amounts pass through unchanged.
    """
    divisor = _STRIPE_PER_MINOR.get(currency, 1)
    if stripe_amount % divisor:
        raise AmountError(f"{stripe_amount} {currency} from Stripe is no whole minor unit")
    return stripe_amount // divisor * _MINOR_PER_STRIPE.get(currency, 1)


def from_report_amount(written: str, currency: str) -> int:
    """Return signed ISO minor units of a decimal in major units, as reports write it.

    Raises `AmountError` for what is no plain decimal, has more digits than the currency, or is in
    a currency whose decimals we do not know: nothing is ever rounded.
    """
    decimals = _REPORT_DECIMALS.get(currency)
    if decimals is None:
        raise AmountError(f"{currency!r} is no currency that we know")
    matched = _DECIMAL.fullmatch(written)
    if matched is None:
        raise AmountError(f"{written[:_SHOWN_CHARACTERS]!r} is no amount")
    sign, whole, fraction = matched.groups("")
    if len(fraction) > decimals:
        expected = CURRENCY_DECIMALS[currency]
        raise AmountError(f"{written} has more digits than {currency}, which has {expected}")
    amount = int(whole + fraction.ljust(decimals, "0"))
    if currency in _STRIPE_PER_MINOR:
        amount, left = divmod(amount, _STRIPE_PER_MINOR[currency])
        if left:
            raise AmountError(f"{written} {currency} is no whole minor unit")
    return -amount if sign else amount


def largest_amount_minor(currency: str) -> int:
    """Return the largest amount that Stripe takes in this currency, in ISO minor units."""
    step = 10 if currency in _LAST_DIGIT_ZERO else _STRIPE_PER_MINOR.get(currency, 1)
    return from_stripe_amount(_MAX_STRIPE_AMOUNT // step * step, currency)
