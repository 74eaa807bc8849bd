"""How countries sell, for callers to read: one policy, or all of them in pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from gateway.domain.routing import CountryPolicy, RoutingTable


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """Policies by country code."""

    policies: Sequence[CountryPolicy]
    has_more: bool
    """Whether others follow; ask on with the last one's code as `after_code`."""


def country_policy(table: RoutingTable, code: str) -> CountryPolicy | None:
    """Return how a country sells, without methods that are switched off; None if it does not."""
    policy = table.countries.get(code)
    return None if policy is None else _offered(policy)


def list_policies(table: RoutingTable, after_code: str, limit: int) -> PolicyPage:
    """Return at most `limit` policies after a country code; an empty code begins.

    Raises `ValueError` if `limit` is not positive.
    """
    if limit < 1:
        raise ValueError(f"a page of {limit} policies has no end: ask for at least one")
    codes = [code for code in sorted(table.countries) if code > after_code]
    policies = tuple(_offered(table.countries[code]) for code in codes[:limit])
    return PolicyPage(policies, has_more=len(codes) > limit)


def _offered(policy: CountryPolicy) -> CountryPolicy:
    return replace(policy, methods=tuple(each for each in policy.methods if each.enabled))
