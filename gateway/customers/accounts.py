"""Which PSP accounts have to know a shopper: pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.route_rules import methods_for
from gateway.domain.routing import MethodRoute, RoutingTable
from gateway.refusals import refusal_error
from psp.port import Capability, PaymentServiceProvider


def customer_accounts(
    table: RoutingTable, country_code: str, providers: Mapping[str, PaymentServiceProvider]
) -> tuple[str, ...]:
    """Return each account that serves the country and keeps customers, in the country's order.

    A method's canary counts too, whichever of both would serve the shopper today: she is known
    there already when the percentage is raised. What is switched off, canaries included, and
    accounts that are retired do not count. Raises `PaygateError` if the country is not served.
    """
    policy = table.countries.get(country_code)
    if policy is None:
        raise refusal_error(methods_for(table, country_code).refused_steps)
    serving = (
        account for route in policy.methods if route.enabled for account in _accounts_of(route)
    )
    return tuple(
        account
        for account in dict.fromkeys(serving)
        if not table.accounts[account].retired
        and Capability.CUSTOMERS in providers[account].capabilities
    )


def _accounts_of(route: MethodRoute) -> Sequence[str]:
    canary = route.canary
    return [route.account] if canary is None or canary.off else [route.account, canary.account]
