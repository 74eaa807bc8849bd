"""What a real Stripe sandbox was recorded to answer: one test a row, in the order of events."""

from __future__ import annotations

import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import ManualClock, Shop, header

_WEEK_S = 7 * 86_400


def _of(error: stripe.StripeError) -> dict[str, object]:
    body = error.json_body
    assert isinstance(body, dict)
    told: dict[str, object] = body["error"]
    return told


async def test_create(shop: Shop) -> None:
    """A new payment asks for a method."""
    intent = await shop.create()

    assert intent.status == "requires_payment_method"
    assert (intent.client_secret or "").startswith(f"{intent.id}_secret_")
    assert await shop.event_types() == ["payment_intent.created"]


async def test_create_with_a_method_and_no_confirm(shop: Shop) -> None:
    """A payment with its method waits to be confirmed."""
    intent = await shop.create(payment_method="pm_card_visa")

    assert intent.status == "requires_confirmation"
    assert await shop.event_types() == ["payment_intent.created"]


async def test_confirm_automatic(shop: Shop) -> None:
    """Confirming takes the money at once."""
    created = await shop.create(payment_method="pm_card_visa")
    before = await shop.event_types()

    intent = await shop.intents.confirm_async(created.id)

    assert (intent.status, intent.amount_received) == ("succeeded", 2000)
    assert await shop.event_types_since(before) == ["charge.succeeded", "payment_intent.succeeded"]


async def test_confirm_manual(shop: Shop, clock: ManualClock) -> None:
    """Confirming authorises for seven days."""
    created = await shop.create(payment_method="pm_card_visa", capture_method="manual")
    before = await shop.event_types()

    intent = await shop.intents.confirm_async(created.id, {"expand": ["latest_charge"]})

    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert charge.payment_method_details is not None
    assert charge.payment_method_details.card is not None
    assert (intent.status, intent.amount_capturable, intent.amount_received) == (
        "requires_capture",
        2000,
        0,
    )
    assert (charge.paid, charge.captured) == (True, False)
    assert charge.payment_method_details.card.capture_before == int(clock.seconds) + _WEEK_S
    assert await shop.event_types_since(before) == [
        "charge.succeeded",
        "payment_intent.amount_capturable_updated",
    ]


@pytest.mark.parametrize("amount", [2000, 500])
async def test_capture(shop: Shop, amount: int) -> None:
    """A capture, in full or in part, takes its sum and releases the rest."""
    created = await shop.confirmed(capture_method="manual")
    before = await shop.event_types()

    intent = await shop.intents.capture_async(
        created.id, {"amount_to_capture": amount, "expand": ["latest_charge"]}
    )

    charge = intent.latest_charge
    assert isinstance(charge, stripe.Charge)
    assert (intent.status, intent.amount_received, intent.amount_capturable) == (
        "succeeded",
        amount,
        0,
    )
    assert (charge.captured, charge.amount_captured, charge.amount_refunded) == (
        True,
        amount,
        2000 - amount,
    )
    assert await shop.event_types_since(before) == ["charge.captured", "payment_intent.succeeded"]


async def test_decline(shop: Shop) -> None:
    """A decline carries the whole payment, keeps its charge, and replays under its key."""
    created = await shop.create(payment_method="pm_card_visa_chargeDeclinedInsufficientFunds")
    before = await shop.event_types()

    with pytest.raises(stripe.CardError) as declined:
        await shop.intents.confirm_async(created.id, None, {"idempotency_key": "decline-1"})
    with pytest.raises(stripe.CardError) as replayed:
        await shop.intents.confirm_async(created.id, None, {"idempotency_key": "decline-1"})

    told = _of(declined.value)
    intent = told["payment_intent"]
    assert isinstance(intent, dict)
    assert (declined.value.http_status, told["code"], told["decline_code"]) == (
        402,
        "card_declined",
        "insufficient_funds",
    )
    assert (intent["status"], intent["payment_method"]) == ("requires_payment_method", None)
    charge = await shop.client.v1.charges.retrieve_async(str(told["charge"]))
    assert (charge.status, charge.paid, charge.captured) == ("failed", False, False)
    assert _of(replayed.value) == told
    assert header(replayed.value, "Idempotent-Replayed") == "true"
    assert await shop.event_types_since(before) == [
        "charge.failed",
        "payment_intent.payment_failed",
    ]


