"""Methods saved without a payment, as the official SDK and a browser see it."""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from psp.stripe.sandbox.api_errors import ApiError
from tests.integration.stripe_sandbox.support import Shop

_BACK = "https://shop.example/cards"


async def _setup(shop: Shop, method_type: str = "card") -> tuple[str, stripe.SetupIntent]:
    customer = await shop.customers.create_async()
    made = await shop.client.v1.setup_intents.create_async(
        {
            "customer": customer.id,
            "allowed_payment_method_types": [method_type],
        }
    )
    return customer.id, made


async def _saved(shop: Shop, customer_id: str) -> list[str]:
    listed = await shop.client.v1.customers.payment_methods.list_async(customer_id)
    return [method.type for method in listed.data]


def _secret(setup: stripe.SetupIntent) -> str:
    assert setup.client_secret
    return setup.client_secret


async def test_a_card_is_saved(shop: Shop, sandbox: StripeSandbox) -> None:
    """The customer has it once the page confirmed, and the events tell."""
    customer_id, setup = await _setup(shop)
    assert setup.status == "requires_payment_method"
    before = await shop.event_types()

    sandbox.browser_confirm(_secret(setup), "pm_card_visa")

    after = await shop.client.v1.setup_intents.retrieve_async(setup.id)
    assert after.status == "succeeded"
    assert await _saved(shop, customer_id) == ["card"]
    assert await shop.event_types_since(before) == [
        "setup_intent.succeeded",
        "payment_method.attached",
    ]


@pytest.mark.parametrize(
    "outcome,status,saved",
    [("succeed", "succeeded", ["card"]), ("fail", "requires_payment_method", [])],
)
async def test_three_d_secure_decides(
    shop: Shop, sandbox: StripeSandbox, outcome: str, status: str, saved: list[str]
) -> None:
    """A card that wants it is saved only if it passes."""
    customer_id, setup = await _setup(shop)
    confirmed = sandbox.browser_confirm(_secret(setup), "pm_card_authenticationRequiredOnSetup")
    assert confirmed["status"] == "requires_action"

    ended = sandbox.browser_authenticate(_secret(setup), outcome)

    assert ended["status"] == status
    assert await _saved(shop, customer_id) == saved


async def test_a_declined_card_is_not_saved(shop: Shop, sandbox: StripeSandbox) -> None:
    """The page is told why, and may try another; one that only declines charges is saved."""
    customer_id, setup = await _setup(shop)

    with pytest.raises(ApiError) as declined:
        sandbox.browser_confirm(_secret(setup), "pm_card_chargeDeclined")

    assert (declined.value.status, declined.value.code) == (402, "card_declined")
    after = await shop.client.v1.setup_intents.retrieve_async(setup.id)
    assert after.last_setup_error is not None
    assert await _saved(shop, customer_id) == []
    sandbox.browser_confirm(_secret(setup), "pm_card_chargeCustomerFail")
    assert await _saved(shop, customer_id) == ["card"]


@pytest.mark.parametrize(
    "decision,redirect_status,saved",
    [("approve", "succeeded", ["paypal"]), ("cancel", "failed", [])],
)
async def test_paypal_asks_on_its_own_page(
    shop: Shop, sandbox: StripeSandbox, decision: str, redirect_status: str, saved: list[str]
) -> None:
    """The shopper comes back to the shop's page with what she decided."""
    customer_id, setup = await _setup(shop, "paypal")
    sandbox.browser_confirm(_secret(setup), "paypal", return_url=_BACK)
    assert "charge your PayPal account later" in sandbox.browser.paypal_page(setup.id)

    target = sandbox.paypal(setup.id, decision)

    assert parse_qs(urlsplit(target).query)["redirect_status"] == [redirect_status]
    assert await _saved(shop, customer_id) == saved
    with pytest.raises(ApiError, match="waits for nobody"):
        sandbox.paypal(setup.id, decision)


async def test_what_cannot_be_is_refused(shop: Shop, sandbox: StripeSandbox) -> None:
    """A second confirmation, a wrong secret, another key, a method not allowed."""
    _, setup = await _setup(shop)
    secret = _secret(setup)
    for wrong, more in (
        (f"{secret}x", {}),
        (secret, {"publishable_key": "pk_test_other"}),
        ("seti_unknown_secret_1", {}),
    ):
        with pytest.raises(ApiError):
            sandbox.browser_confirm(wrong, "pm_card_visa", **more)
    with pytest.raises(ApiError, match="not allowed"):
        sandbox.browser_confirm(secret, "paypal")
    with pytest.raises(ApiError, match="missing a payment method"):
        sandbox.browser_confirm(secret)
    sandbox.browser_confirm(secret, "pm_card_visa")
    with pytest.raises(ApiError) as again:
        sandbox.browser_confirm(secret, "pm_card_visa")
    assert again.value.code == "setup_intent_unexpected_state"


async def test_a_saved_card_pays(shop: Shop, sandbox: StripeSandbox) -> None:
    """What was saved without a payment can be charged later."""
    customer_id, setup = await _setup(shop)
    sandbox.browser_confirm(_secret(setup), "pm_card_visa")
    after = await shop.client.v1.setup_intents.retrieve_async(setup.id)

    paid = await shop.confirmed(str(after.payment_method), customer=customer_id)

    assert paid.status == "succeeded"
