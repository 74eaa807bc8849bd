"""Scenarios of PSPs that know shoppers: customers and their saved methods."""

from __future__ import annotations

from dataclasses import replace

from psp.conformance.bench import Bench
from psp.conformance.expecting import expect_equal, expect_error
from psp.conformance.steps import PAYMENT_ID, purchase, step_of
from psp.errors import RejectedError
from psp.port import CustomerProfile, PaymentMethod, PspStatus

_PROFILE = CustomerProfile("shopper-1", "ada@example.com", "Ada", "+331234", "FR", "fr-FR")
_STRANGER = CustomerProfile("shopper-2")


async def customer_kept(bench: Bench) -> None:
    """A shopper is created once under a key, and can be brought up to date."""
    customer = await bench.provider.create_customer(_PROFILE, "customer-1")
    again = await bench.provider.create_customer(_PROFILE, "customer-1")

    expect_equal("the same key is the same customer", customer, again)
    renamed = replace(_PROFILE, name="Ada L.")
    await bench.provider.update_customer(customer, renamed, "customer-2")
    unknown = bench.provider.update_customer("nobody", _PROFILE, "customer-3")
    await expect_error("nobody cannot be updated", RejectedError, unknown)


async def alias_kept(bench: Bench) -> None:
    """A card saved with a payment is listed for its shopper alone, and can be charged."""
    customer = await bench.provider.create_customer(_PROFILE, "customer-1")
    stranger = await bench.provider.create_customer(_STRANGER, "customer-2")
    saving = replace(purchase(), psp_customer=customer, save_alias=True)
    await bench.pay(step_of(await bench.provider.create_payment(saving)))

    (alias,) = await bench.provider.list_aliases(customer)

    expect_equal("it is a card", (PaymentMethod.CARD, 4), (alias.method, len(alias.last4)))
    expect_equal("nobody else sees it", (), await bench.provider.list_aliases(stranger))
    charged = await bench.provider.create_payment(
        replace(
            purchase(),
            payment_id=f"{PAYMENT_ID[:-1]}2",
            idempotency_key="create-2",
            psp_customer=customer,
            psp_alias=alias.psp_alias,
            shopper_present=False,
        )
    )
    expect_equal("it can be charged", PspStatus.AUTHORIZED, charged.status)


async def alias_set_up(bench: Bench) -> None:
    """A card is saved without a payment once the shopper's page has ended it, and not before."""
    customer = await bench.provider.create_customer(_PROFILE, "customer-1")
    setup = await bench.provider.start_alias_setup(
        customer, PaymentMethod.CARD, "https://shop.example/back", "setup-1"
    )
    expect_equal("nothing is saved yet", (), await bench.provider.list_aliases(customer))

    await bench.pay(step_of(setup))

    saved = await bench.provider.list_aliases(customer)
    expect_equal("the card is saved", [PaymentMethod.CARD], [alias.method for alias in saved])


async def alias_default_and_deleted(bench: Bench) -> None:
    """A saved card can be made the default; once deleted it is gone, and deleting again is done."""
    customer = await bench.provider.create_customer(_PROFILE, "customer-1")
    saving = replace(purchase(), psp_customer=customer, save_alias=True)
    await bench.pay(step_of(await bench.provider.create_payment(saving)))
    (alias,) = await bench.provider.list_aliases(customer)

    await bench.provider.set_default_alias(customer, alias.psp_alias, "default-1")
    (chosen,) = await bench.provider.list_aliases(customer)
    expect_equal(
        "it is the default", (alias.psp_alias, True), (chosen.psp_alias, chosen.is_default)
    )

    for key in ("delete-1", "delete-2"):
        await bench.provider.delete_alias(customer, alias.psp_alias, key)
    expect_equal("it is gone", (), await bench.provider.list_aliases(customer))
