"""What Stripe can do, as data: capabilities, payment methods and their limits."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from types import MappingProxyType
from typing import Final

from psp.methods import MethodTraits, Presentation
from psp.money import CURRENCY_DECIMALS
from psp.port import Capability, PaymentMethod
from psp.stripe.money import largest_amount_minor

CAPABILITIES: Final = frozenset(Capability)
"""Stripe does all that the port knows so far."""

IDEMPOTENCY_LIFETIME_S: Final = 23 * 3600.0
"""Stripe keeps a key for at least 24 hours (Stripe API: idempotent requests); an hour is spared."""

# Stripe, "Minimum and maximum charge amounts", by settlement currency, in ISO minor units.
_MIN_AMOUNT_MINOR: Final = MappingProxyType(
    {
        "BGN": 100,
        "CHF": 50,
        "CZK": 1500,
        "DKK": 250,
        "EUR": 50,
        "GBP": 30,
        "HUF": 17_500,
        "NOK": 300,
        "PLN": 200,
        "RON": 200,
        "SEK": 300,
        "USD": 50,
    }
)
_MAX_AMOUNT_MINOR: Final = MappingProxyType(
    {currency: largest_amount_minor(currency) for currency in CURRENCY_DECIMALS}
)
# Stripe, "PayPal payments": presentment currencies.
_PAYPAL_CURRENCIES: Final = frozenset(
    {"AUD", "CAD", "CHF", "CZK", "DKK", "EUR", "GBP", "HKD", "NOK", "NZD", "PLN", "SEK", "SGD"}
    | {"USD"}
)

METHODS: Final[Mapping[PaymentMethod, MethodTraits]] = MappingProxyType(
    {
        PaymentMethod.CARD: MethodTraits(
            presentation=Presentation.EMBEDDED,
            min_amount_minor=_MIN_AMOUNT_MINOR,
            max_amount_minor=_MAX_AMOUNT_MINOR,
            # Visa's merchant-initiated payments hold only 4 d 18 h; `capture_before` is exact.
            authorization_window=timedelta(days=7),
        ),
        PaymentMethod.PAYPAL: MethodTraits(
            presentation=Presentation.REDIRECT,
            currencies=_PAYPAL_CURRENCIES,
            min_amount_minor=_MIN_AMOUNT_MINOR,
            max_amount_minor=_MAX_AMOUNT_MINOR,
            # Stripe extends it once, to 20 days; only the first ten are promised.
            authorization_window=timedelta(days=10),
            refund_window=timedelta(days=180),
        ),
    }
)
