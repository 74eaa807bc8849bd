"""How countries sell, as callers read it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.routing.policies import country_policy, list_policies
from gateway.routing.source import RoutingSource
from tests.unit.routing.tables import COUNTRIES, PAYPAL, TABLE


def test_a_policy_is_found_by_its_country() -> None:
    """A served country has its policy; any other has none."""
    assert COUNTRIES["FR"] == country_policy(TABLE, "FR")
    assert country_policy(TABLE, "US") is None


def test_methods_that_are_switched_off_are_left_out() -> None:
    """Callers read what is offered."""
    policy = country_policy(TABLE, "DE")

    assert policy is not None
    assert [route.method for route in policy.methods] == [PAYPAL]
    assert {PAYPAL} == set(policy.by_method)


@given(st.integers(1, 5))
def test_pages_join_to_the_whole(limit: int) -> None:
    """Read to the end, pages of any size give every country once, by its code."""
    codes: list[str] = []
    has_more = True
    while has_more:
        page = list_policies(TABLE, codes[-1] if codes else "", limit)
        assert 1 <= len(page.policies) <= limit
        codes += [policy.country_code for policy in page.policies]
        has_more = page.has_more

    assert codes == ["BE", "DE", "FR", "IT", "PT"]


def test_a_page_after_a_country_that_is_gone_goes_on() -> None:
    """A country that left the configuration between two pages does not end the list."""
    page = list_policies(TABLE, "EE", 1)

    assert [policy.country_code for policy in page.policies] == ["FR"]
    assert page.has_more


def test_after_the_last_there_is_nothing() -> None:
    """The end is an empty page."""
    page = list_policies(TABLE, "ZZ", 10)

    assert page.policies == ()
    assert not page.has_more


@pytest.mark.parametrize("limit", [0, -1])
def test_a_page_holds_at_least_one(limit: int) -> None:
    """A list that would never end is refused."""
    with pytest.raises(ValueError, match="at least one"):
        list_policies(TABLE, "", limit)


def test_the_source_gives_the_table_in_force() -> None:
    """Whoever asks gets the table as a whole."""
    assert TABLE is RoutingSource(TABLE).table


def test_the_source_changes_tables_whole() -> None:
    """Who took a table decides by it to the end; who asks anew gets the new one."""
    source, other = RoutingSource(TABLE), replace(TABLE, digest="other")
    taken = source.table

    source.replace(other)

    assert TABLE is taken
    assert source.table is other
