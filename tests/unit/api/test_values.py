"""Reading single fields."""

from __future__ import annotations

import re

import pytest

from gateway.api import values
from gateway.domain.countries import COUNTRY_CODES
from gateway.ids import new_id
from psp.money import CURRENCY_DECIMALS, MAX_AMOUNT_MINOR


@pytest.mark.parametrize(
    "given",
    [
        "b07e43a8-e845-11f1-bd90-02fc00000001",
        "652d1bc0-2a96-4a37-a175-5a5689f2b48c",
        "0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f",
        "ffffffff-ffff-ffff-ffff-ffffffffffff",
    ],
)
def test_a_uuid_of_any_version_is_a_request_id(given: str) -> None:
    """The version is the caller's own choice."""
    assert values.request_id(given) == given


def test_capitals_make_no_other_request_id() -> None:
    """RFC 9562 reads both cases: one UUID is one request, however it is spelled."""
    assert values.request_id("0190D3A2-7C1E-7B4E-9F6A-3D2C1B0A9E8F") == (
        "0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f"
    )


@pytest.mark.parametrize(
    "given, problem",
    [
        ("", "is required"),
        ("not-a-uuid", "is no UUID"),
        ("0190d3a27c1e7b4e9f6a3d2c1b0a9e8f", "is no UUID"),
        ("{0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f}", "is no UUID"),
        ("urn:uuid:0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f", "is no UUID"),
        ("0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f\n", "is no UUID"),
        (" 0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f", "is no UUID"),
        ("00000000-0000-0000-0000-000000000000", "nil UUID"),
    ],
)
def test_another_text_is_no_request_id(given: str, problem: str) -> None:
    """Only the canonical form counts, and the nil UUID is nobody's own."""
    with pytest.raises(ValueError, match=problem):
        values.request_id(given)


@pytest.mark.parametrize("given", ["1", "Order_1.a-b:c", "x" * 64])
def test_an_identifier_is_taken_as_it_is(given: str) -> None:
    """Ids of the retailer's are not changed."""
    assert values.identifier(given) == given


@pytest.mark.parametrize("given", ["", "x" * 65, "a b", "a/b", "é", "a\n", "a\x00"])
def test_another_text_is_no_identifier(given: str) -> None:
    """Nothing but 1 to 64 of the allowed characters."""
    with pytest.raises(ValueError, match=r"is required|1 to 64"):
        values.identifier(given)


@pytest.mark.parametrize("given", ["sk_live_abc", "whsec_abc", "pi_1_secret_2"])
def test_a_secret_is_no_identifier(given: str) -> None:
    """It would be stored; ids that merely look like it are taken: SK may be Slovakia."""
    assert values.identifier("SK_2026_1") == "SK_2026_1"
    with pytest.raises(ValueError, match="looks like a key or a secret"):
        values.identifier(given)


def test_an_optional_identifier_may_be_empty() -> None:
    """An empty optional id stays empty; another is checked all the same."""
    parse = values.optional(values.identifier)
    assert parse("") == ""
    with pytest.raises(ValueError, match="1 to 64"):
        parse("a b")


def test_every_new_payment_id_has_the_form_of_one() -> None:
    """What the maker of ids makes is read."""
    for _ in range(50):
        made = new_id("pay")
        assert values.payment_id(made) == made


@pytest.mark.parametrize(
    "given",
    [
        "",
        "pi_3Nxyz",
        "pay_",
        "pay_0000000000000000000000000",
        "pay_000000000000000000000000000",
        "pay_0000000000000000000000000U",
        "pay_0000000000000000000000000i",
        "pay_00000000000000000000000000\n",
        "op_00000000000000000000000000",
    ],
)
def test_a_foreign_payment_id_is_malformed(given: str) -> None:
    """Another system's id, and another kind's, cannot be a payment's."""
    with pytest.raises(ValueError, match=r"is required|is no payment's id"):
        values.payment_id(given)


def test_every_country_and_currency_is_read() -> None:
    """All codes of ISO 3166-1 and all currencies with known decimals."""
    assert {values.country_code(code) for code in COUNTRY_CODES} == COUNTRY_CODES
    assert {values.currency_code(code) for code in CURRENCY_DECIMALS} == set(CURRENCY_DECIMALS)


@pytest.mark.parametrize("given", ["", "fr", "XX", "FRA", "F", "FR\n"])
def test_another_text_is_no_country(given: str) -> None:
    """Small letters, unknown codes and alpha-3 codes are refused."""
    with pytest.raises(ValueError, match="ISO 3166-1"):
        values.country_code(given)


@pytest.mark.parametrize("given", ["", "eur", "EURO", "XXX", "E"])
def test_another_text_is_no_currency(given: str) -> None:
    """A currency whose decimals are unknown cannot be moved safely."""
    with pytest.raises(ValueError, match="ISO 4217"):
        values.currency_code(given)


def test_a_wrong_code_is_shown_short_and_on_one_line() -> None:
    """What callers send is not repeated if it is long, not even its beginning."""
    with pytest.raises(ValueError, match=r"^a text of 10000 characters is no known ISO 4217"):
        values.currency_code("A" * 10_000)
    with pytest.raises(ValueError, match=re.escape("'E\\nR'")):
        values.currency_code("E\nR")


@pytest.mark.parametrize("amount_minor", [1, MAX_AMOUNT_MINOR])
def test_an_amount_may_lie_on_either_bound(amount_minor: int) -> None:
    """Bounds are inside."""
    assert values.positive_amount_minor(amount_minor) == amount_minor


@pytest.mark.parametrize("amount_minor", [0, -1, -(2**63), MAX_AMOUNT_MINOR + 1, 2**63 - 1])
def test_an_amount_outside_of_the_bounds_is_refused(amount_minor: int) -> None:
    """Zero, negative and too large amounts."""
    with pytest.raises(ValueError, match=r"above 0|at most"):
        values.positive_amount_minor(amount_minor)


@pytest.mark.parametrize("given, read", [(0, 50), (1, 1), (500, 500), (501, 500), (2**31 - 1, 500)])
def test_a_page_has_at_most_500_rows(given: int, read: int) -> None:
    """0 means 50, more than 500 means 500."""
    assert values.page_size(given) == read


def test_a_page_of_negative_size_is_refused() -> None:
    """It is a bug of the caller's, not a wish."""
    with pytest.raises(ValueError, match="negative"):
        values.page_size(-1)


def test_a_sequence_is_not_negative() -> None:
    """0 stands before the first line."""
    assert values.sequence(0) == 0
    with pytest.raises(ValueError, match="negative"):
        values.sequence(-1)
