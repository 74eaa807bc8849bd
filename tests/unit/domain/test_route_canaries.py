"""Canaries: sticky, monotonic, the same over all methods, and no part of an alias's decision."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from gateway.domain.route_buckets import BUCKETS, bucket_of
from gateway.domain.route_rules import explain, methods_for, route
from gateway.domain.routing import (
    AmountLimits,
    Canary,
    CountryPolicy,
    MethodRoute,
    RouteQuery,
    RouteRefusal,
    RoutingTable,
)
from psp.money import Money
from psp.port import CapturePolicy, PaymentMethod
from tests.unit.routing.tables import ACCOUNTS, CARD, PAYPAL, TABLE

_EUR = {"EUR": AmountLimits(100, 500_000)}
_ACCOUNTS = {**ACCOUNTS, "new": replace(ACCOUNTS["eu"], name="new")}
_IDS = st.text(min_size=1, max_size=40)
_PARTS = st.integers(0, BUCKETS)


def _table(basis_points: int, new: str = "new") -> RoutingTable:
    canary = Canary(new, basis_points, _EUR)
    methods = tuple(MethodRoute(method, "eu", _EUR, canary=canary) for method in (CARD, PAYPAL))
    policy = CountryPolicy("PT", ("EUR",), CapturePolicy.AT_ORDER, methods)
    return RoutingTable({"PT": policy}, _ACCOUNTS, "d1g357")


def _served_by(
    table: RoutingTable, method: PaymentMethod = CARD, *, customer_id: str = "", order_id: str = ""
) -> str | None:
    return route(table, RouteQuery("PT", method, None, customer_id, order_id)).account


@given(_IDS, _IDS, _IDS, _PARTS)
def test_a_shopper_meets_one_psp(customer: str, order: str, other_order: str, part: int) -> None:
    """Whatever she orders and however she pays, the same account serves her."""
    table = _table(part)

    served = {
        _served_by(table, method, customer_id=customer, order_id=each)
        for method in (CARD, PAYPAL)
        for each in ("", order, other_order)
    }

    assert len(served) == 1


@given(_IDS, _PARTS)
def test_a_guest_is_known_by_the_order(order: str, part: int) -> None:
    """The proposal and the payment of one order meet one PSP."""
    table = _table(part)
    offers = methods_for(table, "PT", order_id=order).methods

    assert {offer.account.name for offer in offers} == {_served_by(table, order_id=order)}


@given(_IDS, _PARTS, _PARTS)
def test_a_larger_part_only_adds_shoppers(shopper: str, one: int, other: int) -> None:
    """Raised, it takes nobody away; lowered, it brings nobody in."""
    smaller, larger = sorted((one, other))

    if _served_by(_table(smaller), customer_id=shopper) == "new":
        assert _served_by(_table(larger), customer_id=shopper) == "new"
    if _served_by(_table(larger), customer_id=shopper) == "eu":
        assert _served_by(_table(smaller), customer_id=shopper) == "eu"


@given(_IDS)
def test_the_ends_are_nobody_and_everybody(shopper: str) -> None:
    """0 is a switch that is off, and 100 percent leaves nobody out."""
    assert _served_by(_table(0), customer_id=shopper) == "eu"
    assert _served_by(_table(BUCKETS), customer_id=shopper) == "new"


@given(_IDS, _PARTS)
def test_the_name_of_the_canary_moves_nobody(shopper: str, part: int) -> None:
    """Another account in the same role serves the same shoppers."""
    first = _served_by(_table(part, new="new"), customer_id=shopper) == "new"
    second = _served_by(_table(part, new="cards"), customer_id=shopper) == "cards"

    assert first == second


@pytest.mark.parametrize("part", [0, BUCKETS])
def test_who_has_no_name_goes_to_the_main_account(part: int) -> None:
    """Without customer and order nobody can be served the same way twice."""
    assert _served_by(_table(part)) == "eu"


@given(_IDS, _PARTS, st.sampled_from(["eu", "new"]))
def test_an_alias_decides_for_its_own_psp(shopper: str, part: int, account: str) -> None:
    """No part of the shoppers charges an alias where it is not kept."""
    query = RouteQuery("PT", CARD, customer_id=shopper, alias_account=account)
    decision = explain(_table(part), query)

    assert decision.account == account
    assert "canary" not in {step.rule for step in decision.steps}


@given(st.one_of(st.just(""), _IDS), st.one_of(st.just(""), _IDS), _PARTS, st.integers(0, 600_000))
@example("C-1", "", 0, 100)
def test_a_decision_and_its_explanation_agree(
    customer: str, order: str, part: int, amount_minor: int
) -> None:
    """`explain` says what `route` does, and looks at the canary once."""
    query = RouteQuery("PT", CARD, Money(amount_minor, "EUR"), customer, order)
    explained = explain(_table(part), query)

    assert replace(explained, steps=()) == route(_table(part), query)
    assert [step.rule for step in explained.steps].count("canary") == 1


@pytest.mark.parametrize("shopper,account", [("C-2", "cards"), ("C-1", "eu")])
def test_limits_are_those_of_the_account_that_serves(shopper: str, account: str) -> None:
    """Offered and routed alike: 1.50 EUR is too little for the canary alone."""
    amount = Money(150, "EUR")
    decision = explain(TABLE, RouteQuery("PT", CARD, amount, shopper))
    offers = methods_for(TABLE, "PT", Money(300, "EUR"), customer_id=shopper).methods

    assert [offer.account.name for offer in offers] == [account]
    assert [offer.limits for offer in offers] == [
        AmountLimits(200, 400_000) if account == "cards" else AmountLimits(100, 500_000)
    ]
    refused = (RouteRefusal.AMOUNT_BELOW_MINIMUM,) if account == "cards" else ()
    assert decision.refusals == refused


def test_a_retired_canary_takes_no_new_payments() -> None:
    """As any retired account; nobody is sent elsewhere in silence."""
    decision = route(_table(BUCKETS, new="old"), RouteQuery("PT", CARD, customer_id="C-1"))

    assert decision.refusals == (RouteRefusal.ACCOUNT_RETIRED,)


@pytest.mark.parametrize(
    "country_code,shopper,bucket",
    [("PT", "C-1", 7963), ("PT", "C-2", 2904), ("FR", "C-1", 3908), ("FR", "Zoë 42", 9997)],
)
def test_a_bucket_is_the_same_for_ever(country_code: str, shopper: str, bucket: int) -> None:
    """A release that moved shoppers between PSPs would fail here."""
    assert bucket_of(country_code, shopper) == bucket


def test_an_id_that_is_no_text_has_a_bucket() -> None:
    """The command line hands bytes on as they came."""
    assert 0 <= bucket_of("PT", "\udcff") < BUCKETS


def test_a_part_is_as_large_as_it_says() -> None:
    """Of 20,000 consecutive ids, 30 percent are served by the canary, within one percent."""
    table = _table(3_000)
    served = [_served_by(table, customer_id=f"C-{number}") for number in range(20_000)]

    assert 0.29 < served.count("new") / len(served) < 0.31


@pytest.mark.parametrize("basis_points", [-1, BUCKETS + 1])
def test_a_part_is_at_most_the_whole(basis_points: int) -> None:
    """A value that means nothing cannot be made."""
    with pytest.raises(ValueError, match=r"outside 0\.\.10000"):
        Canary("new", basis_points, _EUR)


def test_a_canary_goes_with_its_method() -> None:
    """Another account, the same currencies."""
    with pytest.raises(ValueError, match="eu is its own canary"):
        MethodRoute(CARD, "eu", _EUR, canary=Canary("eu", 1, _EUR))
    with pytest.raises(ValueError, match="new does not take the currencies of card"):
        MethodRoute(CARD, "eu", _EUR, canary=Canary("new", 1, {}))


@pytest.mark.parametrize(
    "basis_points,words", [(0, "0"), (3_000, "30"), (1_250, "12.5"), (1, "0.01"), (10_000, "100")]
)
def test_a_part_reads_as_a_percentage(basis_points: int, words: str) -> None:
    """Without zeros that say nothing."""
    assert Canary("new", basis_points, {}).percent == words
