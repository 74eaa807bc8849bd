"""What is stored while an order is being decided about counts in that decision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.domain.payment import Payment
from gateway.domain.requests import RequestKey
from gateway.payments.changes import PaymentChanges
from gateway.payments.commands import CancelPaymentCommand, CancelReason
from gateway.payments.sending import Settled
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.port import DraftOrder, OrderState
from psp.errors import OutcomeUnknownError
from psp.money import Money
from psp.port import CapturePayment, PspPayment
from tests.integration.gateway.refunding import TOTAL_MINOR, at_stripe, refund, told
from tests.support.rig import ACCOUNT, Rig

Happen = Callable[[], Awaitable[None]]


async def _nothing() -> None:
    """Nothing happens."""


def _when_it_is_asked(rig: Rig, *, before: Happen = _nothing, after: Happen = _nothing) -> None:
    """Let something happen before Stripe gives its next word, or before the gateway hears it."""

    async def retrieve(reference: str) -> PspPayment:
        del vars(rig.provider)["retrieve_payment"]
        await before()
        word = await rig.psp.retrieve_payment(reference)
        await after()
        return word

    vars(rig.provider)["retrieve_payment"] = retrieve


async def _paid(rig: Rig, country_code: str) -> str:
    """Have an order whose payment is known to be good, and that is still a draft."""
    await rig.draft()
    created = await rig.create(country_code=country_code)
    await rig.confirm(created)
    await rig.apply_events()
    return created.payment.id


async def _open_review(rig: Rig) -> None:
    rig.sandbox.open_review(rig.intents()[0]["id"])
    await rig.apply_events()


def _beginning(rig: Rig, begin: Callable[[], Awaitable[object]]) -> tuple[Happen, Happen]:
    """Return what begins a change and leaves it on its way to Stripe, and what ends it."""
    on_its_way, go = asyncio.Event(), asyncio.Event()
    changes: list[asyncio.Future[object]] = []

    async def wait(_key: str) -> None:
        rig.provider.before_change = None
        on_its_way.set()
        await go.wait()

    async def happen() -> None:
        rig.provider.before_change = wait
        changes.append(asyncio.ensure_future(begin()))
        await on_its_way.wait()

    async def end() -> None:
        go.set()
        await asyncio.gather(*changes)
        await rig.settle()
        await rig.recover()

    return happen, end


@pytest.mark.parametrize("country_code", ["DE", "ES"])
async def test_a_review_that_opens_meanwhile_keeps_the_order(rig: Rig, country_code: str) -> None:
    """Stripe's word of before does not speak of it, and the books do."""
    await _paid(rig, country_code)
    _when_it_is_asked(rig, after=lambda: _open_review(rig))

    await rig.application.workers.round()

    assert await rig.releases() == 0
    await rig.settle()
    assert await rig.order_state() is OrderState.HELD


async def test_a_review_that_opens_meanwhile_keeps_the_money(rig: Rig) -> None:
    """Nothing is captured."""
    await _paid(rig, "FR")
    _when_it_is_asked(rig, after=lambda: _open_review(rig))

    await rig.application.workers.round()

    assert rig.intents()[0]["taken"] == 0


async def test_a_refund_that_begins_meanwhile_keeps_the_order(rig: Rig) -> None:
    """Goods must not go out while their money goes back."""
    payment_id = await _paid(rig, "DE")
    begin, end = _beginning(rig, lambda: refund(rig, payment_id))
    _when_it_is_asked(rig, after=begin)

    await rig.application.workers.round()
    released_meanwhile = await rig.releases()
    await end()

    assert (released_meanwhile, await rig.releases()) == (0, 0)
    assert sum(each["amount"] for each in at_stripe(rig)) == TOTAL_MINOR
    assert "order_conflict" not in await told(rig, payment_id)


async def test_a_cancel_that_begins_meanwhile_keeps_the_order(rig: Rig) -> None:
    """What is authorised and captured by hand is released without a capture before."""
    payment_id = await _paid(rig, "ES")
    key = RequestKey("tests", "CancelPayment", "c")
    command = CancelPaymentCommand(key, payment_id)
    begin, end = _beginning(rig, lambda: rig.application.payments.cancel(command, None))
    _when_it_is_asked(rig, after=begin)

    await rig.application.workers.round()
    released_meanwhile = await rig.releases()
    await end()

    assert (released_meanwhile, await rig.releases()) == (0, 0)


