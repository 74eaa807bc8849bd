"""Customers and their saved methods."""

from __future__ import annotations

import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import Shop


async def test_a_customer_is_created_and_updated(shop: Shop) -> None:
    """What is sent changes, what is not stays, an empty value unsets."""
    created = await shop.customers.create_async(
        {
            "name": "Ada",
            "email": "ada@example.com",
            "phone": "+33123456789",
            "address": {"country": "FR"},
            "preferred_locales": ["fr-FR"],
            "metadata": {"our_id": "c-1", "tier": "gold"},
        }
    )

    updated = await shop.customers.update_async(
        created.id, {"phone": "", "metadata": {"tier": "", "since": "2026"}}
    )
    read = await shop.customers.retrieve_async(created.id)

    assert read.to_dict() == updated.to_dict()
    assert (read.name, read.email, read.phone) == ("Ada", "ada@example.com", None)
    assert (read.preferred_locales, dict(read.to_dict()["metadata"])) == (
        ["fr-FR"],
        {"our_id": "c-1", "since": "2026"},
    )
    assert read.address is not None
    assert (read.address.country, read.address.city) == ("FR", None)
    assert await shop.event_types() == ["customer.created", "customer.updated"]


async def test_a_refused_update_changes_nothing(shop: Shop) -> None:
    """One wrong parameter spoils the whole request."""
    created = await shop.customers.create_async({"name": "Ada"})

    with pytest.raises(stripe.InvalidRequestError):
        await shop.customers.update_async(
            created.id,
            {"name": "Bob", "invoice_settings": {"default_payment_method": "pm_unknown"}},
        )

    assert (await shop.customers.retrieve_async(created.id)).name == "Ada"


async def test_a_method_is_saved_by_a_payment_that_says_so(shop: Shop) -> None:
    """setup_future_usage attaches the method after success, and only then."""
    customer = await shop.customers.create_async()
    await shop.confirmed(customer=customer.id)
    saved = await shop.confirmed(customer=customer.id, setup_future_usage="on_session")

    listed = await shop.customers.payment_methods.list_async(customer.id)

    (method,) = listed.data
    assert method.id == saved.payment_method
    assert method.card is not None
    assert (method.customer, method.allow_redisplay, method.card.last4) == (
        customer.id,
        "unspecified",
        "4242",
    )
    assert "payment_method.attached" in await shop.event_types()


async def test_methods_are_listed_by_kind_and_page(shop: Shop) -> None:
    """Type, allow_redisplay and the page size are heard; the default page has ten."""
    customer = await shop.customers.create_async()
    method = await shop.methods.attach_async("pm_card_visa", {"customer": customer.id})
    for _ in range(10):
        await shop.methods.attach_async("pm_card_visa", {"customer": customer.id})
    await shop.methods.update_async(method.id, {"allow_redisplay": "always"})
    listing = shop.customers.payment_methods

    page = await listing.list_async(customer.id)
    rest = await listing.list_async(customer.id, {"starting_after": page.data[-1].id})
    shown = await listing.list_async(customer.id, {"allow_redisplay": "always"})
    wallets = await listing.list_async(customer.id, {"type": "paypal"})

    assert (len(page.data), page.has_more, len(rest.data), rest.has_more) == (10, True, 1, False)
    assert ([entry.id for entry in shown.data], wallets.data) == ([method.id], [])


async def test_detaching_is_for_ever(shop: Shop) -> None:
    """A detached method can be neither charged nor attached again, nor stay the default."""
    customer = await shop.customers.create_async()
    method = await shop.methods.attach_async("pm_card_visa", {"customer": customer.id})
    await shop.customers.update_async(
        customer.id, {"invoice_settings": {"default_payment_method": method.id}}
    )
    default = (await shop.customers.retrieve_async(customer.id)).invoice_settings
    assert default is not None
    assert default.default_payment_method == method.id

    detached = await shop.methods.detach_async(method.id)

    after = (await shop.customers.retrieve_async(customer.id)).invoice_settings
    assert after is not None
    assert (detached.customer, after.default_payment_method) == (None, None)
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await shop.methods.attach_async(method.id, {"customer": customer.id})
    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await shop.confirmed(method.id, customer=customer.id)


async def test_a_method_charged_without_saving_is_spent(shop: Shop) -> None:
    """A method used without its customer cannot be used twice."""
    paid = await shop.confirmed()

    with pytest.raises(stripe.InvalidRequestError, match="may not be used again"):
        await shop.confirmed(str(paid.payment_method))


async def test_saved_cards_ask_for_the_shopper_as_they_should(
    shop: Shop, sandbox: StripeSandbox
) -> None:
    """A card that was set up for off-session use passes without its shopper."""
    customer = await shop.customers.create_async()
    first = await shop.confirmed(
        "pm_card_authenticationRequiredOnSetup",
        customer=customer.id,
        setup_future_usage="off_session",
    )
    assert first.status == "requires_action"
    sandbox.browser_authenticate(str(first.client_secret))
    saved = (await shop.intents.retrieve_async(first.id)).payment_method

    again = await shop.confirmed(str(saved), customer=customer.id, off_session=True)

    assert again.status == "succeeded"


async def test_the_fingerprint_names_the_number(shop: Shop) -> None:
    """Two methods of one number have one fingerprint."""
    cards = [
        (await shop.methods.retrieve_async(name)).card
        for name in ("pm_card_visa", "pm_card_visa", "pm_card_mastercard")
    ]

    prints = [card.fingerprint for card in cards if card is not None]
    assert prints[0] == prints[1] != prints[2]
