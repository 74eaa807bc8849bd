"""What is stored while an order is being decided about counts in that decision."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from gateway.domain.payment import Payment
from gateway.domain.requests import RequestKey
from gateway.payments.changes import PaymentChanges
from gateway.payments.commands import CancelPaymentCommand, CancelReason
from legacy_bridge.port import OrderState
from psp.port import PspPayment
from tests.integration.gateway.refunding import TOTAL_MINOR, at_stripe, refund, told
from tests.support.rig import Rig

Happen = Callable[[], Awaitable[None]]


def _while_it_is_asked(rig: Rig, happen: Happen) -> None:
    """Let something happen once Stripe gave its next word, and before the gateway hears it."""

    async def retrieve(reference: str) -> PspPayment:
        del vars(rig.provider)["retrieve_payment"]
        word = await rig.psp.retrieve_payment(reference)
        await happen()
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
    _while_it_is_asked(rig, lambda: _open_review(rig))

    await rig.application.workers.round()

    assert await rig.releases() == 0
    await rig.settle()
    assert await rig.order_state() is OrderState.HELD


async def test_a_review_that_opens_meanwhile_keeps_the_money(rig: Rig) -> None:
    """Nothing is captured."""
    await _paid(rig, "FR")
    _while_it_is_asked(rig, lambda: _open_review(rig))

    await rig.application.workers.round()

    assert rig.intents()[0]["taken"] == 0


async def test_a_refund_that_begins_meanwhile_keeps_the_order(rig: Rig) -> None:
    """Goods must not go out while their money goes back."""
    payment_id = await _paid(rig, "DE")
    begin, end = _beginning(rig, lambda: refund(rig, payment_id))
    _while_it_is_asked(rig, begin)

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
    _while_it_is_asked(rig, begin)

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

    async def late(self: PaymentChanges, payment: Payment) -> Payment:
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
