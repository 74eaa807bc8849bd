"""Idempotency keys: Stripe API, idempotent requests."""

from __future__ import annotations

import asyncio

import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import ManualClock, Shop, header, parameters

_DAY_S = 24 * 3600


async def test_a_key_sent_again_answers_again(shop: Shop) -> None:
    """The second request is answered like the first, says so, and does nothing."""
    first = await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})
    second = await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})

    assert first.last_response is not None
    assert second.last_response is not None
    assert second.id == first.id
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    original = second.last_response.headers["Original-Request"]
    assert original == first.last_response.headers["Request-Id"]
    assert len((await shop.intents.list_async()).data) == 1


async def test_a_key_is_kept_for_a_day(shop: Shop, clock: ManualClock) -> None:
    """Up to 24 hours it answers; after them the same request is a new one."""
    first = await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})
    clock.seconds += _DAY_S - 1
    within = await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})
    clock.seconds += 1
    after = await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})

    assert within.id == first.id
    assert after.id != first.id


async def test_a_refusal_in_execution_is_kept(shop: Shop) -> None:
    """A 400 that the endpoint itself said is said again, though it would now succeed."""
    created = await shop.create(payment_method="pm_card_visa", capture_method="manual")
    with pytest.raises(stripe.InvalidRequestError):
        await shop.intents.capture_async(created.id, None, {"idempotency_key": "key-1"})
    await shop.intents.confirm_async(created.id)

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.intents.capture_async(created.id, None, {"idempotency_key": "key-1"})

    assert refused.value.code == "payment_intent_unexpected_state"
    assert header(refused.value, "Idempotent-Replayed") == "true"


async def test_a_refusal_before_execution_is_not_kept(shop: Shop) -> None:
    """Parameters that fail validation leave the key free."""
    with pytest.raises(stripe.InvalidRequestError):
        await shop.intents.create_async(parameters(amount=0), {"idempotency_key": "key-1"})

    intent = await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})

    assert intent.amount == 2000


async def test_a_key_under_way_is_in_use(shop: Shop, sandbox: StripeSandbox) -> None:
    """While the first request is not answered, a second under its key gets 409."""
    # Whichever arrives first is delayed, and holds the key while the other one asks.
    sandbox.inject("delay_before", delay_s=0.5)

    outcomes = await asyncio.gather(
        *(shop.intents.create_async(parameters(), {"idempotency_key": "key-1"}) for _ in range(2)),
        return_exceptions=True,
    )

    made = [outcome for outcome in outcomes if isinstance(outcome, stripe.PaymentIntent)]
    (conflict,) = [outcome for outcome in outcomes if isinstance(outcome, stripe.APIError)]
    assert conflict.error is not None
    assert (conflict.http_status, conflict.error.code) == (409, "idempotency_key_in_use")
    assert [intent.id for intent in made] == [
        intent.id for intent in (await shop.intents.list_async()).data
    ]


async def test_a_key_is_for_one_endpoint(shop: Shop) -> None:
    """The same key with another path is a mistake."""
    await shop.customers.create_async({}, {"idempotency_key": "key-1"})

    with pytest.raises(stripe.IdempotencyError, match="/v1/customers"):
        await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})


async def test_accounts_do_not_share_keys(shop: Shop, sandbox: StripeSandbox) -> None:
    """Each account has books and keys of its own."""
    intent = await shop.intents.create_async(parameters(), {"idempotency_key": "key-1"})
    other = {"idempotency_key": "key-1", "api_key": "rk_test_other"}
    theirs = await shop.intents.create_async(parameters(), other)  # type: ignore[arg-type]  # options by name

    with pytest.raises(stripe.InvalidRequestError, match="No such payment_intent"):
        await shop.intents.retrieve_async(theirs.id)

    assert theirs.id != intent.id
    assert [books["account"] for books in sandbox.books()] == ["shop", "other"]
