"""Whose aliases may be shown: those that routing would charge. Pure."""

from __future__ import annotations

from gateway.aliases.values import Wanted
from gateway.domain.route_rules import route
from gateway.domain.routing import RouteQuery, RoutingTable
from psp.money import Money


def chargeable(
    table: RoutingTable,
    country_code: str,
    amount: Money | None = None,
    *,
    customer_id: str = "",
    order_id: str = "",
) -> Wanted:
    """Return by account the methods whose aliases a country would charge.

    An alias decides for its own PSP, so this asks the routing itself, account by account: one that
    serves no new shopper any more may well go on charging what she saved there.
    """
    policy = table.countries.get(country_code)
    if policy is None:
        return {}
    found = {
        account: frozenset(
            each.method
            for each in policy.methods
            if route(
                table,
                RouteQuery(country_code, each.method, amount, customer_id, order_id, account),
            ).account
            == account
        )
        for account in table.accounts
    }
    return {account: methods for account, methods in found.items() if methods}


def every(table: RoutingTable) -> Wanted:
    """Return all methods of all accounts, retired ones too: what she saved there is still hers."""
    return {name: frozenset(account.methods) for name, account in table.accounts.items()}
