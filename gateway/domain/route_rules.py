"""The routing decision: rules looked at in order, by one walk for `route` and for `explain`.

A rule answers with a finding. Its words are only put together when somebody asks, so a decision
costs a few dictionary look-ups, and an explanation cannot differ from the decision it explains.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final

from gateway.domain import route_findings as found
from gateway.domain.route_buckets import bucket_of
from gateway.domain.route_findings import Finding, Walk, facts
from gateway.domain.routing import (
    MethodOffer,
    MethodOffers,
    MethodRoute,
    RouteDecision,
    RouteQuery,
    RouteRefusal,
    RouteStep,
    RoutingTable,
)
from psp.money import Money
from psp.port import PaymentMethod

_Rule = Callable[[Walk], Finding | None]
"""None: there is nothing to look at, since an earlier rule refused."""


def route(table: RoutingTable, query: RouteQuery) -> RouteDecision:
    """Say which account would serve a new payment, or every reason why none does."""
    walk = Walk(table, query)
    refusals: list[RouteRefusal] = []
    # A plain loop: with a generator and a new value each time a decision takes half as long again.
    for rule in _RULES:
        finding = rule(walk)
        if finding is not None and finding.refusal is not None:
            refusals.append(finding.refusal)
    return _decision(None if refusals else _account_name(walk), tuple(refusals))


def explain(table: RoutingTable, query: RouteQuery) -> RouteDecision:
    """Decide as `route` does, with every rule that was looked at and why."""
    walk = Walk(table, query)
    steps = _steps(walk, _RULES)
    refusals = tuple(step.refusal for step in steps if step.refusal)
    return RouteDecision(None if refusals else _account_name(walk), refusals, steps)


def methods_for(
    table: RoutingTable,
    country_code: str,
    amount: Money | None = None,
    *,
    customer_id: str = "",
    order_id: str = "",
) -> MethodOffers:
    """Return the country's methods that would take `amount`, in its order, each with its account.

    A method that cannot (limits, currency, retired account) is left out; `route` says why.
    """
    # The rules of the sale look at country and currency alone: any method will do for them.
    sale = Walk(table, RouteQuery(country_code, PaymentMethod.CARD, amount))
    refused = tuple(step for step in _steps(sale, _SALE_RULES) if step.refusal)
    if sale.policy is None:
        return MethodOffers((), None, refused)
    queries = (
        (offered, RouteQuery(country_code, offered.method, amount, customer_id, order_id))
        for offered in sale.policy.methods
    )
    offers = (_offer(table, offered, query) for offered, query in queries)
    return MethodOffers(
        tuple(offer for offer in offers if offer is not None), sale.policy.capture_policy, refused
    )


def _offer(table: RoutingTable, offered: MethodRoute, query: RouteQuery) -> MethodOffer | None:
    account_name = route(table, query).account
    if account_name is None:
        return None
    account = table.accounts[account_name]
    return MethodOffer(
        method=offered.method,
        account=account,
        presentation=account.methods[offered.method].presentation,
        limits=offered.limits_at(account_name)[query.amount.currency] if query.amount else None,
    )


@lru_cache(maxsize=1024)
def _decision(account: str | None, refusals: tuple[RouteRefusal, ...]) -> RouteDecision:
    """Return the decision; there are few different ones."""
    return RouteDecision(account, refusals)


def _steps(walk: Walk, rules: Sequence[_Rule]) -> tuple[RouteStep, ...]:
    findings = [finding for rule in rules if (finding := rule(walk)) is not None]
    known = facts(walk)
    return tuple(
        RouteStep(each.rule, each.refusal is None, each.words.format_map(known), each.refusal)
        for each in findings
    )


def _account_name(walk: Walk) -> str:
    if walk.account is None:
        raise RuntimeError(f"no rule refused or routed {walk.query}")
    return walk.account.name


def _country_served(walk: Walk) -> Finding:
    walk.policy = walk.table.countries.get(walk.query.country_code)
    return found.COUNTRY_NOT_SERVED if walk.policy is None else found.COUNTRY_SERVED


def _currency_sold(walk: Walk) -> Finding | None:
    if walk.policy is None:
        return None
    amount = walk.query.amount
    if amount is None:
        return found.NO_AMOUNT
    sold = amount.currency in walk.policy.currencies
    return found.CURRENCY_SOLD if sold else found.CURRENCY_NOT_SOLD


def _method_offered(walk: Walk) -> Finding | None:
    if walk.policy is None:
        return None
    offered = walk.policy.by_method.get(walk.query.method)
    if offered is None:
        return found.METHOD_NOT_OFFERED
    if not offered.enabled:
        return found.METHOD_SWITCHED_OFF
    walk.route = offered
    return found.METHOD_OFFERED


def _method_takes_currency(walk: Walk) -> Finding | None:
    amount = walk.query.amount
    if walk.policy is None or walk.route is None or amount is None:
        return None
    if amount.currency not in walk.policy.currencies:
        return None
    walk.limits = walk.route.limits.get(amount.currency)
    return found.METHOD_LACKS_CURRENCY if walk.limits is None else found.METHOD_TAKES_CURRENCY


def _amount_within_limits(walk: Walk) -> Finding | None:
    amount, offered = walk.query.amount, walk.route
    if amount is None or offered is None or walk.limits is None:
        return None
    if walk.account is not None:
        walk.limits = offered.limits_at(walk.account.name)[amount.currency]
    limits = walk.limits
    if amount.amount_minor < limits.min_amount_minor:
        return found.BELOW_MINIMUM
    if limits.max_amount_minor is not None and amount.amount_minor > limits.max_amount_minor:
        return found.ABOVE_MAXIMUM
    return found.WITHIN_LIMITS


def _alias_decides(walk: Walk) -> Finding | None:
    if walk.route is None:
        return None
    if not walk.query.alias_account:
        return found.NO_ALIAS
    account = walk.table.accounts.get(walk.query.alias_account)
    if account is None:
        return found.ALIAS_ACCOUNT_UNKNOWN
    traits = account.methods.get(walk.query.method)
    if traits is None:
        return found.ALIAS_LACKS_METHOD
    amount = walk.query.amount
    if amount is not None and not traits.takes_currency(amount.currency):
        return found.ALIAS_LACKS_CURRENCY
    walk.account = account
    return found.ALIAS_DECIDES


def _canary(walk: Walk) -> Finding | None:
    if walk.route is None or walk.query.alias_account:
        return None
    canary = walk.route.canary
    if canary is None:
        return found.NO_CANARY
    if canary.off:
        return found.CANARY_OFF
    shopper = walk.query.customer_id or walk.query.order_id
    if not shopper:
        return found.CANARY_NEEDS_SHOPPER
    walk.bucket = bucket_of(walk.query.country_code, shopper)
    if walk.bucket >= canary.basis_points:
        return found.CANARY_PASSES
    walk.account = walk.table.accounts[canary.account]
    return found.CANARY_SERVES


def _country_decides(walk: Walk) -> Finding | None:
    if walk.route is None or walk.query.alias_account:
        return None
    if walk.account is None:  # no canary serves
        walk.account = walk.table.accounts[walk.route.account]
    return found.COUNTRY_DECIDES


def _account_open(walk: Walk) -> Finding | None:
    if walk.account is None:
        return None
    return found.ACCOUNT_RETIRED if walk.account.retired else found.ACCOUNT_OPEN


_SALE_RULES: Final[Sequence[_Rule]] = (_country_served, _currency_sold)
"""What must hold whatever the method."""
_RULES: Final[Sequence[_Rule]] = (
    *_SALE_RULES,
    _method_offered,
    _method_takes_currency,
    _alias_decides,
    _canary,
    _country_decides,
    _amount_within_limits,  # after the account is known: each has its own
    _account_open,
)
