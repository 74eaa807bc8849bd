"""Past events and closed reviews: what is asked for after something was missed."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
import structlog

from psp.errors import NotFoundError, UnavailableError
from psp.port import (
    CapturePolicy,
    PspEvent,
    PspEventSubject,
    PspPayment,
    PspStatus,
    ReviewStatus,
)
from psp.stripe.provider import StripeProvider
from psp.stripe.sandbox import StripeSandbox
from tests.integration.stripe_sandbox.support import running_receiver
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.stripe.support import (
    JsonDict,
    create_request,
    payment_intent,
    refund_request,
)

_SECRET = "whsec_one"  # the first of account_config's
_HOUR_S = 3600


async def _paid(
    provider: StripeProvider,
    sandbox: StripeSandbox,
    method: str = "pm_card_visa",
    key: str = "key-1",
) -> PspPayment:
    request = create_request(capture_policy=CapturePolicy.AUTOMATIC, idempotency_key=key)
    created = await provider.create_payment(request)
    assert created.next_action is not None
    sandbox.browser_confirm(created.next_action.client_secret, method)
    return await provider.retrieve_payment(created.psp_reference)


async def _listed(provider: StripeProvider, since: datetime) -> list[PspEvent]:
    return [event async for event in provider.list_events(since)]


def _just_now() -> datetime:
    return datetime.now(UTC) - timedelta(minutes=1)


async def test_listed_events_are_those_of_webhooks(
    hasty: StripeProvider, sandbox: StripeSandbox
) -> None:
    """The same events with the same ids, the oldest first, those that were lost included."""
    since = _just_now()
    async with running_receiver() as receiver:
        sandbox.register_webhook(receiver.url, _SECRET)
        sandbox.webhooks.drop("charge.refunded")
        payment = await _paid(hasty, sandbox)
        await hasty.refund_payment(refund_request(psp_reference=payment.psp_reference))
        await sandbox.settle()
        pushed = [
            hasty.parse_event({"Stripe-Signature": header}, body)
            for body, header in receiver.requests
        ]

    listed = await _listed(hasty, since)

    assert [event for event in listed if event.event_type != "charge.refunded"] == pushed
    assert [event.event_type for event in listed] == [
        "payment_intent.created",
        "charge.succeeded",
        "payment_intent.succeeded",
        "charge.updated",
        "refund.created",
        "charge.refunded",
    ]
    assert {(event.subject, event.psp_reference) for event in listed} == {
        (PspEventSubject.PAYMENT, payment.psp_reference)
    }
    assert listed[-1].payment_id == "pay_1"


async def test_events_from_a_moment_on(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """Earlier ones are left out, and a long past is read window by window in its order."""
    start = datetime.now(UTC)
    await _paid(hasty, sandbox)
    for number in range(4):
        sandbox.advance_clock(5 * _HOUR_S)
        await _paid(hasty, sandbox, key=f"later-{number}")

    everything = await _listed(hasty, start - timedelta(days=300))
    later = await _listed(hasty, start + timedelta(hours=14))

    assert len(everything) == 5 * 4
    assert everything[-8:] == later
    assert [event.occurred_time for event in everything] == sorted(
        event.occurred_time for event in everything
    )


async def test_more_than_a_page(hasty: StripeProvider, sandbox: StripeSandbox) -> None:
    """Every page is read, and none twice."""
    since = _just_now()
    payment = await _paid(hasty, sandbox)
    made = sandbox.refund_by_hand(payment.psp_reference)
    for number in range(220):
        sandbox.force_refund(made, f"brand_new_{number}")

    listed = await _listed(hasty, since)

    assert len({event.event_id for event in listed}) == len(listed) == 226


def _event(number: int, **changes: object) -> JsonDict:
    values: JsonDict = {
        "id": f"evt_{number}",
        "object": "event",
        "type": "payment_intent.succeeded",
        "created": 1_800_000_000 + number,
        "livemode": False,
        "data": {"object": payment_intent()},
    }
    return {**values, **changes}


async def test_an_event_that_cannot_be_read_is_passed_over(
    script: ScriptedServer, provider: StripeProvider
) -> None:
    """It is logged by its id and type, and stops nobody; what it holds is not logged."""
    entries = [_event(3), _event(2, data=None), _event(1, created="then"), _event(0)]
    script.will_answer(Answer({"object": "list", "data": entries, "has_more": False}))

    with structlog.testing.capture_logs() as logs:
        listed = await _listed(provider, _just_now())

    assert [event.event_id for event in listed] == ["evt_0", "evt_3"]
    assert [(entry["event"], entry["event_id"]) for entry in logs] == [
        ("stripe_event_unreadable", "evt_2"),
        ("stripe_event_unreadable", "evt_1"),
    ]
    assert "secret_abc" not in json.dumps(logs)


async def test_a_list_that_breaks_off_is_an_error(
    hasty: StripeProvider, sandbox: StripeSandbox
) -> None:
    """The end of a list is the end of what happened, or an error."""
    await _paid(hasty, sandbox)
    # Twice: aiohttp itself repeats a read whose connection was closed before a word came.
    sandbox.inject("drop_after", method="GET", path_prefix="/v1/events", count=2)

    with pytest.raises(UnavailableError):
        await _listed(hasty, _just_now())


@pytest.mark.parametrize("leaves", ["nothing", "payment_intent", "payment_intent_and_charge"])
@pytest.mark.parametrize(
    "reason, expected",
    [("approved", ReviewStatus.APPROVED), ("refunded_as_fraud", ReviewStatus.REJECTED)],
)
async def test_a_closed_review_is_asked_for_by_its_id(
    hasty: StripeProvider,
    sandbox: StripeSandbox,
    leaves: str,
    reason: str,
    expected: ReviewStatus,
) -> None:
    """Whatever a closed review leaves of itself on the payment, its id tells how it ended."""
    sandbox.set_circumstances(closed_review_leaves=leaves)
    payment = await _paid(hasty, sandbox, "pm_card_riskLevelElevated")
    assert (payment.status, payment.review) == (PspStatus.CAPTURED, ReviewStatus.OPEN)
    assert await hasty.retrieve_review(payment.review_reference) is ReviewStatus.OPEN

    sandbox.close_review(payment.review_reference, reason)

    later = await hasty.retrieve_payment(payment.psp_reference)
    assert await hasty.retrieve_review(payment.review_reference) is expected
    forgotten = leaves == "payment_intent_and_charge"
    assert later.review_reference == ("" if forgotten else payment.review_reference)
    # That somebody reviewed it, and no more, is what such a charge still tells.
    assert later.review is (ReviewStatus.OPEN if forgotten else expected)


@pytest.mark.parametrize("review_id", ["prv_unknown", "", "../events"])
async def test_a_review_that_is_none(hasty: StripeProvider, review_id: str) -> None:
    """A review nobody knows is told as such."""
    with pytest.raises(NotFoundError):
        await hasty.retrieve_review(review_id)
