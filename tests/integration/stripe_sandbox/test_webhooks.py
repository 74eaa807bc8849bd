"""Webhooks: signed, repeated, held back, doubled, turned round, lost."""

from __future__ import annotations

import json

import pytest
import stripe

from psp.stripe.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import SECRET, ManualClock, Receiver, Shop

_PAID = ["payment_intent.created", "charge.succeeded", "payment_intent.succeeded"]


async def test_every_event_is_delivered_signed_and_in_order(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """The SDK verifies each, and each is what the list of events holds."""
    sandbox.register_webhook(receiver.url, SECRET)

    intent = await shop.confirmed()
    await sandbox.settle()

    assert receiver.types() == _PAID
    last = receiver.events()[-1]
    listed = await shop.client.v1.events.retrieve_async(last.id)
    assert last.to_dict() == listed.to_dict()
    assert last.data.object["id"] == intent.id
    assert last.pending_webhooks == 1
    assert last.request is not None
    assert intent.last_response is not None
    assert last.request.id == intent.last_response.headers["Request-Id"]


async def test_a_snapshot_stays_as_it_was(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """An event tells how things were, however late it comes."""
    sandbox.register_webhook(receiver.url, SECRET, event_types=["payment_intent.*"])
    sandbox.webhooks.hold()
    created = await shop.create(payment_method="pm_card_visa")
    await shop.intents.confirm_async(created.id)

    sandbox.webhooks.release()
    await sandbox.settle()

    assert [event.data.object["status"] for event in receiver.events()] == [
        "requires_confirmation",
        "succeeded",
    ]


async def test_what_is_not_taken_is_sent_again_and_signed_anew(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver, clock: ManualClock
) -> None:
    """Until somebody answers 2xx, or the attempts are used up."""
    sandbox.register_webhook(receiver.url, SECRET, event_types=["payment_intent.created"])
    receiver.answers.extend([500, 302])
    start = int(clock.seconds)

    def minute_passes() -> None:
        clock.seconds += 60

    receiver.on_request = minute_passes
    await shop.create()
    await sandbox.settle()

    assert [body for body, _ in receiver.requests] == [receiver.requests[0][0]] * 3
    assert [attempt.status for attempt in sandbox.webhooks.attempts] == [500, 302, 200]
    assert receiver.types() == ["payment_intent.created"] * 3
    assert [header.split(",")[0] for _, header in receiver.requests] == [
        f"t={start + passed}" for passed in (0, 60, 120)
    ]


async def test_it_gives_up_in_the_end(shop: Shop, sandbox: StripeSandbox) -> None:
    """An endpoint that nobody answers is tried as often as told, and logged."""
    sandbox.register_webhook("http://127.0.0.1:1/webhooks", SECRET)

    await shop.create()
    await sandbox.settle()

    assert [(attempt.number, attempt.status) for attempt in sandbox.webhooks.attempts] == [
        (1, 0),
        (2, 0),
        (3, 0),
    ]


async def test_a_rolled_secret_signs_beside_the_old_one(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """Either secret verifies; a third does not."""
    endpoint = sandbox.register_webhook(receiver.url, SECRET)
    sandbox.roll_secret(endpoint, "whsec_second")

    await shop.create()
    await sandbox.settle()

    assert len(receiver.events(SECRET)) == len(receiver.events("whsec_second")) == 1
    with pytest.raises(stripe.SignatureVerificationError):
        receiver.events("whsec_other")


async def test_events_come_twice_and_in_any_order(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """A duplicate is the same event; the order is the one asked for."""
    sandbox.register_webhook(receiver.url, SECRET)
    sandbox.webhooks.hold()
    await shop.confirmed()
    await sandbox.settle()
    assert receiver.requests == []

    sandbox.webhooks.release(["payment_intent.succeeded"], copies=2)
    await sandbox.settle()

    succeeded, created, charged = "payment_intent.succeeded", *_PAID[:2]
    assert receiver.types() == [succeeded] * 2 + [created] * 2 + [charged] * 2
    assert len({event.id for event in receiver.events()}) == 3


async def test_a_lost_event_stays_on_the_list(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """What was dropped never comes, and can be read."""
    sandbox.register_webhook(receiver.url, SECRET)
    sandbox.webhooks.drop("payment_intent.succeeded")

    await shop.confirmed()
    await sandbox.settle()

    assert receiver.types() == _PAID[:2]
    assert await shop.event_types() == _PAID


async def test_an_endpoint_hears_its_account_only(
    shop: Shop, sandbox: StripeSandbox, receiver: Receiver
) -> None:
    """One account's events are not another's."""
    sandbox.register_webhook(receiver.url, SECRET, api_key="sk_test_other")

    await shop.create()
    await shop.customers.create_async({}, {"api_key": "sk_test_other"})
    await sandbox.settle()

    assert receiver.types() == ["customer.created"]
    assert json.loads(receiver.requests[0][0])["livemode"] is False
