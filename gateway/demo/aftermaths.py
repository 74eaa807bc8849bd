"""The demo's aftermaths: a review, a draft that nobody pays, money that comes late, a crash."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from datetime import timedelta
from typing import Final

from gateway.client import PaygateRpcError
from gateway.demo.acting import TOTAL, create, creation, intents_of, patiently
from gateway.demo.processes import gateway_process
from gateway.demo.stage import Stage
from gateway.demo.telling import Telling, expect
from paygate.v1.order_service_pb2 import (
    ORDER_STATE_CANCELED,
    ORDER_STATE_HELD,
    ORDER_STATE_RELEASED,
)
from paygate.v1.payment_service_pb2 import (
    PAYMENT_STATE_AWAITING_CUSTOMER,
    PAYMENT_STATE_CANCELED,
    PAYMENT_STATE_CAPTURED,
)
from paygate.v1.refund_service_pb2 import REFUND_CAUSE_ORDER, ListRefundsRequest, RefundCause

_CREATE_PATH: Final = "/v1/payment_intents"
_YESTERDAY: Final = timedelta(hours=25)


async def review(stage: Stage, telling: Telling) -> None:
    """A fraud review holds the order; a person's approval captures and releases it."""
    await stage.store_draft("order-review", TOTAL)
    created = await create(stage, telling, creation("order-review"))
    secret = created.next_action.confirm.client_secret
    stage.sandbox.browser_confirm(secret, "pm_card_riskLevelElevated")
    held = await stage.order_in("order-review", ORDER_STATE_HELD)
    (payment,) = held.payments
    telling.say("GetOrder", {"state": "HELD", "because": held.waiting_for})
    expect(payment.captured.amount_minor == 0, "nothing is taken while somebody looks")
    (opened,) = [one for books in stage.sandbox.books() for one in books["open_reviews"]]  # type: ignore[attr-defined]  # JSON
    stage.sandbox.close_review(opened)
    telling.say("somebody approves it in Stripe's dashboard")
    released = await stage.order_in("order-review", ORDER_STATE_RELEASED)
    (payment,) = released.payments
    telling.say("GetOrder", {"state": "RELEASED", "because": released.waiting_for})
    expect(payment.state == PAYMENT_STATE_CAPTURED, "captured once it was approved")


async def abandon(stage: Stage, telling: Telling) -> None:
    """A draft that nobody paid for a day is swept: canceled at Stripe first, then the order."""
    created = await create(stage, telling, creation("order-abandoned"))
    # Stored after it: the sweeper may look at any moment, and ends an old draft without payments.
    await stage.store_draft("order-abandoned", TOTAL, age=_YESTERDAY)
    telling.say("the shopper goes away; the draft is 25 hours old when the sweeper looks")
    order = await stage.order_in("order-abandoned", ORDER_STATE_CANCELED)
    payment = await stage.payment_in(created.payment.id, PAYMENT_STATE_CANCELED)
    telling.say("GetOrder", {"state": "CANCELED", "because": order.waiting_for})
    (intent,) = intents_of(stage, "order-abandoned")
    expect(intent["status"] == "canceled", "she cannot pay any more: Stripe canceled it")
    expect(payment.captured.amount_minor == 0, "nothing was taken")


async def pay_too_late(stage: Stage, telling: Telling) -> None:
    """Money that arrives for a canceled order goes back by itself, once."""
    await stage.store_draft("order-late", TOTAL, "DE")
    created = await create(stage, telling, creation("order-late", country_code="DE"))
    await stage.back_office.cancel_order("order-late", reason="sold out", key="sold-out")
    telling.say("meanwhile the back office cancels the order: sold out")
    stage.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")
    telling.say("the shopper pays; Germany captures at once")
    payment = await stage.payment_refunded(created.payment.id)
    answer = await stage.client.list_refunds(ListRefundsRequest(payment_id=payment.id))
    for refund in answer.refunds:
        cause = RefundCause.Name(refund.cause).removeprefix("REFUND_CAUSE_")
        telling.say("ListRefunds", {"refund": refund.id, "cause": cause})
    (intent,) = intents_of(stage, "order-late")
    expect(len(answer.refunds) == 1, "one refund")
    expect(answer.refunds[0].cause == REFUND_CAUSE_ORDER, "by the gateway itself")
    expect(intent["refunded"] == TOTAL.amount_minor, "Stripe gave all of it back")


async def crash(_: Stage, telling: Telling) -> None:
    """A gateway process dies in the middle of a purchase; the next one finishes it."""
    async with gateway_process() as process:
        await process.store_draft("order-crash", TOTAL)
        request = creation("order-crash")
        process.sandbox.inject("delay_after", method="POST", path_prefix=_CREATE_PATH, delay_s=5)
        async with process.client() as client:
            call = asyncio.create_task(client.create_payment(request))
            await process.until_paid_at_stripe()
            await process.kill()
            with suppress(PaygateRpcError):
                await call
        telling.say("killed between Stripe's work and its answer", {"signal": "SIGKILL"})
        await process.start()
        telling.say("started again; the client sends the same request_id")
        async with process.client() as client:
            answer = await patiently(client, telling, request)
            expect(
                answer.payment.state == PAYMENT_STATE_AWAITING_CUSTOMER,
                "the payment goes on where it was",
            )
            secret = answer.next_action.confirm.client_secret
            process.sandbox.browser_confirm(secret, "pm_card_visa")
            await process.until_order(client, "order-crash", ORDER_STATE_RELEASED)
        telling.say("GetOrder", {"state": "RELEASED"})
        expect(process.payments_at_stripe() == 1, "Stripe has one payment")
