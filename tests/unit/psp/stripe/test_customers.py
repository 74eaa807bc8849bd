"""Shoppers and their saved methods, in both directions."""

from __future__ import annotations

import pytest

from psp.errors import NotFoundError
from psp.port import CustomerProfile, PaymentMethod, PspAlias
from psp.stripe.aliases import read_alias
from psp.stripe.customers import customer_parameters
from psp.stripe.paths import CUSTOMERS, object_path


def test_a_full_profile_is_sent_in_full() -> None:
    """Every field of a profile has its place at Stripe."""
    profile = CustomerProfile("shopper-1", "a@example.com", "Ada", "+33123456789", "FR", "fr-FR")

    assert customer_parameters(profile) == {
        "email": "a@example.com",
        "name": "Ada",
        "phone": "+33123456789",
        "address": {"country": "FR"},
        "preferred_locales": ["fr-FR"],
        "metadata": {"paygate_customer_id": "shopper-1"},
    }


def test_what_is_not_given_is_not_sent() -> None:
    """An empty field leaves Stripe's record as it is."""
    assert customer_parameters(CustomerProfile("shopper-1")) == {
        "metadata": {"paygate_customer_id": "shopper-1"}
    }


def test_a_card_is_read_without_its_number() -> None:
    """A card alias shows brand, last digits and expiry."""
    card = {"brand": "visa", "last4": "4242", "exp_month": 12, "exp_year": 2034}
    alias = read_alias({"id": "pm_1", "type": "card", "card": card}, "pm_1")

    assert alias == PspAlias("pm_1", PaymentMethod.CARD, "visa", "4242", 12, 2034, is_default=True)


@pytest.mark.parametrize(
    "email,label",
    [("ada@example.com", "a***@example.com"), ("", ""), (None, ""), ("odd", ""), ("@x", "")],
)
def test_a_paypal_agreement_shows_a_masked_address(email: str | None, label: str) -> None:
    """A shopper recognises the address; nobody else learns it."""
    method = {"id": "pm_2", "type": "paypal", "paypal": {"payer_email": email}}

    alias = read_alias(method, "pm_1")

    assert alias == PspAlias("pm_2", PaymentMethod.PAYPAL, "paypal", "", 0, 0, label=label)


@pytest.mark.parametrize("object_id", ["", "..", "cus/1", "cus_1?x", "cus 1", "c" * 256, "é"])
def test_an_impossible_id_is_never_asked_for(object_id: str) -> None:
    """An id that would address something else is unknown without asking."""
    with pytest.raises(NotFoundError):
        object_path("stripe_fr", CUSTOMERS, object_id)
