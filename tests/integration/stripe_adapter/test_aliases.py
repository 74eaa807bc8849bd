"""Saved methods without a payment: the adapter against the sandbox."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from psp.errors import NotFoundError, OutcomeUnknownError, RejectedError, UnavailableError
from psp.port import AliasSetup, CustomerProfile, NextActionKind, PaymentMethod
from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import StripeSandbox, running_sandbox
from tests.unit.psp.stripe.support import account_config

_BACK = "https://shop.example/cards"


@pytest.fixture
async def sandbox() -> AsyncIterator[StripeSandbox]:
    """Return a sandbox."""
    async with running_sandbox(webhook_retry_gaps_s=(0,)) as running:
        yield running


@pytest.fixture
async def provider(sandbox: StripeSandbox) -> AsyncIterator[StripeProvider]:
    """Return an adapter that gives up at the first failure: what follows is the test's."""
    config = account_config(api_base=sandbox.address, max_network_retries=0)
    made = StripeProvider("stripe_fr", config)
    yield made
    await made.close()


@pytest.fixture
async def customer(provider: StripeProvider) -> str:
    """Return a shopper at Stripe."""
    return await provider.create_customer(CustomerProfile("shopper-1"), "key-customer")


def _secret(setup: AliasSetup) -> str:
    assert setup.next_action is not None
    assert setup.next_action.kind is NextActionKind.CONFIRM
    return setup.next_action.client_secret


async def _saved(
    provider: StripeProvider, sandbox: StripeSandbox, customer: str, key: str = "key-1"
) -> str:
    """Save a card, and return Stripe's id of it."""
    before = {each.psp_alias for each in await provider.list_aliases(customer)}
    setup = await provider.start_alias_setup(customer, PaymentMethod.CARD, _BACK, key)
    sandbox.browser_confirm(_secret(setup), "pm_card_visa")
    (new,) = {each.psp_alias for each in await provider.list_aliases(customer)} - before
    return new


async def test_a_card_is_saved_without_a_payment(
    provider: StripeProvider, sandbox: StripeSandbox, customer: str
) -> None:
    """The list has it once the page confirmed; the same key is the same set-up."""
    setup = await provider.start_alias_setup(customer, PaymentMethod.CARD, _BACK, "key-1")
    assert await provider.list_aliases(customer) == ()
    assert await provider.start_alias_setup(customer, PaymentMethod.CARD, _BACK, "key-1") == setup

    sandbox.browser_confirm(_secret(setup), "pm_card_visa")

    (alias,) = await provider.list_aliases(customer)
    assert (alias.brand, alias.last4, alias.is_default) == ("visa", "4242", False)


async def test_paypal_is_saved_without_a_payment(
    provider: StripeProvider, sandbox: StripeSandbox, customer: str
) -> None:
    """The page confirms, PayPal asks, and the agreement is in the list."""
    setup = await provider.start_alias_setup(customer, PaymentMethod.PAYPAL, _BACK, "key-1")
    sandbox.browser_confirm(_secret(setup), "paypal", return_url=_BACK)
    sandbox.paypal(setup.psp_reference)

    (alias,) = await provider.list_aliases(customer)
    assert alias.method is PaymentMethod.PAYPAL


async def test_a_default_is_chosen(
    provider: StripeProvider, sandbox: StripeSandbox, customer: str
) -> None:
    """One at a time; another's method cannot be it."""
    first = await _saved(provider, sandbox, customer, "key-1")
    second = await _saved(provider, sandbox, customer, "key-2")
    await provider.set_default_alias(customer, first, "key-3")
    await provider.set_default_alias(customer, second, "key-4")

    defaults = [each.psp_alias for each in await provider.list_aliases(customer) if each.is_default]

    assert defaults == [second]
    stranger = await provider.create_customer(CustomerProfile("shopper-2"), "key-5")
    with pytest.raises(RejectedError):
        await provider.set_default_alias(stranger, second, "key-6")


async def test_a_deleted_alias_is_gone_for_ever(
    provider: StripeProvider, sandbox: StripeSandbox, customer: str
) -> None:
    """Deleting it again, under any key, is done already."""
    alias = await _saved(provider, sandbox, customer)

    for key in ("key-2", "key-2", "key-3"):
        await provider.delete_alias(customer, alias, key)

    assert await provider.list_aliases(customer) == ()
    with pytest.raises(NotFoundError):
        await provider.delete_alias(customer, "pm_unknown", "key-4")
    with pytest.raises(NotFoundError):
        await provider.delete_alias(customer, "../customers", "key-5")


async def test_a_lost_answer_is_no_second_deletion(
    provider: StripeProvider, sandbox: StripeSandbox, customer: str
) -> None:
    """Unknown at first, and done by the same key."""
    alias = await _saved(provider, sandbox, customer)
    sandbox.inject("drop_after", path_suffix="/detach")
    with pytest.raises(OutcomeUnknownError):
        await provider.delete_alias(customer, alias, "key-2")

    await provider.delete_alias(customer, alias, "key-2")

    assert await provider.list_aliases(customer) == ()


async def test_a_refusal_that_cannot_be_checked_is_unknown(
    provider: StripeProvider, sandbox: StripeSandbox, customer: str
) -> None:
    """Stripe refuses to detach what is detached; whether that is why could not be read."""
    alias = await _saved(provider, sandbox, customer)
    await provider.delete_alias(customer, alias, "key-2")
    sandbox.inject("error_before", method="GET", path_prefix="/v1/payment_methods")

    with pytest.raises(OutcomeUnknownError) as unknown:
        await provider.delete_alias(customer, alias, "key-3")

    assert isinstance(unknown.value.__cause__, UnavailableError)


async def test_nothing_is_saved_for_nobody(provider: StripeProvider) -> None:
    """A customer that Stripe does not know is refused with its code."""
    with pytest.raises(RejectedError) as refused:
        await provider.start_alias_setup("cus_unknown", PaymentMethod.CARD, _BACK, "key-1")

    assert refused.value.code == "resource_missing"
