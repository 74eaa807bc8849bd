"""Which PSP accounts have to know a shopper: pure."""

from __future__ import annotations

from collections.abc import Mapping

from gateway.domain.route_rules import methods_for
from gateway.domain.routing import RoutingTable
from gateway.refusals import refusal_error
from psp.port import Capability, PaymentServiceProvider


def customer_accounts(
    table: RoutingTable, country_code: str, providers: Mapping[str, PaymentServiceProvider]
) -> tuple[str, ...]:
    """Return each account that serves the country and keeps customers, in the country's order.

    Methods that are switched off and accounts that are retired do not count. Raises
    `PaygateError` if the country is not served.
    """
    policy = table.countries.get(country_code)
    if policy is None:
        raise refusal_error(methods_for(table, country_code).refused_steps)
    serving = (
        route.account
        for route in policy.methods
        if route.enabled and not table.accounts[route.account].retired
    )
    return tuple(
        account
        for account in dict.fromkeys(serving)
        if Capability.CUSTOMERS in providers[account].capabilities
    )
