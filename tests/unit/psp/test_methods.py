"""The limits of a method at a PSP."""

from __future__ import annotations

import pytest

from psp.methods import MethodTraits, Presentation
from psp.money import Money

_ANY = MethodTraits(Presentation.EMBEDDED)
_LIMITED = MethodTraits(
    Presentation.REDIRECT,
    currencies=frozenset({"EUR", "GBP"}),
    min_amount_minor={"EUR": 50},
    max_amount_minor={"EUR": 1000},
)


@pytest.mark.parametrize(
    "traits,amount,taken",
    [
        (_ANY, Money(1, "JPY"), True),
        (_ANY, Money(0, "JPY"), False),
        (_LIMITED, Money(49, "EUR"), False),
        (_LIMITED, Money(50, "EUR"), True),
        (_LIMITED, Money(1000, "EUR"), True),
        (_LIMITED, Money(1001, "EUR"), False),
        (_LIMITED, Money(1, "GBP"), True),
        (_LIMITED, Money(0, "GBP"), False),
        (_LIMITED, Money(100, "USD"), False),
    ],
)
def test_an_amount_is_taken_inside_the_limits(
    traits: MethodTraits, amount: Money, taken: bool
) -> None:
    """Both ends count, a currency without limits takes anything but nothing at all."""
    assert traits.takes_amount(amount) is taken


@pytest.mark.parametrize(
    "traits,currency,taken",
    [(_ANY, "JPY", True), (_LIMITED, "GBP", True), (_LIMITED, "JPY", False)],
)
def test_a_currency_is_taken_if_the_method_can_be_shown_in_it(
    traits: MethodTraits, currency: str, taken: bool
) -> None:
    """Without a list, every currency that the PSP knows is."""
    assert traits.takes_currency(currency) is taken
