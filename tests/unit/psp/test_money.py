"""Money: minor units that cannot be wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psp.money import CURRENCY_DECIMALS, MAX_AMOUNT_MINOR, CurrencyMismatchError, Money

_CURRENCIES = st.sampled_from(sorted(CURRENCY_DECIMALS))
_AMOUNTS = st.integers(0, MAX_AMOUNT_MINOR)


@pytest.mark.parametrize(
    "amount_minor,currency,text",
    [
        (1234, "EUR", "12.34 EUR"),
        (5, "EUR", "0.05 EUR"),
        (0, "EUR", "0.00 EUR"),
        (1234, "JPY", "1234 JPY"),
        (1234, "KWD", "1.234 KWD"),
        (7, "KWD", "0.007 KWD"),
    ],
)
def test_an_amount_is_written_with_its_currencys_decimals(
    amount_minor: int, currency: str, text: str
) -> None:
    """Two for most, none or three for some (ISO 4217)."""
    assert str(Money(amount_minor, currency)) == text


@given(_AMOUNTS, _CURRENCIES)
def test_no_digit_is_lost_in_writing(amount_minor: int, currency: str) -> None:
    """The digits of the text are those of the amount."""
    digits, _, written = str(Money(amount_minor, currency)).partition(" ")

    assert (int(digits.replace(".", "")), written) == (amount_minor, currency)


@pytest.mark.parametrize("amount_minor", [-1, MAX_AMOUNT_MINOR + 1])
def test_an_amount_outside_the_bounds_is_refused(amount_minor: int) -> None:
    """A negative or an enormous amount is a caller's bug."""
    with pytest.raises(ValueError, match=f"amount {amount_minor} is outside"):
        Money(amount_minor, "EUR")


@pytest.mark.parametrize("currency", ["", "eur", "EURO", "XXX", "EU"])
def test_a_currency_that_is_not_known_is_refused(currency: str) -> None:
    """An amount whose decimals we do not know cannot be moved safely."""
    with pytest.raises(ValueError, match="use an ISO 4217 code such as EUR"):
        Money(100, currency)


def test_amounts_of_one_currency_add_up() -> None:
    """Sums and differences stay in the currency."""
    assert Money(1999, "EUR") + Money(1, "EUR") == Money(2000, "EUR")
    assert Money(1999, "EUR") - Money(1999, "EUR") == Money(0, "EUR")
    assert Money(1999, "JPY").with_amount(1) == Money(1, "JPY")


def test_amounts_of_two_currencies_do_not_meet() -> None:
    """There is no rate here to bring them together."""
    with pytest.raises(CurrencyMismatchError, match="cannot combine EUR with USD"):
        Money(1, "EUR") + Money(1, "USD")
    with pytest.raises(CurrencyMismatchError):
        Money(1, "EUR") - Money(1, "USD")


@given(_AMOUNTS, _AMOUNTS)
def test_sums_and_differences_keep_the_bounds(one: int, other: int) -> None:
    """A calculation that leaves them is refused as if the amount had been given."""
    low, high = sorted([one, other])
    assert (Money(high, "EUR") - Money(low, "EUR")).amount_minor == high - low
    if low < high:
        with pytest.raises(ValueError, match="outside"):
            Money(low, "EUR") - Money(high, "EUR")
    if low + high > MAX_AMOUNT_MINOR:
        with pytest.raises(ValueError, match="outside"):
            Money(low, "EUR") + Money(high, "EUR")


def test_amounts_have_no_order_of_their_own() -> None:
    """1 EUR and 1 USD cannot be compared, so nothing pretends they can."""
    with pytest.raises(TypeError):
        _ = Money(1, "EUR") < Money(2, "EUR")  # type: ignore[operator] # the point of the test


def test_each_currency_has_one_number_of_decimals() -> None:
    """The codes are ISO 4217's, and their scales are the three that are in use."""
    assert all(len(code) == 3 and code.isupper() for code in CURRENCY_DECIMALS)
    assert set(CURRENCY_DECIMALS.values()) == {0, 2, 3}
