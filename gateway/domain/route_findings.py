"""Everything that a routing rule can find, with the words an operator reads, as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.routing import (
    Account,
    AmountLimits,
    CountryPolicy,
    MethodRoute,
    RouteQuery,
    RouteRefusal,
    RoutingTable,
)

_MOST_NAMES: Final = 12
"""Names that an explanation lists before it counts the rest."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that a rule can find. `words` is a format over `facts`."""

    rule: str
    words: str
    refusal: RouteRefusal | None = None


COUNTRY_SERVED: Final = Finding(
    "country_served", "{country} is served, with capture policy {capture_policy}"
)
COUNTRY_NOT_SERVED: Final = Finding(
    "country_served",
    "{country} is not served; served are {served}",
    RouteRefusal.COUNTRY_NOT_SERVED,
)
NO_AMOUNT: Final = Finding(
    "currency_sold",
    "no amount was given, so currency and limits were not looked at; {country} sells in {sold}",
)
CURRENCY_SOLD: Final = Finding("currency_sold", "{country} sells in {currency}")
CURRENCY_NOT_SOLD: Final = Finding(
    "currency_sold",
    "{country} does not sell in {currency}; it sells in {sold}",
    RouteRefusal.CURRENCY_NOT_SOLD,
)
METHOD_OFFERED: Final = Finding("method_offered", "{country} offers {method}")
METHOD_NOT_OFFERED: Final = Finding(
    "method_offered",
    "{country} does not offer {method}; it offers {offered}",
    RouteRefusal.METHOD_NOT_OFFERED,
)
METHOD_SWITCHED_OFF: Final = Finding(
    "method_offered",
    "{method} is switched off in {country} (enabled = false); it offers {offered}",
    RouteRefusal.METHOD_NOT_OFFERED,
)
METHOD_TAKES_CURRENCY: Final = Finding(
    "method_takes_currency", "{country} offers {method} in {currency}"
)
METHOD_LACKS_CURRENCY: Final = Finding(
    "method_takes_currency",
    "{country} does not offer {method} in {currency}; it offers it in {method_currencies}",
    RouteRefusal.CURRENCY_NOT_SOLD,
)
WITHIN_LIMITS: Final = Finding(
    "amount_within_limits", "{amount} is at least {minimum} and at most {maximum}"
)
BELOW_MINIMUM: Final = Finding(
    "amount_within_limits",
    "{amount} is below the least that {method} takes, {minimum}",
    RouteRefusal.AMOUNT_BELOW_MINIMUM,
)
ABOVE_MAXIMUM: Final = Finding(
    "amount_within_limits",
    "{amount} is above the most that {method} takes, {maximum}",
    RouteRefusal.AMOUNT_ABOVE_MAXIMUM,
)
NO_ALIAS: Final = Finding("alias_decides", "no alias is charged, so the country decides")
ALIAS_DECIDES: Final = Finding(
    "alias_decides", "the alias is kept by {alias_account}, which alone can charge it"
)
ALIAS_ACCOUNT_UNKNOWN: Final = Finding(
    "alias_decides",
    "the alias is kept by {alias_account}, an account that is not configured",
    RouteRefusal.ACCOUNT_RETIRED,
)
ALIAS_LACKS_METHOD: Final = Finding(
    "alias_decides",
    "the alias is kept by {alias_account}, whose PSP does not take {method}",
    RouteRefusal.METHOD_NOT_OFFERED,
)
ALIAS_LACKS_CURRENCY: Final = Finding(
    "alias_decides",
    "the alias is kept by {alias_account}, whose PSP does not take {method} in {currency}",
    RouteRefusal.CURRENCY_NOT_SOLD,
)
NO_CANARY: Final = Finding("canary", "no canary is set for {method} in {country}")
CANARY_OFF: Final = Finding(
    "canary", "the canary {canary} is switched off (percent = 0), so {main} serves everybody"
)
CANARY_NEEDS_SHOPPER: Final = Finding(
    "canary",
    "neither customer nor order was given, so {main} serves; "
    "the canary {canary} serves {percent} % of the shoppers",
)
CANARY_SERVES: Final = Finding(
    "canary",
    "{shopper} is in bucket {bucket}; the canary {canary} serves those below {canary_end} "
    "({percent} %), so it serves",
)
CANARY_PASSES: Final = Finding(
    "canary",
    "{shopper} is in bucket {bucket}; the canary {canary} serves those below {canary_end} "
    "({percent} %), so {main} serves",
)
COUNTRY_DECIDES: Final = Finding("country_decides", "{country} sends {method} to {account} ({psp})")
ACCOUNT_OPEN: Final = Finding("account_open", "{account} takes new payments")
ACCOUNT_RETIRED: Final = Finding(
    "account_open",
    "{account} is retired: it takes no new payments and only sees its old ones through",
    RouteRefusal.ACCOUNT_RETIRED,
)


class Walk:
    """What is known so far on the way through the rules."""

    __slots__ = ("account", "bucket", "limits", "policy", "query", "route", "table")

    def __init__(self, table: RoutingTable, query: RouteQuery) -> None:
        self.table = table
        self.query = query
        self.policy: CountryPolicy | None = None
        self.route: MethodRoute | None = None
        self.limits: AmountLimits | None = None
        self.account: Account | None = None
        self.bucket: int | None = None


def facts(walk: Walk) -> Mapping[str, str]:
    """What the words can speak of after a walk; what was not reached is empty."""
    query, policy, account = walk.query, walk.policy, walk.account
    return {
        "country": query.country_code,
        "method": query.method.value,
        "amount": str(query.amount or ""),
        "currency": query.amount.currency if query.amount else "",
        "alias_account": query.alias_account,
        "account": account.name if account else "",
        "psp": account.psp if account else "",
        "served": _listed(sorted(walk.table.countries)),
        **_policy_facts(policy, query),
        **_limit_facts(walk.limits, query),
        **_canary_facts(walk.route, walk.bucket, query),
    }


def _policy_facts(policy: CountryPolicy | None, query: RouteQuery) -> Mapping[str, str]:
    if policy is None:
        return {}
    offered = policy.by_method.get(query.method)
    return {
        "capture_policy": policy.capture_policy.value,
        "sold": _listed(policy.currencies),
        "offered": _listed([each.method.value for each in policy.methods if each.enabled]),
        "method_currencies": _listed(sorted(offered.limits) if offered else ()),
    }


def _limit_facts(limits: AmountLimits | None, query: RouteQuery) -> Mapping[str, str]:
    if limits is None or query.amount is None:
        return {}
    most = limits.max_amount_minor
    return {
        "minimum": str(query.amount.with_amount(limits.min_amount_minor)),
        "maximum": "any amount" if most is None else str(query.amount.with_amount(most)),
    }


def _canary_facts(
    route: MethodRoute | None, bucket: int | None, query: RouteQuery
) -> Mapping[str, str]:
    if route is None or route.canary is None:
        return {}
    customer, order = f"customer {query.customer_id}", f"order {query.order_id}"
    return {
        "main": route.account,
        "canary": route.canary.account,
        "percent": route.canary.percent,
        "canary_end": str(route.canary.basis_points),
        "shopper": customer if query.customer_id else order,
        "bucket": "" if bucket is None else str(bucket),
    }


def _listed(names: Sequence[str]) -> str:
    hidden = len(names) - _MOST_NAMES
    shown = ", ".join(names[:_MOST_NAMES]) or "none"
    return f"{shown} and {hidden} more" if hidden > 0 else shown
