"""How two requests are told to be the same."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.customers.commands import EnsureCustomerCommand
from gateway.domain.customers import profile_fingerprint
from gateway.domain.requests import RequestKey, StoredRequest, fingerprint_of
from psp.port import CustomerProfile, PaymentMethod
from tests.support.payments import NOW, TOTAL

_PARTS: dict[str, object] = {
    "order_id": "order-1",
    "amount": str(TOTAL),
    "save_alias": False,
    "alias_id": "",
    "method": PaymentMethod.CARD,
}
_KEY = RequestKey("checkout", "EnsureCustomer", "request-1")
_PROFILE = CustomerProfile("shopper-1", email="zoe@example.org", name="Zoë", country_code="FR")


@given(st.permutations(list(_PARTS)))
def test_the_order_of_fields_does_not_matter(names: list[str]) -> None:
    """A request is what it says, not how it is written down."""
    assert fingerprint_of({name: _PARTS[name] for name in names}) == fingerprint_of(_PARTS)


@pytest.mark.parametrize(
    "name,value",
    [
        ("order_id", "order-2"),
        ("amount", "20.00 EUR"),
        ("save_alias", True),
        ("save_alias", "False"),
        ("alias_id", "als_1"),
        ("method", PaymentMethod.PAYPAL),
        ("more", ""),
    ],
)
def test_any_other_value_is_another_request(name: str, value: object) -> None:
    """Also one that only looks the same: false is not the text "False"."""
    assert fingerprint_of({**_PARTS, name: value}) != fingerprint_of(_PARTS)


def test_values_do_not_run_into_each_other() -> None:
    """Where one field ends and the next begins is part of the request."""
    assert fingerprint_of({"a": "1", "b": "23"}) != fingerprint_of({"a": "12", "b": "3"})


def test_a_fingerprint_does_not_show_what_it_is_of() -> None:
    """It is stored for ever, so it must not hold an e-mail address."""
    fingerprint = fingerprint_of({"email": "zoe@example.org"})

    assert "zoe" not in fingerprint
    assert len(fingerprint) == 64


def test_a_fingerprint_is_the_same_in_every_process() -> None:
    """Stored by one release, compared by the next: it may not change by itself."""
    # sha256sum of {"a":"\u00e9","b":1}
    assert fingerprint_of({"b": 1, "a": "é"}) == (
        "6d9eb45284090145dc16661b06abe01185a16a7dabba07c992a131bffa6b8114"
    )


@pytest.mark.parametrize(
    "name", ["customer_id", "email", "name", "phone", "country_code", "preferred_locale"]
)
def test_every_field_of_a_profile_counts(name: str) -> None:
    """A changed field is another request, and another record to send to the PSP."""
    changed = replace(_PROFILE, **{name: "changed"})

    assert profile_fingerprint(changed) != profile_fingerprint(_PROFILE)
    one, other = (EnsureCustomerCommand(_KEY, profile) for profile in (_PROFILE, changed))
    assert one.fingerprint != other.fingerprint
    assert one.fingerprint == EnsureCustomerCommand(_KEY, replace(_PROFILE)).fingerprint


def test_an_answer_is_not_printed() -> None:
    """What a caller was told does not get into logs by way of a request's text."""
    stored = StoredRequest(_KEY, "f00d", "shopper-1", NOW, {"links": "cus_1"})

    assert "cus_1" not in repr(stored)
