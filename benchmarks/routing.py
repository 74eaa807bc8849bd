"""Routing decisions per second on one core: 60 countries, two methods, a canary on each."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from gateway.domain.countries import COUNTRY_CODES
from gateway.domain.route_rules import explain, route
from gateway.domain.routing import (
    Account,
    AmountLimits,
    Canary,
    CountryPolicy,
    MethodRoute,
    RouteDecision,
    RouteQuery,
    RoutingTable,
)
from psp.methods import MethodTraits, Presentation
from psp.money import Money
from psp.port import CapturePolicy, PaymentMethod

TARGET_PER_SECOND: Final = 100_000
_COUNTRIES: Final = 60
_SHOPPERS: Final = 10_000
_ROUNDS: Final = 5
_METHODS: Final = tuple(PaymentMethod)

_Decide = Callable[[RoutingTable, RouteQuery], RouteDecision]


def routing_table() -> RoutingTable:
    """Return a table of many countries, each of whose methods has a canary of 30 percent."""
    traits = {method: MethodTraits(Presentation.REDIRECT) for method in _METHODS}
    limits = {"EUR": AmountLimits(50, 500_000), "GBP": AmountLimits(30, 500_000)}
    canary = Canary("new", 3_000, limits)
    methods = tuple(MethodRoute(method, "old", limits, canary=canary) for method in _METHODS)
    return RoutingTable(
        countries={
            code: CountryPolicy(code, ("EUR", "GBP"), CapturePolicy.AT_ORDER, methods)
            for code in sorted(COUNTRY_CODES)[:_COUNTRIES]
        },
        accounts={name: Account(name, "stripe", traits) for name in ("old", "new")},
        digest="benchmark",
    )


def queries(table: RoutingTable) -> Sequence[RouteQuery]:
    """Return one question for each of many shoppers, over all countries and methods."""
    codes, amount = tuple(table.countries), Money(1999, "EUR")
    return [
        RouteQuery(
            codes[number % len(codes)],
            _METHODS[number % len(_METHODS)],
            amount,
            customer_id=f"customer-{number}",
            order_id=f"order-{number}",
        )
        for number in range(_SHOPPERS)
    ]


def measure_routing() -> tuple[float, float]:
    """Return decisions and explanations per second: the best of some rounds of each."""
    table = routing_table()
    asked = queries(table)
    return _best(route, table, asked), _best(explain, table, asked)


def _best(decide: _Decide, table: RoutingTable, asked: Sequence[RouteQuery]) -> float:
    return max(_once(decide, table, asked) for _ in range(_ROUNDS))


def _once(decide: _Decide, table: RoutingTable, asked: Sequence[RouteQuery]) -> float:
    begun_s = time.process_time()
    for query in asked:
        decide(table, query)
    return len(asked) / (time.process_time() - begun_s)
