"""A small routing table that tests start from."""

from __future__ import annotations

from typing import Final

from gateway.domain.routing import (
    Account,
    AmountLimits,
    CountryPolicy,
    MethodRoute,
    RoutingTable,
)
from psp.methods import MethodTraits, Presentation
from psp.port import CapturePolicy, PaymentMethod

STRIPE_EU: Final = Account(
    "stripe_eu",
    "stripe",
    {
        PaymentMethod.CARD: MethodTraits(Presentation.EMBEDDED),
        PaymentMethod.PAYPAL: MethodTraits(Presentation.REDIRECT),
    },
    public_key="pk_test_1",
)
_CARD: Final = MethodRoute(
    PaymentMethod.CARD,
    STRIPE_EU.name,
    {"USD": AmountLimits(1, 600_000), "EUR": AmountLimits(50, 500_000)},
)
ROUTING_TABLE: Final = RoutingTable(
    countries={
        code: CountryPolicy(code, ("EUR", "USD"), CapturePolicy.AT_ORDER, (_CARD,))
        for code in ("BE", "DE", "FR")
    },
    accounts={STRIPE_EU.name: STRIPE_EU},
    digest="digest",
)
"""Three countries, cards only, one account."""
