"""What a request must look like, and what every answer carries."""

from __future__ import annotations

from typing import Any

import aiohttp
import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import Shop

_UNKNOWN = [
    ({"amout": 1}, "amout"),
    (
        {"payment_method_options": {"card": {"capture": "x"}}},
        "payment_method_options[card][capture]",
    ),
    ({"shipping": {"adress": {"city": "Lyon"}}}, "shipping[adress]"),
    ({"created": {"gte": 1}}, "created"),
]
_INVALID = [
    ({"amount": "12.5"}, "amount", "parameter_invalid_integer"),
    ({"amount": -1}, "amount", "parameter_invalid_integer"),
    ({"amount": 100_000_000}, "amount", "amount_too_large"),
    ({"amount": 49}, "amount", "amount_too_small"),
    ({"amount": 550, "currency": "isk"}, "amount", "invalid_charge_amount"),
    ({"amount": 1001, "currency": "kwd"}, "amount", "invalid_charge_amount"),
    ({"currency": "xyz"}, "currency", None),
    ({"currency": ""}, "currency", "parameter_invalid_empty"),
    ({"capture_method": "later"}, "capture_method", None),
    ({"confirm": "yes"}, "confirm", None),
    ({"metadata": "x"}, "metadata", None),
    ({"metadata": {"k" * 41: "v"}}, f"metadata[{'k' * 41}]", None),
    ({"metadata": {f"k{n}": "v" for n in range(51)}}, "metadata", None),
    ({"allowed_payment_method_types": "card"}, "allowed_payment_method_types", None),
    (
        {"payment_method_types": ["card"]},
        "payment_method_types",
        "payment_method_types_no_longer_supported",
    ),
    ({"customer": "cus_unknown"}, "customer", "resource_missing"),
    ({"payment_method": "pm_unknown"}, "payment_method", "resource_missing"),
    ({"return_url": "https://shop.example"}, "return_url", None),
    ({"off_session": True}, "off_session", None),
    ({"confirm": True}, None, "payment_intent_unexpected_state"),
    ({"expand": ["latest_charg"]}, None, None),
    ({"application_fee_amount": 1}, "application_fee_amount", "parameter_not_simulated"),
]


@pytest.mark.parametrize("given, param", _UNKNOWN)
async def test_unknown_parameters_are_refused(
    shop: Shop, given: dict[str, object], param: str
) -> None:
    """A parameter that Stripe does not know is an error that names it."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.create(**given)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        "parameter_unknown",
        param,
    )


@pytest.mark.parametrize("given, param, code", _INVALID)
async def test_invalid_parameters_are_refused(
    shop: Shop, given: dict[str, object], param: str | None, code: str | None
) -> None:
    """A value of the wrong kind or size is an error that names its parameter."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.create(**given)

    assert (refused.value.http_status, refused.value.param, refused.value.code) == (
        400,
        param,
        code,
    )
    assert (await shop.intents.list_async()).data == []


async def test_missing_parameters_are_named(shop: Shop) -> None:
    """What is required must be there."""
    no_currency: Any = {"amount": 2000}

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.intents.create_async(no_currency)

    assert (refused.value.code, refused.value.param) == ("parameter_missing", "currency")


@pytest.mark.parametrize("currency, amount", [("jpy", 1), ("isk", 100), ("kwd", 1000), ("eur", 50)])
async def test_smallest_amounts_pass(shop: Shop, currency: str, amount: int) -> None:
    """Zero-decimal, hundredfold and three-decimal currencies are counted as Stripe counts."""
    intent = await shop.create(currency=currency.upper(), amount=amount)

    assert (intent.currency, intent.amount) == (currency, amount)


@pytest.mark.parametrize("authorization", ["", "Bearer sk_live_x", "Bearer pk_test_x", "Basic x"])
async def test_only_test_keys_open_the_books(
    sandbox: StripeSandbox, session: aiohttp.ClientSession, authorization: str
) -> None:
    """Without a secret or restricted test key there is 401."""
    headers = {"Authorization": authorization} if authorization else {}
    async with session.get(f"{sandbox.address}/v1/events", headers=headers) as answer:
        assert answer.status == 401


async def test_answers_carry_version_and_request(shop: Shop) -> None:
    """Every answer names its request and the version it speaks."""
    intent = await shop.create()

    assert intent.last_response is not None
    headers = intent.last_response.headers
    assert headers["Request-Id"].startswith("req_")
    assert headers["Stripe-Version"] == stripe.api_version


async def test_unknown_paths_and_json_bodies_are_refused(
    sandbox: StripeSandbox, session: aiohttp.ClientSession
) -> None:
    """What Stripe has not, or does not read, is refused as Stripe does."""
    headers = {"Authorization": "Bearer sk_test_shop"}
    async with session.get(f"{sandbox.address}/v1/unicorns", headers=headers) as answer:
        assert (answer.status, (await answer.json())["error"]["type"]) == (
            404,
            "invalid_request_error",
        )
    url = f"{sandbox.address}/v1/customers"
    async with session.post(url, headers=headers, json={"name": "x"}) as answer:
        assert answer.status == 400


async def test_lists_page_both_ways(shop: Shop, sandbox: StripeSandbox) -> None:
    """Lists are newest first, a page at a time, filtered by second and customer."""
    customer = await shop.customers.create_async()
    made = []
    for number in range(5):
        changes: dict[str, object] = {"customer": customer.id} if number == 0 else {}
        made.append((await shop.create(**changes)).id)
        sandbox.advance_clock(1)
    newest_first = made[::-1]
    first_created = (await shop.intents.retrieve_async(made[0])).created

    page = await shop.intents.list_async({"limit": 2})
    rest = await shop.intents.list_async({"limit": 3, "starting_after": page.data[-1].id})
    back = await shop.intents.list_async({"limit": 2, "ending_before": newest_first[3]})
    window = await shop.intents.list_async(
        {"created": {"gt": first_created, "lte": first_created + 2}}
    )
    theirs = await shop.intents.list_async({"customer": customer.id})

    assert ([entry.id for entry in page.data], page.has_more) == (newest_first[:2], True)
    assert ([entry.id for entry in rest.data], rest.has_more) == (newest_first[2:], False)
    assert ([entry.id for entry in back.data], back.has_more) == (newest_first[1:3], True)
    assert [entry.id for entry in window.data] == newest_first[2:4]
    assert [entry.id for entry in theirs.data] == [made[0]]


async def test_answers_expand(shop: Shop) -> None:
    """Named objects come in full, in single answers and in lists."""
    customer = await shop.customers.create_async({"name": "Ada"})
    created = await shop.confirmed(customer=customer.id)

    intent = await shop.intents.retrieve_async(
        created.id, {"expand": ["latest_charge.customer", "payment_method", "review"]}
    )
    listed = await shop.intents.list_async({"expand": ["data.customer"]})

    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert isinstance(charge.customer, stripe.Customer)
    assert isinstance(intent.payment_method, stripe.PaymentMethod)
    assert isinstance(listed.data[0].customer, stripe.Customer)
    assert (charge.customer.name, intent.payment_method.type, intent.review) == (
        "Ada",
        "card",
        None,
    )