async def test_a_capture_is_no_longer_wanted_of_a_payment_that_changed(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The review was stored after the last look and before the capture was written down."""
    await _paid(rig, "FR")
    capture = PaymentChanges.capture_by_itself

    async def late(self: PaymentChanges, payment: Payment) -> Settled:
        monkeypatch.undo()
        await _open_review(rig)
        return await capture(self, payment)

    monkeypatch.setattr(PaymentChanges, "capture_by_itself", late)
    await rig.application.workers.round()

    assert rig.intents()[0]["taken"] == 0
    await rig.recover()
    assert await rig.order_state() is OrderState.HELD


async def test_the_sweeper_cancels_no_payment_that_was_paid_since_it_looked(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stripe would cancel an authorised payment as gladly: our own books say that it is paid."""
    rig.without -= {"sweeper"}
    rig.restart()
    await rig.draft()
    created = await rig.create(country_code="FR")
    await rig.settle()
    cancel = PaymentChanges.cancel_by_itself

    async def late(self: PaymentChanges, payment: Payment, reason: CancelReason) -> Payment:
        monkeypatch.undo()
        await rig.confirm(created)
        await rig.apply_events()
        return await cancel(self, payment, reason)

    monkeypatch.setattr(PaymentChanges, "cancel_by_itself", late)
    rig.pass_time(hours=25)
    await rig.settle()
    await rig.recover()

    assert await rig.order_state() is OrderState.RELEASED


def _slow_capture(rig: Rig) -> tuple[asyncio.Event, asyncio.Event]:
    """Let Stripe capture, and keep its answer back; returns when it is done, and what sends it."""
    done, answered = asyncio.Event(), asyncio.Event()

    async def capture(request: CapturePayment) -> PspPayment:
        word = await rig.psp.capture_payment(request)
        done.set()
        await answered.wait()
        return word

    vars(rig.provider)["capture_payment"] = capture
    return done, answered


async def test_a_process_that_stalled_while_it_captured_tells_nothing_again(rig: Rig) -> None:
    """Another one settled the capture meanwhile, released the order and journaled that."""
    payment_id = await _paid(rig, "FR")
    done, answered = _slow_capture(rig)
    stalled = asyncio.create_task(rig.application.order_handler.handle("order-1"))
    await done.wait()
    rig.restart()
    rig.pass_time(minutes=3)
    await rig.settle()
    await rig.recover()
    assert await rig.order_state() is OrderState.RELEASED

    answered.set()
    await stalled

    assert (await told(rig, payment_id)).count("order_released") == 1
    assert await rig.releases() == 1


async def test_a_release_by_hand_is_told_once_by_two_who_follow_it(rig: Rig) -> None:
    """One captures what was released, and the other hears of that and tells first."""
    payment_id = await _paid(rig, "FR")
    done, answered = _slow_capture(rig)
    await rig.office.release_order("order-1", payment_id=payment_id, key="clerk")
    first = rig.application.order_handler
    rig.restart()
    asked, ask = asyncio.Event(), asyncio.Event()

    async def look() -> None:
        asked.set()
        await ask.wait()

    _when_it_is_asked(rig, before=look)
    other = asyncio.create_task(rig.application.order_handler.handle("order-1"))
    await asked.wait()
    capturing = asyncio.create_task(first.handle("order-1"))
    await done.wait()
    ask.set()
    await other
    answered.set()
    await capturing

    assert (await told(rig, payment_id)).count("order_released") == 1


async def test_money_of_an_order_that_was_canceled_before_it_could_be_held_goes_back(
    rig: Rig,
) -> None:
    """The back office refuses to hold it: what is true then is decided on, and nothing is lost."""
    await rig.draft()
    created = await rig.create(country_code="DE", amount=Money(1500, "EUR"))
    office = rig.application.doors.back_office
    hold = office.hold_order

    async def late(order_id: str, **more: str) -> DraftOrder:
        del vars(office)["hold_order"]
        await rig.office.cancel_order(order_id, reason="the shopper called", key="clerk")
        return await hold(order_id, **more)

    vars(office)["hold_order"] = late
    await rig.confirm(created)
    await rig.settle()
    await rig.recover()

    assert await rig.order_state() is OrderState.CANCELED
    assert sum(each["amount"] for each in at_stripe(rig)) == 1500


async def test_a_release_that_was_not_heard_of_is_told_beside_the_alarm(rig: Rig) -> None:
    """By the next look its payment is under review: somebody must look, and it was released."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    office = rig.application.doors.back_office
    release = office.release_order

    async def unheard(order_id: str, **more: str) -> DraftOrder:
        del vars(office)["release_order"]
        await release(order_id, **more)
        rig.sandbox.open_review(rig.intents()[0]["id"])
        raise BackOfficeUnavailableError("release", "no answer in time")

    vars(office)["release_order"] = unheard
    await rig.confirm(created)
    await rig.settle()
    await rig.recover()

    assert await rig.order_state() is OrderState.RELEASED
    lines = await told(rig, created.payment.id)
    assert (lines.count("order_released"), lines.count("order_conflict")) == (1, 1)


async def test_a_capture_that_others_heard_of_is_no_word_of_now(rig: Rig) -> None:
    """Its answer was lost, and somebody settled it minutes ago: a review opened since then."""
    payment_id = await _paid(rig, "FR")

    async def unheard(request: CapturePayment) -> PspPayment:
        await rig.psp.capture_payment(request)
        rig.restart()
        rig.pass_time(minutes=3)
        (resolver,) = (job for job in rig.application.workers.jobs if job.name == "resolver")
        await resolver.run_once()
        await resolver.lanes.join()
        rig.sandbox.open_review(rig.intents()[0]["id"])
        raise OutcomeUnknownError(ACCOUNT, "no answer in time")

    vars(rig.provider)["capture_payment"] = unheard
    await rig.application.order_handler.handle("order-1")

    assert "order_released" not in await told(rig, payment_id)
    assert await rig.order_state() is OrderState.HELD
