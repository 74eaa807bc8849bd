"""A webhook answered 2xx is durable; what it is about is asked, not believed."""

from __future__ import annotations

import json
import time
from datetime import timedelta

import pytest
import sqlalchemy as sa

from gateway.domain.inbox import InboxOutcome
from gateway.domain.journal import EventType
from gateway.domain.payment import PaymentState
from gateway.storage.inbox import get_event
from gateway.storage.tables import inbox
from legacy_bridge.port import OrderState
from psp.errors import InvalidEventError
from psp.stripe.sandbox.signing import signature_header
from tests.support.rig import ACCOUNT, Rig

_ALL = sa.select(inbox.c.event_type, inbox.c.outcome).order_by(inbox.c.event_id)


def _event(event_id: str, intent_id: str, payment_id: str = "") -> bytes:
    metadata = {"paygate_payment_id": payment_id} if payment_id else {}
    return json.dumps(
        {
            "id": event_id,
            "object": "event",
            "type": "payment_intent.succeeded",
            "created": int(time.time()),
            "livemode": False,
            "data": {"object": {"id": intent_id, "object": "payment_intent", "metadata": metadata}},
        }
    ).encode()


async def _receive(rig: Rig, body: bytes) -> bool:
    headers = {"Stripe-Signature": signature_header(body, [rig.webhook_secret], int(time.time()))}
    return (await rig.application.inbox.receive(ACCOUNT, headers, body)).duplicate


async def test_every_answered_webhook_is_a_row(rig: Rig) -> None:
    """Nothing is applied yet, and everything that was answered 200 is stored."""
    await rig.draft()
    await rig.confirm(await rig.create())

    rows = await rig.database.fetch(_ALL, {})

    delivered = [attempt for attempt in rig.sandbox.webhooks.attempts if attempt.status == 200]
    assert len(rows) == len({attempt.event_id for attempt in delivered}) >= 3
    assert {row[1] for row in rows} == {"waiting"}


@pytest.mark.parametrize("crash_at", [1, 2])
async def test_dying_while_a_webhook_is_stored_loses_nothing(rig: Rig, crash_at: int) -> None:
    """Not answered, so sent again; stored, so not applied twice."""
    await rig.draft()
    created = await rig.create()
    rig.restart(crash_at)

    await rig.confirm(created)
    await rig.settle()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


async def test_webhooks_in_any_order_and_twice(rig: Rig) -> None:
    """Reversed, each three times: the same end, one release, one capture."""
    await rig.draft()
    created = await rig.create()
    rig.sandbox.webhooks.hold()
    await rig.confirm(created)
    rig.sandbox.webhooks.release(["reversed"], copies=3)

    await rig.settle()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    assert rig.intents()[0]["captures"] == 1


async def test_a_webhook_that_lies_changes_nothing(rig: Rig) -> None:
    """It says "succeeded"; Stripe, when asked, says otherwise, and Stripe is believed."""
    await rig.draft()
    created = await rig.create()
    intent_id = rig.intents()[0]["id"]

    await _receive(rig, _event("evt_lie", intent_id, created.payment.id))
    await rig.settle()

    payment = await rig.application.payments.get(created.payment.id)
    assert payment.state is PaymentState.AWAITING_CUSTOMER
    assert await rig.order_state() is OrderState.DRAFT


async def test_a_webhook_about_something_unknown_is_kept_and_tried_again(rig: Rig) -> None:
    """It waits for days, and is then kept as unmatched for an operator to see."""
    await _receive(rig, _event("evt_early", "pi_unheard_of"))
    await rig.settle()
    waiting = await get_event(rig.database, ACCOUNT, "evt_early")
    assert waiting is not None
    assert (waiting.outcome, waiting.attempts > 0) == (InboxOutcome.WAITING, True)

    rig.offset += timedelta(days=4)
    await rig.settle()

    given_up = await get_event(rig.database, ACCOUNT, "evt_early")
    assert given_up is not None
    assert given_up.outcome is InboxOutcome.UNMATCHED


async def test_a_webhook_before_its_payment_is_known_is_applied_later(rig: Rig) -> None:
    """Stripe acted and told by webhook before we knew: the payment finds its webhook."""
    await rig.draft()
    rig.sandbox.inject("drop_after", method="POST", path_prefix="/v1/payment_intents", count=3)
    created = await rig.create()
    assert created.payment.psp_reference == ""
    await rig.sandbox.settle()

    await rig.recover()

    assert {row[1] for row in await rig.database.fetch(_ALL, {})} <= {"applied", "ignored"}


async def test_an_event_of_another_payment_by_name_is_not_applied(rig: Rig) -> None:
    """Metadata that names our payment does not tie another PaymentIntent to it."""
    await rig.draft()
    first = await rig.create()
    await rig.draft("order-2")
    await rig.create(request_id="request-2", order_id="order-2")
    other = rig.intents("order-2")[0]["id"]

    await _receive(rig, _event("evt_mixed", other, first.payment.id))
    await rig.settle()

    assert (await rig.application.payments.get(first.payment.id)).version == first.payment.version


async def test_a_forged_webhook_is_refused_and_not_kept(rig: Rig) -> None:
    """Without the secret there is no row."""
    body = _event("evt_forged", "pi_1")
    headers = {"Stripe-Signature": signature_header(body, ["whsec_wrong"], int(time.time()))}

    with pytest.raises(InvalidEventError):
        await rig.application.inbox.receive(ACCOUNT, headers, body)

    assert await rig.database.fetch(_ALL, {}) == []


async def test_a_payment_that_is_another_at_the_psp_raises_the_alarm_once(rig: Rig) -> None:
    """Another amount under our reference: nothing is taken over, nothing is released."""
    await rig.draft()
    created = await rig.create()
    rig.sandbox.force_amount(rig.intents()[0]["id"], 1000)

    await rig.confirm(created)
    await rig.settle()
    await _receive(rig, _event("evt_again", rig.intents()[0]["id"], created.payment.id))
    await rig.settle()

    payment = await rig.application.payments.get(created.payment.id)
    page = await rig.application.payments.events(payment.id, 0, 100)
    assert sum(entry.type is EventType.PSP_MISMATCH for entry in page.entries) == 1
    assert payment.state is PaymentState.AWAITING_CUSTOMER
    assert await rig.order_state() is OrderState.DRAFT


async def test_an_event_answered_with_an_unknown_status_is_tried_again(rig: Rig) -> None:
    """Stripe shows something new and then something known, without another webhook."""
    await rig.draft()
    created = await rig.create()
    intent = rig.intents()[0]["id"]
    rig.sandbox.webhooks.hold()
    await rig.confirm(created)
    rig.sandbox.force_status(intent, "brand_new")
    rig.sandbox.webhooks.release()
    await rig.settle()
    assert (
        await rig.application.payments.get(created.payment.id)
    ).state is PaymentState.AWAITING_CUSTOMER

    rig.sandbox.force_status(intent, "requires_capture")
    await rig.recover()

    assert await rig.order_state() is OrderState.RELEASED
