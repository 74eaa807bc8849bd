"""Faults on demand: the client meets them as it would meet them at Stripe."""

from __future__ import annotations

import aiohttp
import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import API_KEY, Shop, header, parameters


async def _payments(shop: Shop) -> int:
    return len((await shop.intents.list_async()).data)


@pytest.mark.parametrize("kind, acted", [("drop_before", 0), ("drop_after", 1)])
async def test_dropped_connections(
    shop: Shop, sandbox: StripeSandbox, kind: str, acted: int
) -> None:
    """The client cannot tell whether it was heard; the same key finds out and acts once."""
    sandbox.inject(kind, method="POST", path_prefix="/v1/payment_intents")

    with pytest.raises(stripe.APIConnectionError):
        await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})

    assert await _payments(shop) == acted
    await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})
    assert await _payments(shop) == 1


@pytest.mark.parametrize(
    "kind, told",
    [("rate_limited", ("Retry-After", "3")), ("lock_timeout", ("Stripe-Should-Retry", "true"))],
)
async def test_limits(shop: Shop, sandbox: StripeSandbox, kind: str, told: tuple[str, str]) -> None:
    """429 says what it is, does nothing, and is over after its count."""
    sandbox.inject(kind, count=2, retry_after_s=3)

    for _ in range(2):
        with pytest.raises(stripe.RateLimitError) as refused:
            await shop.create()
        assert header(refused.value, told[0]) == told[1]

    assert (await shop.create()).amount == 2000
    assert await _payments(shop) == 1


@pytest.mark.parametrize(
    "kind, acted, replay",
    [
        ("error_before", 0, 200),
        ("error_after", 1, 500),
        ("error_forgotten", 1, 200),
    ],
)
async def test_server_errors(
    shop: Shop, sandbox: StripeSandbox, kind: str, acted: int, replay: int
) -> None:
    """A 500 says nothing about whether it acted; what the key then holds is the fault's choice."""
    sandbox.inject(kind)

    with pytest.raises(stripe.APIError) as failed:
        await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})

    assert failed.value.http_status == 500
    assert await _payments(shop) == acted
    try:
        await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})
        status = 200
    except stripe.APIError as again:
        status = again.http_status or 0
    assert status == replay
    assert await _payments(shop) == 1


async def test_a_key_said_to_be_in_use(shop: Shop, sandbox: StripeSandbox) -> None:
    """409 does nothing."""
    sandbox.inject("key_in_use")

    with pytest.raises(stripe.APIError) as refused:
        await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})

    assert (refused.value.http_status, await _payments(shop)) == (409, 0)


async def test_a_client_that_gives_up_finds_its_answer(
    sandbox: StripeSandbox, session: aiohttp.ClientSession, shop: Shop
) -> None:
    """Giving up stops nothing: the payment is made, and the key answers with it."""
    sandbox.inject("delay_before", delay_s=0.2)
    headers = {"Authorization": f"Bearer {API_KEY}", "Idempotency-Key": "key-1"}
    form = {"amount": "2000", "currency": "eur"}
    url = f"{sandbox.address}/v1/payment_intents"

    with pytest.raises(TimeoutError):
        async with session.post(
            url, headers=headers, data=form, timeout=aiohttp.ClientTimeout(total=0.05)
        ):
            pass

    status, replayed = 409, None
    while status == 409:
        async with session.post(url, headers=headers, data=form) as answer:
            status, replayed = answer.status, answer.headers.get("Idempotent-Replayed")
    assert (status, replayed) == (200, "true")
    assert await _payments(shop) == 1


async def test_faults_match_method_and_path(shop: Shop, sandbox: StripeSandbox) -> None:
    """Only what matches goes wrong, and clearing ends it."""
    created = await shop.confirmed(capture_method="manual")
    sandbox.inject("error_before", path_suffix="/capture", count=9)

    assert (await shop.intents.retrieve_async(created.id)).status == "requires_capture"
    with pytest.raises(stripe.APIError):
        await shop.intents.capture_async(created.id)
    sandbox.clear_faults()
    assert (await shop.intents.capture_async(created.id)).status == "succeeded"
