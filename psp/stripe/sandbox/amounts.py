"""What Stripe says about amounts and currencies; everything here is in Stripe's own units."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.money import CURRENCY_DECIMALS
from psp.stripe.sandbox.api_errors import invalid

_NOT_AT_STRIPE: Final = frozenset({"iqd", "lyd"})
_CURRENCIES: Final = frozenset(code.lower() for code in CURRENCY_DECIMALS) - _NOT_AT_STRIPE

# Stripe, "Minimum and maximum charge amounts", by settlement currency.
_MINIMUM: Final[Mapping[str, int]] = {
    "bgn": 100,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "huf": 17_500,
    "nok": 300,
    "pln": 200,
    "ron": 200,
    "sek": 300,
    "usd": 50,
}
_MAXIMUM: Final = 99_999_999  # Stripe API, PaymentIntent `amount`: up to eight digits

# Stripe API, "Supported currencies": two decimals that must be 00, three whose last must be 0.
MULTIPLE_OF: Final[Mapping[str, int]] = {
    **dict.fromkeys(("isk", "ugx"), 100),
    **dict.fromkeys(("bhd", "jod", "kwd", "omr", "tnd"), 10),
}

# Stripe, "PayPal payments": presentment currencies.
PAYPAL_CURRENCIES: Final = frozenset(
    {"aud", "cad", "chf", "czk", "dkk", "eur", "gbp", "hkd", "nok", "nzd", "pln", "sek", "sgd"}
    | {"usd"}
)

# Stripe takes ISK and UGX with two decimals, and MGA with none.
_DECIMALS: Final = {
    **{code.lower(): decimals for code, decimals in CURRENCY_DECIMALS.items()},
    "isk": 2,
    "ugx": 2,
    "mga": 0,
}


def major_units(amount: int, currency: str) -> str:
    """Return Stripe's units as the decimal that reports write: -1234 of EUR is -12.34."""
    decimals = _DECIMALS[currency]
    sign, digits = "-" if amount < 0 else "", str(abs(amount)).rjust(decimals + 1, "0")
    if not decimals:
        return f"{sign}{digits}"
    return f"{sign}{digits[:-decimals]}.{digits[-decimals:]}"


def check_currency(currency: str) -> str:
    """Return the currency as Stripe spells it; raises `ApiError` for one it does not take."""
    lower = currency.lower()
    if lower not in _CURRENCIES:
        raise invalid(f"Invalid currency: {currency}.", "currency")
    return lower


def check_amount(amount: int, currency: str) -> None:
    """Raise `ApiError` for an amount that cannot be charged in this currency."""
    if amount > _MAXIMUM:
        message = f"Amount must be no more than {_MAXIMUM} {currency}"
        raise invalid(message, "amount", "amount_too_large")
    if amount < _MINIMUM.get(currency, 1):
        message = f"Amount must be at least {_MINIMUM[currency]} {currency}"
        raise invalid(message, "amount", "amount_too_small")
    step = MULTIPLE_OF.get(currency, 1)
    if amount % step:
        message = f"Amounts in {currency} must be multiples of {step}"
        raise invalid(message, "amount", "invalid_charge_amount")
