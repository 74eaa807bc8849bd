"""Drafts that no webhook settled end where they belong, by the PSP's own word."""

from __future__ import annotations

import pytest

from gateway.domain.journal import EventType
from gateway.domain.payment import PaymentState
from gateway.sweeping.orders import Swept
from legacy_bridge.port import OrderState
from psp.money import Money
from psp.port import ReviewStatus
from tests.support.rig import Rig


async def _told(rig: Rig, payment_id: str, event_type: EventType) -> int:
    page = await rig.application.payments.events(payment_id, 0, 500)
    return sum(entry.type is event_type for entry in page.entries)


async def _sweep(rig: Rig, *, dry_run: bool = False) -> list[Swept]:
    """Do one pass now; what it did, order by order."""
    swept: list[Swept] = []
    assert await rig.application.sweeper.sweep_now(swept.append, dry_run=dry_run) is not None
    return swept


async def test_a_paid_order_whose_webhooks_are_lost_is_released(rig: Rig) -> None:
    """An hour later Stripe is asked, and the order ships."""
    await rig.draft()
    rig.sandbox.webhooks.hold()
    created = await rig.create()
    await rig.confirm(created)
    await rig.settle()
    assert await rig.order_state() is OrderState.DRAFT

    rig.pass_time(minutes=61)
    await rig.settle()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    assert rig.intents()[0]["captures"] == 1


async def test_a_young_draft_is_left_alone(rig: Rig) -> None:
    """Its shopper may be typing."""
    await rig.draft()
    rig.sandbox.webhooks.hold()
    created = await rig.create()
    await rig.confirm(created)
    rig.pass_time(minutes=59)

    assert await _sweep(rig) == []
    assert await rig.order_state() is OrderState.DRAFT


async def test_a_review_that_no_webhook_told_of_holds_the_order(rig: Rig) -> None:
    """Held when it is swept, and released when it is swept after the approval."""
    await rig.draft()
    rig.sandbox.webhooks.hold()
    created = await rig.create()
    await rig.confirm(created)
    review = rig.sandbox.open_review(rig.intents()[0]["id"])
    rig.pass_time(minutes=61)
    await rig.settle()
    assert await rig.order_state() is OrderState.HELD

    rig.sandbox.close_review(review, "approved")
    rig.pass_time(minutes=61)
    await rig.settle()

    payment = await rig.application.payments.get(created.payment.id)
    assert payment.review is ReviewStatus.APPROVED
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


async def test_a_draft_that_nobody_pays_is_canceled_at_the_psp_first(rig: Rig) -> None:
    """It waits for a day; then the PaymentIntent ends, and the order after it."""
    await rig.draft()
    created = await rig.create()
    rig.pass_time(hours=23)
    (waits,) = await _sweep(rig)
    assert (waits.decision.told_as, await rig.order_state()) == ("wait", OrderState.DRAFT)

    rig.pass_time(hours=1.1)
    await _sweep(rig)

    assert rig.intents()[0]["status"] == "canceled"
    assert await rig.order_state() is OrderState.CANCELED
    await rig.settle()
    assert await _told(rig, created.payment.id, EventType.ORDER_CANCELED) == 1


async def test_a_payment_found_paid_when_it_is_canceled_releases_the_order(rig: Rig) -> None:
    """The shopper pays between the question and the cancellation: Stripe refuses to cancel."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    rig.sandbox.webhooks.hold()
    rig.pass_time(hours=25)

    async def pay(_: str) -> None:
        rig.provider.before_change = None
        assert created.next_action is not None
        rig.sandbox.browser_confirm(created.next_action.client_secret, "pm_card_visa")

    rig.provider.before_change = pay
    await _sweep(rig)

    assert rig.intents()[0]["status"] == "succeeded"
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


async def test_a_draft_without_any_payment_is_canceled_after_a_day(rig: Rig) -> None:
    """The shopper never chose how to pay."""
    await rig.draft()
    rig.pass_time(hours=25)

    (swept,) = await _sweep(rig)

    assert swept.decision.told_as == "cancel_order"
    assert await rig.order_state() is OrderState.CANCELED


async def test_every_open_payment_of_an_order_is_canceled(rig: Rig) -> None:
    """No page that the shopper still has open may take money for an order that is gone."""
    await rig.draft()
    await rig.create()
    await rig.create(request_id="request-2")
    rig.pass_time(hours=25)

    await _sweep(rig)

    assert [intent["status"] for intent in rig.intents()] == ["canceled", "canceled"]
    assert await rig.order_state() is OrderState.CANCELED


async def test_a_psp_that_is_down_is_waited_for(rig: Rig) -> None:
    """Nothing is canceled or released from our own picture; the next pass asks again."""
    await rig.draft()
    rig.sandbox.webhooks.hold()
    created = await rig.create()
    await rig.confirm(created)
    rig.pass_time(hours=25)
    rig.sandbox.inject("error_before", method="GET", path_prefix="/v1/payment_intents", count=30)

    (swept,) = await _sweep(rig)

    assert (swept.decision.told_as, swept.put_off) == ("wait", True)
    assert await rig.order_state() is OrderState.DRAFT
    rig.sandbox.clear_faults()
    rig.pass_time(minutes=11)
    await rig.settle()
    assert await rig.order_state() is OrderState.RELEASED


async def test_an_unknown_outcome_waits_for_the_psp(rig: Rig) -> None:
    """However old the order is: unknown stays unknown until the PSP speaks."""
    await rig.draft()
    rig.sandbox.inject("drop_after", method="POST", path_prefix="/v1/payment_intents", count=3)
    created = await rig.create()
    assert created.payment.state is PaymentState.OUTCOME_UNKNOWN
    rig.pass_time(hours=23)

    (waits,) = await _sweep(rig)
    rig.pass_time(hours=2)
    (alarm,) = await _sweep(rig)

    assert (waits.decision.told_as, alarm.decision.told_as) == ("wait", "alarm")
    assert await rig.order_state() is OrderState.DRAFT


@pytest.mark.parametrize("paid", [True, False])
async def test_a_dry_run_says_what_would_be_done_and_changes_nothing(rig: Rig, paid: bool) -> None:
    """Neither a row, nor the order, nor Stripe's books; the pass after it does what it said."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    rig.sandbox.webhooks.hold()
    if paid:
        await rig.confirm(created)
    rig.pass_time(hours=25)
    before = (await rig.application.payments.get(created.payment.id), rig.intents())

    (foreseen,) = await _sweep(rig, dry_run=True)

    assert (await rig.application.payments.get(created.payment.id), rig.intents()) == before
    assert await rig.order_state() is OrderState.DRAFT
    assert foreseen.decision.told_as == ("release" if paid else "cancel_payment")
    assert foreseen.decision.reason
    await _sweep(rig)
    assert await rig.order_state() is (OrderState.RELEASED if paid else OrderState.CANCELED)


