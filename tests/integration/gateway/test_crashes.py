"""A process may die between any two steps: nothing happens twice, and nothing is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import pytest

from gateway.domain.payment import PaymentState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from gateway.payments.commands import (
    CancelPaymentCommand,
    CapturePaymentCommand,
    CreatedPayment,
)
from legacy_bridge.port import OrderState
from tests.integration.gateway.refunding import command, refunds
from tests.support.rig import CrashError, Rig

T = TypeVar("T")
_MOST_STEPS = 160
_FULL = 1999


async def _insist(rig: Rig, call: Callable[[], Awaitable[T]]) -> T:
    """Call as a caller does who sends the same request until it is answered."""
    for _ in range(_MOST_STEPS):
        try:
            return await call()
        except CrashError:
            rig.restart()
        except PaygateError as running:
            if running.retry_after_s is None:
                raise
        rig.pass_time(minutes=2)
        await rig.settle()
    raise AssertionError("never answered")


async def _create(
    rig: Rig, order_id: str, country_code: str, request_id: str = ""
) -> CreatedPayment:
    def call() -> Awaitable[CreatedPayment]:
        return rig.create(
            request_id=request_id or order_id, order_id=order_id, country_code=country_code
        )

    created = await _insist(rig, call)
    if created.payment.state is PaymentState.OUTCOME_UNKNOWN:
        await rig.recover()
        created = await _insist(rig, call)
    return created


async def _pay(rig: Rig, order_id: str, country_code: str = "FR") -> CreatedPayment:
    created = await _create(rig, order_id, country_code)
    await rig.confirm(created)
    await rig.settle()
    return created


async def _at_order(rig: Rig, order_id: str) -> None:
    await _pay(rig, order_id)


async def _automatic(rig: Rig, order_id: str) -> None:
    await _pay(rig, order_id, "DE")


async def _paid_twice(rig: Rig, order_id: str) -> None:
    """Confirmed on two pages before the order was told of either."""
    twice = [await _create(rig, order_id, "FR", f"{order_id}-{page}") for page in "ab"]
    for created in twice:
        await rig.confirm(created)
    await rig.settle()


async def _with_3d_secure(rig: Rig, order_id: str) -> None:
    created = await _create(rig, order_id, "FR")
    await rig.confirm(created, "pm_card_authenticationRequired")
    await rig.settle()
    assert created.next_action is not None
    rig.sandbox.browser_authenticate(created.next_action.client_secret, "succeed")
    await rig.settle()


async def _under_review(rig: Rig, order_id: str) -> None:
    created = await _create(rig, order_id, "FR")
    await rig.confirm(created)
    review = rig.sandbox.open_review(rig.intents(order_id)[0]["id"])
    await rig.settle()
    await rig.recover()
    assert await rig.order_state(order_id) is OrderState.HELD
    rig.sandbox.close_review(review, "approved")
    await rig.settle()


async def _by_hand(rig: Rig, order_id: str) -> None:
    created = await _pay(rig, order_id, "ES")
    await rig.recover()
    key = RequestKey("tests", "CapturePayment", order_id)
    command = CapturePaymentCommand(key, created.payment.id)
    await _insist(rig, lambda: rig.application.payments.capture(command, None))


async def _canceled(rig: Rig, order_id: str) -> None:
    created = await _create(rig, order_id, "ES")
    key = RequestKey("tests", "CancelPayment", order_id)
    command = CancelPaymentCommand(key, created.payment.id)
    await _insist(rig, lambda: rig.application.payments.cancel(command, None))
    await rig.settle()


async def _refunded(rig: Rig, order_id: str) -> None:
    created = await _pay(rig, order_id)
    await rig.recover()
    asked = command(created.payment.id, request_id=order_id)
    await _insist(rig, lambda: rig.application.refunds.create(asked, None))
    await rig.settle()


async def _paid_late(rig: Rig, order_id: str) -> None:
    created = await _create(rig, order_id, "DE")
    await rig.office.cancel_order(order_id, reason="nobody paid", key=f"swept:{order_id}")
    await rig.confirm(created)
    await rig.settle()


@dataclass(frozen=True)
class Story:
    """What a shopper and a caller do, and how it has to end whatever dies on the way."""

    play: Callable[[Rig, str], Awaitable[None]]
    least_steps: int
    """So many it has at least; fewer would mean that nothing was tested."""
    order_state: OrderState = OrderState.RELEASED
    captures: int = 1
    """How often the sandbox's books show money taken."""
    taken: int = _FULL
    told: str = "order_released"
    refunds: int = 0
    """How often the sandbox's books show money given back."""
    payments: int = 1
    canceled: int = 0
    """How many of them the sandbox's books show as canceled."""


_STORIES = {
    "at_order": Story(_at_order, 12),
    "automatic": Story(_automatic, 9),
    "paid twice": Story(_paid_twice, 20, payments=2, canceled=1),
    "3d_secure": Story(_with_3d_secure, 12),
    "review": Story(_under_review, 14),
    "by_hand": Story(_by_hand, 14),
    "canceled": Story(_canceled, 12, OrderState.CANCELED, 0, 0, "order_canceled", canceled=1),
    "refund": Story(_refunded, 18, taken=0, refunds=1),
    "late payment refunded by itself": Story(
        _paid_late, 14, OrderState.CANCELED, taken=0, told="refund_requested", refunds=1
    ),
}


@pytest.mark.parametrize("name", _STORIES)
async def test_a_story_survives_death_at_every_step(rig: Rig, name: str) -> None:
    """Each step is died at once: one payment, one effect, one end, told once."""
    story = _STORIES[name]
    for crash_at in range(1, _MOST_STEPS):
        order_id = f"order-{crash_at}"
        await rig.draft(order_id)
        rig.restart(crash_at)
        doomed = rig.steps

        await story.play(rig, order_id)
        await rig.recover()

        place = f"died at step {crash_at}: {doomed.taken}"
        intents = rig.intents(order_id)
        assert len(intents) == story.payments, place
        assert sum(each["captures"] for each in intents) == story.captures, place
        assert sum(each["taken"] for each in intents) == story.taken, place
        assert sum(len(each["refunds"]) for each in intents) == story.refunds, place
        assert [each["status"] for each in intents].count("canceled") == story.canceled, place
        assert len(await refunds(rig, order_id=order_id)) == story.refunds, place
        assert await rig.order_state(order_id) is story.order_state, place
        assert await rig.releases(order_id) == (story.order_state is OrderState.RELEASED), place
        assert await _told(rig, order_id, story.told) == 1, place
        if not doomed.crashed:
            break
    else:
        raise AssertionError("the story has more steps than were tried")

    assert crash_at > story.least_steps


async def _told(rig: Rig, order_id: str, event_type: str) -> int:
    """How often the journals of an order's payments tell of something."""
    view = await rig.application.orders.get(order_id)
    pages: list[Any] = [
        await rig.application.payments.events(payment.id, 0, 500) for payment in view.payments
    ]
    return sum(entry.type == event_type for page in pages for entry in page.entries)
