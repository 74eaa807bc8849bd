"""A purchase from draft to released order, and the ways it can end."""

from __future__ import annotations

from collections import Counter

import pytest

from gateway.domain.payment import PaymentState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.orders.decision import OrderDecision
from gateway.orders.handler import DoneWith
from gateway.payments.commands import CancelPaymentCommand, CapturePaymentCommand
from gateway.storage.outbox import outbox_depth
from legacy_bridge.port import OrderState
from psp.money import Money
from psp.port import (
    CapturePolicy,
    FailureCategory,
    NextActionKind,
    PaymentMethod,
    ReviewStatus,
)
from tests.support.rig import Rig


def _capture(
    payment_id: str, amount: Money | None = None, request_id: str = "c1"
) -> CapturePaymentCommand:
    return CapturePaymentCommand(
        RequestKey("tests", "CapturePayment", request_id), payment_id, amount
    )


def _cancel(payment_id: str, request_id: str = "x1") -> CancelPaymentCommand:
    return CancelPaymentCommand(RequestKey("tests", "CancelPayment", request_id), payment_id)


async def test_at_order_the_gateway_captures_and_releases(rig: Rig) -> None:
    """Authorised, captured by the gateway, released once; the journal tells it in order."""
    await rig.draft()

    payment = await rig.paid()

    assert payment.capture_policy is CapturePolicy.AT_ORDER
    assert (payment.state, payment.captured_minor) == (PaymentState.CAPTURED, 1999)
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    page = await rig.application.payments.events(payment.id, 0, 100)
    assert [entry.type for entry in page.entries] == [
        "payment_created",
        "state_changed",
        "state_changed",
        "capture_requested",
        "state_changed",
        "order_released",
    ]
    assert [entry.sequence for entry in page.entries] == [1, 2, 3, 4, 5, 6]