async def test_three_d_secure_on_session(shop: Shop) -> None:
    """A shopper who is there is asked."""
    created = await shop.create(payment_method="pm_card_authenticationRequired")
    before = await shop.event_types()

    intent = await shop.intents.confirm_async(created.id)

    assert intent.next_action is not None
    assert (intent.status, intent.next_action.type, intent.latest_charge) == (
        "requires_action",
        "use_stripe_sdk",
        None,
    )
    assert await shop.event_types_since(before) == ["payment_intent.requires_action"]


async def test_three_d_secure_off_session(shop: Shop) -> None:
    """A shopper who is not there cannot be asked: declined, without charge or event."""
    created = await shop.create(payment_method="pm_card_authenticationRequired")
    before = await shop.event_types()

    with pytest.raises(stripe.CardError) as declined:
        await shop.intents.confirm_async(created.id, {"off_session": True})

    told = _of(declined.value)
    intent = told["payment_intent"]
    assert isinstance(intent, dict)
    assert (declined.value.http_status, told["code"], told["decline_code"]) == (
        402,
        "authentication_required",
        "authentication_required",
    )
    assert ("charge" in told, intent["latest_charge"]) == (False, None)
    assert await shop.event_types_since(before) == []


async def test_capture_too_much(shop: Shop) -> None:
    """No more than the authorised sum can be captured, and the attempt changes nothing."""
    created = await shop.confirmed(capture_method="manual")

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.intents.capture_async(created.id, {"amount_to_capture": 2001})

    assert (refused.value.http_status, refused.value.code) == (400, "amount_too_large")
    assert (await shop.intents.retrieve_async(created.id)).status == "requires_capture"


async def test_capture_twice(shop: Shop, sandbox: StripeSandbox) -> None:
    """A payment is captured once: the remaining amount is released already."""
    created = await shop.confirmed(capture_method="manual")
    await shop.intents.capture_async(created.id, {"amount_to_capture": 500})

    with pytest.raises(stripe.InvalidRequestError, match="remaining amount") as refused:
        await shop.intents.capture_async(created.id, {"amount_to_capture": 500})

    assert refused.value.http_status == 400
    assert sandbox.books()[0]["taken"] == {"eur": 500}


@pytest.mark.parametrize("verb", ["capture", "cancel"])
async def test_capture_and_cancel_in_a_wrong_state(shop: Shop, verb: str) -> None:
    """What is paid can be neither captured nor canceled."""
    created = await shop.confirmed()
    call = {"capture": shop.intents.capture_async, "cancel": shop.intents.cancel_async}[verb]

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await call(created.id)

    assert (refused.value.http_status, refused.value.code) == (
        400,
        "payment_intent_unexpected_state",
    )


async def test_amount_zero(shop: Shop) -> None:
    """Nothing cannot be paid."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.create(amount=0)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        "parameter_invalid_integer",
        "amount",
    )


async def test_unknown_id(shop: Shop) -> None:
    """What is not there is missing."""
    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.intents.retrieve_async("pi_unknown")

    assert (refused.value.http_status, refused.value.code) == (404, "resource_missing")


async def test_payment_method_of_another_customer(shop: Shop) -> None:
    """A method serves its own customer only; the refusal leaves no payment behind."""
    owner, stranger = await shop.customers.create_async(), await shop.customers.create_async()
    method = await shop.methods.attach_async("pm_card_visa", {"customer": owner.id})

    with pytest.raises(stripe.InvalidRequestError) as refused:
        await shop.confirmed(method.id, customer=stranger.id)

    assert (refused.value.http_status, refused.value.code, refused.value.param) == (
        400,
        None,
        "payment_method",
    )
    assert (await shop.intents.list_async()).data == []


async def test_same_key_other_parameters(shop: Shop) -> None:
    """A key stands for one request."""
    await shop.intents.create_async(
        {"amount": 2000, "currency": "eur"}, {"idempotency_key": "key-1"}
    )

    with pytest.raises(stripe.IdempotencyError) as refused:
        await shop.intents.create_async(
            {"amount": 2001, "currency": "eur"}, {"idempotency_key": "key-1"}
        )

    assert (refused.value.http_status, _of(refused.value)["type"]) == (400, "idempotency_error")
    assert len((await shop.intents.list_async()).data) == 1
