"""A routing table small enough to read, with something of everything."""

from __future__ import annotations

from gateway.domain.routing import (
    Account,
    AmountLimits,
    Canary,
    CountryPolicy,
    MethodRoute,
    RoutingTable,
)
from psp.methods import MethodTraits, Presentation
from psp.port import CapturePolicy, PaymentMethod

CARD, PAYPAL = PaymentMethod.CARD, PaymentMethod.PAYPAL

_EMBEDDED = MethodTraits(Presentation.EMBEDDED)
_REDIRECT = MethodTraits(Presentation.REDIRECT, currencies=frozenset({"EUR"}))
_EUR = {"EUR": AmountLimits(100, 500_000)}
_NARROW_EUR = {"EUR": AmountLimits(200, 400_000)}

ACCOUNTS = {
    "eu": Account("eu", "stripe", {CARD: _EMBEDDED, PAYPAL: _REDIRECT}, public_key="pk_test_1"),
    "cards": Account("cards", "stripe", {CARD: _EMBEDDED}),
    "old": Account("old", "stripe", {CARD: _EMBEDDED}, retired=True),
}
COUNTRIES = {
    "FR": CountryPolicy(
        "FR",
        ("EUR", "GBP"),
        CapturePolicy.AT_ORDER,
        (
            MethodRoute(CARD, "eu", {**_EUR, "GBP": AmountLimits(30)}),
            MethodRoute(PAYPAL, "eu", _EUR),
        ),
    ),
    "DE": CountryPolicy(
        "DE",
        ("EUR",),
        CapturePolicy.AUTOMATIC,
        (MethodRoute(PAYPAL, "eu", _EUR), MethodRoute(CARD, "eu", _EUR, enabled=False)),
    ),
    "BE": CountryPolicy(
        "BE",
        ("EUR",),
        CapturePolicy.AT_ORDER,
        (
            MethodRoute(CARD, "eu", _EUR, canary=Canary("cards", 0, _EUR)),
            MethodRoute(PAYPAL, "eu", _EUR),
        ),
    ),
    "PT": CountryPolicy(
        "PT",
        ("EUR",),
        CapturePolicy.AT_ORDER,
        (MethodRoute(CARD, "eu", _EUR, canary=Canary("cards", 3_000, _NARROW_EUR)),),
    ),
    "IT": CountryPolicy("IT", ("EUR",), CapturePolicy.MANUAL, (MethodRoute(CARD, "old", _EUR),)),
}
TABLE = RoutingTable(COUNTRIES, ACCOUNTS, "d1g357")