async def test_what_a_telling_causes_is_not_told_again(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order's own capture and release were known to its last decision."""
    told = Counter[str]()
    handle = rig.application.order_handler.handle

    async def counted(order_id: str, done_with: DoneWith) -> OrderDecision:
        told[order_id] += 1
        return await handle(order_id, done_with)

    monkeypatch.setattr(rig.application.order_handler, "handle", counted)
    await rig.draft()

    payment = await rig.paid()

    assert (payment.state, await rig.releases()) == (PaymentState.CAPTURED, 1)
    assert told == {"order-1": 1}
    assert await outbox_depth(rig.database) == 0


async def test_automatic_stripe_captures(rig: Rig) -> None:
    """Captured at confirmation, released by the webhook."""
    await rig.draft()

    payment = await rig.paid(country_code="DE")

    assert (payment.capture_policy, payment.state) == (
        CapturePolicy.AUTOMATIC,
        PaymentState.CAPTURED,
    )
    assert await rig.order_state() is OrderState.RELEASED


async def test_manual_releases_at_authorisation_and_captures_a_part_later(rig: Rig) -> None:
    """By policy an authorisation is enough to ship; the caller captures what was shipped."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    assert payment.state is PaymentState.AUTHORIZED
    assert await rig.order_state() is OrderState.RELEASED

    captured = await rig.application.payments.capture(_capture(payment.id, Money(500, "EUR")), None)

    assert (captured.state, captured.captured_minor) == (PaymentState.CAPTURED, 500)
    assert rig.intents()[0]["amount_received"] == 500


async def test_a_capture_is_made_once(rig: Rig) -> None:
    """The same request gets the same answer; another is refused before Stripe hears of it."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    first = await rig.application.payments.capture(_capture(payment.id), None)

    again = await rig.application.payments.capture(_capture(payment.id), None)
    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.capture(_capture(payment.id, request_id="c2"), None)

    assert first == again
    assert refused.value.reason is Reason.PAYMENT_STATE
    assert rig.intents()[0]["captures"] == 1


@pytest.mark.parametrize(
    "amount", [Money(2000, "EUR"), Money(1999, "USD")], ids=["too-much", "currency"]
)
async def test_a_capture_above_the_rest_is_refused(rig: Rig, amount: Money) -> None:
    """More than was authorised, or another currency: nothing changes anywhere."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")

    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.capture(_capture(payment.id, amount), None)

    assert refused.value.reason is Reason.AMOUNT_EXCEEDS_REMAINING
    assert await rig.application.payments.get(payment.id) == payment


async def test_a_canceled_payment_cancels_its_order(rig: Rig) -> None:
    """Released at Stripe, canceled here and in the back office; no capture any more."""
    await rig.draft()
    created = await rig.create(country_code="ES")
    canceled = await rig.application.payments.cancel(_cancel(created.payment.id), None)
    await rig.settle()

    assert canceled.state is PaymentState.CANCELED
    assert await rig.order_state() is OrderState.CANCELED
    assert rig.intents()[0]["status"] == "canceled"
    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.capture(_capture(canceled.id), None)
    assert refused.value.reason is Reason.PAYMENT_STATE


async def test_a_decline_leaves_the_draft_and_can_be_tried_again(rig: Rig) -> None:
    """The failure is told while the payment waits for another card; then that one pays."""
    await rig.draft()
    created = await rig.create()

    await rig.confirm(created, "pm_card_visa_chargeDeclinedInsufficientFunds")
    await rig.settle()
    declined = await rig.application.payments.get(created.payment.id)
    assert declined.state is PaymentState.AWAITING_CUSTOMER
    assert declined.failure is not None
    assert declined.failure.category is FailureCategory.INSUFFICIENT_FUNDS
    assert await rig.order_state() is OrderState.DRAFT

    await rig.confirm(created)
    await rig.settle()
    paid = await rig.application.payments.get(created.payment.id)
    assert (paid.state, paid.failure) == (PaymentState.CAPTURED, None)
    assert await rig.releases() == 1


async def test_a_review_holds_the_order_until_it_is_approved(rig: Rig) -> None:
    """Held and not captured while the review is open; captured and released on approval."""
    await rig.draft()
    created = await rig.create()
    await rig.confirm(created, "pm_card_visa")
    review = rig.sandbox.open_review(rig.intents()[0]["id"])
    await rig.settle()
    held = await rig.application.payments.get(created.payment.id)
    assert (held.state, held.review) == (PaymentState.AUTHORIZED, ReviewStatus.OPEN)
    assert await rig.order_state() is OrderState.HELD

    rig.sandbox.close_review(review, "approved")
    await rig.settle()

    paid = await rig.application.payments.get(created.payment.id)
    assert (paid.state, paid.review) == (PaymentState.CAPTURED, ReviewStatus.APPROVED)
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


async def test_a_rejected_review_cancels_the_order(rig: Rig) -> None:
    """The order is canceled and the authorisation given up: no money is kept."""
    await rig.draft()
    created = await rig.create()
    await rig.confirm(created, "pm_card_visa")
    review = rig.sandbox.open_review(rig.intents()[0]["id"])
    await rig.settle()

    rig.sandbox.close_review(review, "refunded_as_fraud")
    await rig.settle()

    assert await rig.order_state() is OrderState.CANCELED
    assert (await rig.application.payments.get(created.payment.id)).captured_minor == 0
    assert rig.intents()[0]["taken"] == 0


@pytest.mark.parametrize("country_code", ["FR", "DE", "ES"])
async def test_a_review_that_no_webhook_told_of_is_found_before_release(
    rig: Rig, country_code: str
) -> None:
    """It opens after the last webhook: the PSP is asked once more, and the order is held."""
    await rig.draft()
    await rig.confirm(await rig.create(country_code=country_code))
    await rig.apply_events()
    taken = rig.intents()[0]["taken"]
    rig.sandbox.webhooks.drop("review.opened")
    rig.sandbox.open_review(rig.intents()[0]["id"])

    await rig.settle()

    assert await rig.order_state() is OrderState.HELD
    assert rig.intents()[0]["taken"] == taken


async def test_a_second_authorisation_of_a_released_order_is_given_up(rig: Rig) -> None:
    """The shopper paid twice: the second authorisation is released, the first pays."""
    await rig.draft()
    first = await rig.paid()
    second = await rig.paid(request_id="request-2")

    assert first.state is PaymentState.CAPTURED
    assert second.state is PaymentState.CANCELED
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    assert sum(intent["taken"] for intent in rig.intents()) == 1999


async def test_money_that_comes_twice_goes_back(rig: Rig) -> None:
    """Captured by the PSP itself, so it cannot be given up: the gateway refunds it, no alarm."""
    await rig.draft()
    await rig.paid(country_code="DE")
    second = await rig.paid(request_id="request-2", country_code="DE")

    page = await rig.application.payments.events(second.id, 0, 100)
    assert "order_conflict" not in [entry.type for entry in page.entries]
    assert second.refunded_minor == second.captured_minor == 1999
    assert await rig.releases() == 1


async def test_a_payment_of_another_amount_does_not_release(rig: Rig) -> None:
    """An order of 20.00 is not shipped for a payment of 19.99."""
    await rig.draft(total=Money(2000, "EUR"))

    await rig.paid()

    order = await rig.application.orders.get("order-1")
    assert order.order.state is OrderState.HELD
    assert "19.99 EUR" in order.waiting_for


async def test_paypal_by_redirect(rig: Rig) -> None:
    """The browser is sent to PayPal and comes back; the webhook, not the return, releases."""
    await rig.draft()
    created = await rig.create(
        method=PaymentMethod.PAYPAL, return_url="https://shop.example/thanks"
    )
    assert created.next_action is not None
    assert created.next_action.kind is NextActionKind.REDIRECT
    assert created.next_action.url

    came_back = rig.sandbox.paypal(rig.intents()[0]["id"], "approve")
    await rig.settle()

    payment = await rig.application.payments.get(created.payment.id)
    assert came_back.startswith("https://shop.example/thanks")
    assert payment.state is PaymentState.CAPTURED
    assert await rig.releases() == 1


async def test_a_redirect_needs_a_way_back(rig: Rig) -> None:
    """Without a return_url the shopper would be stranded: refused, nothing done."""
    with pytest.raises(PaygateError) as refused:
        await rig.create(method=PaymentMethod.PAYPAL)

    assert [violation.field for violation in refused.value.fields] == ["return_url"]
    assert rig.intents() == []


async def test_an_expired_authorisation_cancels_the_order(rig: Rig) -> None:
    """Nobody captured in time: Stripe cancels, and the order that waited is given up."""
    await rig.draft()
    created = await rig.create()
    await rig.confirm(created)
    review = rig.sandbox.open_review(rig.intents()[0]["id"])
    await rig.settle()
    assert await rig.order_state() is OrderState.HELD

    rig.pass_time(days=8)
    await rig.settle()

    assert review
    expired = await rig.application.payments.get(created.payment.id)
    assert expired.state is PaymentState.CANCELED
    assert await rig.order_state() is OrderState.CANCELED
