"""Amounts: hundredths to Ogone, decimals from it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.money import CURRENCY_DECIMALS, Money
from psp.ogone.money import AmountError, from_ogone_amount, to_ogone_amount


@pytest.mark.parametrize(
    "money,sent",
    [
        (Money(1234, "EUR"), "1234"),
        (Money(1, "EUR"), "1"),
        (Money(500, "JPY"), "50000"),
        (Money(1230, "KWD"), "123"),
    ],
)
def test_requests_are_in_hundredths(money: Money, sent: str) -> None:
    """Whatever the currency's own decimals."""
    assert sent == to_ogone_amount(money)


@pytest.mark.parametrize("money", [Money(0, "EUR"), Money(1234, "KWD")])
def test_what_hundredths_cannot_say_is_not_sent(money: Money) -> None:
    """Nothing at all, or a third decimal."""
    with pytest.raises(AmountError):
        to_ogone_amount(money)


@pytest.mark.parametrize(
    "decimal,currency,minor",
    [
        ("0.02", "GBP", 2),
        ("5", "GBP", 500),
        ("5.1", "EUR", 510),
        ("12.34", "EUR", 1234),
        ("500", "JPY", 500),
        ("500.00", "JPY", 500),
        ("1.234", "KWD", 1234),
        ("0", "EUR", 0),
    ],
)
def test_replies_are_decimals(decimal: str, currency: str, minor: int) -> None:
    """Read exactly, with the currency's decimals."""
    assert minor == from_ogone_amount(decimal, currency)


@pytest.mark.parametrize(
    "decimal,currency",
    [
        ("", "EUR"),
        ("1.234", "EUR"),
        ("1.000", "EUR"),
        ("1,50", "EUR"),
        ("1.5", "JPY"),
        ("-1", "EUR"),
        ("1e3", "EUR"),
        ("NaN", "EUR"),
        (" 1", "EUR"),
        ("\u0661", "EUR"),
        ("1.", "EUR"),
        (".5", "EUR"),
        ("1", "XXX"),
        ("1", "eur"),
        ("1", ""),
        ("999999999999", "EUR"),
        ("9" * 40, "EUR"),
    ],
)
def test_what_is_no_exact_amount_is_not_read(decimal: str, currency: str) -> None:
    """More digits than the currency has, other notations, currencies we do not know."""
    with pytest.raises(AmountError):
        from_ogone_amount(decimal, currency)


@given(st.sampled_from(sorted(CURRENCY_DECIMALS)), st.integers(0, 10**9))
def test_an_amount_comes_back_as_it_was(currency: str, minor: int) -> None:
    """No rounding anywhere."""
    decimals = CURRENCY_DECIMALS[currency]
    whole, fraction = divmod(minor, 10**decimals)
    written = f"{whole}.{fraction:0{decimals}}" if decimals else str(whole)

    assert minor == from_ogone_amount(written, currency)
