"""Which PSP accounts have to know a shopper."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from gateway.customers.accounts import customer_accounts
from gateway.domain.routing import Canary, MethodRoute
from gateway.errors import PaygateError, Reason
from psp.port import Capability
from tests.support.fake_psp import FakePsp
from tests.support.shop import CARD, CARDS, OLD, PLAIN, TABLE, WALLETS

_PSPS = {
    CARDS: FakePsp(CARDS),
    WALLETS: FakePsp(WALLETS),
    OLD: FakePsp(OLD),
    PLAIN: FakePsp(PLAIN, capabilities=frozenset({Capability.CREATE_PAYMENT})),
}


@pytest.mark.parametrize(
    "country,accounts",
    [
        ("FR", [CARDS, WALLETS]),
        ("DE", [CARDS]),  # two methods, one account
        ("IT", []),  # one retired, one switched off
        ("ES", [CARDS]),  # the other keeps no customers
        ("PT", []),
    ],
)
def test_accounts_that_serve_the_country_and_keep_customers(
    country: str, accounts: Sequence[str]
) -> None:
    """Each once, in the order in which the country offers its methods."""
    assert list(customer_accounts(TABLE, country, _PSPS)) == accounts


@pytest.mark.parametrize(
    "canary,basis_points,accounts",
    [
        (WALLETS, 1, [CARDS, WALLETS]),
        (WALLETS, 10_000, [CARDS, WALLETS]),
        (WALLETS, 0, [CARDS]),  # switched off
        (OLD, 3_000, [CARDS]),
        (PLAIN, 3_000, [CARDS]),
    ],
)
def test_a_canary_serves_the_country_too(
    canary: str, basis_points: int, accounts: Sequence[str]
) -> None:
    """Whoever it would serve, so that a raised percentage finds every shopper known there."""
    route = MethodRoute(CARD, CARDS, {}, canary=Canary(canary, basis_points, {}))
    policy = replace(TABLE.countries["DE"], methods=(route,))
    table = replace(TABLE, countries={"DE": policy})

    assert list(customer_accounts(table, "DE", _PSPS)) == accounts


def test_a_country_that_is_not_served_is_refused_in_words() -> None:
    """The refusal names the country and those that are served."""
    with pytest.raises(PaygateError, match="US is not served; served are DE, ES, FR") as refused:
        customer_accounts(TABLE, "US", _PSPS)

    assert refused.value.reason is Reason.COUNTRY_NOT_SERVED
