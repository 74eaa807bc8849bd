"""Amounts as Stripe counts them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.money import CURRENCY_DECIMALS, MAX_AMOUNT_MINOR, Money
from psp.stripe.money import (
    AmountError,
    from_stripe_amount,
    largest_amount_minor,
    to_stripe_amount,
)


@pytest.mark.parametrize(
    "minor, currency, stripe_amount",
    [
        (1234, "EUR", 1234),
        (500, "JPY", 500),
        (500, "ISK", 50_000),
        (500, "UGX", 50_000),
        (50_000, "MGA", 500),
        (12_340, "KWD", 12_340),
        (17_500, "HUF", 17_500),
        (0, "EUR", 0),
    ],
)
def test_amounts_are_the_same_in_both_directions(
    minor: int, currency: str, stripe_amount: int
) -> None:
    """Each rule of Stripe's page on currencies holds to and fro."""
    assert stripe_amount == to_stripe_amount(Money(minor, currency))
    assert minor == from_stripe_amount(stripe_amount, currency)


@pytest.mark.parametrize(
    "minor, currency", [(12_345, "KWD"), (50_050, "MGA"), (1000, "IQD"), (1000, "LYD")]
)
def test_what_stripe_cannot_express_is_not_rounded(minor: int, currency: str) -> None:
    """An amount that would have to be rounded is refused."""
    with pytest.raises(AmountError):
        to_stripe_amount(Money(minor, currency))


def test_a_fraction_of_a_minor_unit_is_not_rounded() -> None:
    """A sum from Stripe that is no whole krona is refused, not cut."""
    with pytest.raises(AmountError):
        from_stripe_amount(50_050, "ISK")


def test_an_unknown_currency_passes_through() -> None:
    """A currency we do not know yet can still be read."""
    assert from_stripe_amount(77, "XYZ") == 77


@given(minor=st.integers(0, MAX_AMOUNT_MINOR), currency=st.sampled_from(sorted(CURRENCY_DECIMALS)))
def test_no_amount_changes_on_its_way_there_and_back(minor: int, currency: str) -> None:
    """Whatever can be sent comes back as the same amount, in every currency."""
    try:
        stripe_amount = to_stripe_amount(Money(minor, currency))
    except AmountError:
        return
    assert minor == from_stripe_amount(stripe_amount, currency)


@pytest.mark.parametrize("currency", sorted(set(CURRENCY_DECIMALS) - {"IQD", "LYD"}))
def test_the_largest_amount_can_be_sent(currency: str) -> None:
    """The largest amount of every currency is one that Stripe can express in eight digits."""
    assert to_stripe_amount(Money(largest_amount_minor(currency), currency)) <= 99_999_999