async def test_money_for_a_canceled_order_goes_back_by_itself(rig: Rig) -> None:
    """Late, but paid: the swept order stays canceled, and the shopper gets her money."""
    await rig.draft()
    rig.pass_time(hours=25)
    await rig.settle()
    assert await rig.order_state() is OrderState.CANCELED

    payment = await rig.paid(country_code="DE")
    await rig.recover()

    late = await rig.application.payments.get(payment.id)
    assert late.captured_minor == late.refunded_minor == 1999
    assert await rig.order_state() is OrderState.CANCELED


async def test_money_without_an_order_raises_the_alarm_once(rig: Rig) -> None:
    """The front end never stored the draft: delivery tries on, and after a day somebody is told."""
    payment = await rig.paid()
    await rig.recover()
    assert await _told(rig, payment.id, EventType.ORDER_CONFLICT) == 0

    rig.pass_time(hours=24)
    await rig.settle()
    await rig.recover()

    assert await _told(rig, payment.id, EventType.ORDER_CONFLICT) == 1


async def test_a_draft_that_appears_late_is_released_all_the_same(rig: Rig) -> None:
    """The alarm ends nothing: delivery goes on."""
    payment = await rig.paid()
    rig.pass_time(hours=25)
    await rig.settle()
    await rig.draft()

    await rig.recover()

    assert await rig.order_state() is OrderState.RELEASED
    assert await _told(rig, payment.id, EventType.ORDER_RELEASED) == 1


@pytest.mark.parametrize("country_code", ["DE", "FR"])
async def test_money_of_an_order_that_somebody_cancels_while_it_is_held_goes_back(
    rig: Rig, country_code: str
) -> None:
    """No webhook tells of a clerk's decision: captured money is refunded, reserved money let go."""
    await rig.draft(total=Money(2000, "EUR"))
    payment = await rig.paid(country_code=country_code)  # 19.99 EUR
    assert await rig.order_state() is OrderState.HELD

    await rig.office.cancel_order("order-1", reason="the customer called", key="clerk")
    rig.pass_time(minutes=11)
    await rig.settle()

    (intent,) = rig.intents()
    assert (intent["taken"], intent["amount_capturable"]) == (0, 0)
    assert await _told(rig, payment.id, EventType.ORDER_CANCELED) == 1
    rig.pass_time(days=1)
    await _sweep(rig)
    assert await _told(rig, payment.id, EventType.ORDER_CONFLICT) == 0


async def test_a_held_order_that_somebody_releases_is_captured(rig: Rig) -> None:
    """A clerk took the smaller sum for the whole: at order, that is the moment to take it."""
    await rig.draft(total=Money(2000, "EUR"))
    payment = await rig.paid()
    assert payment.state is PaymentState.AUTHORIZED

    await rig.office.release_order("order-1", payment_id=payment.id, key="clerk")
    rig.pass_time(minutes=11)
    await rig.settle()

    assert rig.intents()[0]["taken"] == 1999
    assert await _told(rig, payment.id, EventType.ORDER_RELEASED) == 1


async def test_an_order_that_is_held_still_is_left_to_its_reviewer(rig: Rig) -> None:
    """Neither given back nor forgotten, however many passes there are."""
    await rig.draft(total=Money(2000, "EUR"))
    await rig.paid(country_code="DE")

    for _ in range(3):
        rig.pass_time(days=1)
        await _sweep(rig)

    assert await rig.order_state() is OrderState.HELD
    assert rig.intents()[0]["taken"] == 1999
