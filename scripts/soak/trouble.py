"""What goes wrong in a soak: callers that leave, requests that are wrong, PSPs that fail."""

from __future__ import annotations

import asyncio
from contextlib import aclosing, suppress
from typing import Any, Final

import aiohttp
import grpc

from gateway.client import AsyncPaygateClient, PaygateRpcError
from gateway.demo.acting import creation
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.proposal_service_pb2 import GetPaymentProposalRequest
from paygate.v1.refund_service_pb2 import CreateRefundRequest
from scripts.soak.shopping import Scene

_STRIPE_FAULTS: Final = ("error_before", "drop_after", "drop_before", "rate_limited", "delay_after")
_OGONE_FAULTS: Final = ("error_before", "drop_after", "garbage_before", "delay_before")
_SLOW_S: Final = 2.5
"""Longer than an adapter waits for an answer."""
_LARGE_BYTES: Final = 600 * 1024
"""More than a webhook may have."""


async def leave_a_watch(scene: Scene) -> None:
    """Watch a payment that goes nowhere, and hang up in the middle."""
    created = await scene.create("FR")
    watch = scene.stage.client.watch_payment(
        pb.WatchPaymentRequest(payment_id=created.payment.id), timeout_s=30
    )
    async with aclosing(watch) as steps:
        async for _ in steps:
            break
        await asyncio.sleep(scene.dice.random())


async def break_a_connection(scene: Scene) -> None:
    """Watch over a connection of its own that ends without a word."""
    created = await scene.create("FR")
    client = AsyncPaygateClient.connect(scene.stage.grpc_address, caller="leaving")
    watch = client.watch_payment(
        pb.WatchPaymentRequest(payment_id=created.payment.id), timeout_s=30
    )
    async for _ in watch:
        break
    await client.close()
    await watch.aclose()


async def cancel_a_call(scene: Scene) -> None:
    """Give a creation up while it is under way."""
    shopper = scene.shopper()
    request = creation(await scene.draft("FR", shopper), customer_id=shopper)
    call = asyncio.create_task(scene.stage.client.create_payment(request, timeout_s=10))
    await asyncio.sleep(scene.dice.random() * 0.03)
    call.cancel()
    with suppress(asyncio.CancelledError):
        await call


async def be_too_late(scene: Scene) -> None:
    """Call with less time than it takes, or than is allowed."""
    scene.stage.sandboxes.stripe.inject("delay_after", method="POST", delay_s=0.6)
    shopper = scene.shopper()
    request = creation(await scene.draft("FR", shopper), customer_id=shopper)
    for timeout_s in (0.01, 0.3):
        with suppress(PaygateRpcError):
            await scene.stage.client.create_payment(request, timeout_s=timeout_s)


async def ask_nonsense(scene: Scene) -> None:
    """Send requests that are refused, each for another reason."""
    client = scene.stage.client
    wrong = (
        client.create_payment(creation("", country_code="nowhere")),
        client.create_payment(creation("order-1", country_code="JP")),
        client.get_payment(pb.GetPaymentRequest(payment_id="no id")),
        client.get_payment_proposal(GetPaymentProposalRequest()),
        client.create_refund(CreateRefundRequest(payment_id="pay_" + "0" * 26)),
        client.list_payments(pb.ListPaymentsRequest(page_token="of somebody else")),  # noqa: S106 - a page's
    )
    for outcome in await asyncio.gather(*wrong, return_exceptions=True):
        if not isinstance(outcome, PaygateRpcError):
            raise TypeError(f"nonsense was answered: {outcome!r}")


async def speak_another_language(scene: Scene) -> None:
    """Call what is not there, with bytes that are no message, over a connection of its own."""
    async with grpc.aio.insecure_channel(scene.stage.grpc_address) as channel:
        for method in ("/paygate.v1.PaymentService/CreatePayment", "/no.Such/Method"):
            call: Any = channel.unary_unary(method)  # typed for messages, these are bytes
            with suppress(grpc.aio.AioRpcError):
                await call(b"\xff\xff\xff", timeout=5)


async def decline(scene: Scene) -> None:
    """Pay with a card that is declined."""
    created = await scene.create("FR")
    scene.confirm(created, "pm_card_visa_chargeDeclinedInsufficientFunds")


async def forge_webhooks(scene: Scene) -> None:
    """Post what no PSP sent: unsigned, too large, to nobody, and hang up in the middle."""
    base = scene.stage.http_address
    posts: tuple[tuple[str, bytes], ...] = (
        ("stripe_eu", b'{"id":"evt_forged"}'),
        ("ogone_be", b"orderID=x&STATUS=9&SHASIGN=00"),
        ("nobody", b"{}"),
        ("stripe_eu", b"x" * _LARGE_BYTES),
    )
    async with aiohttp.ClientSession() as http:
        for account, body in posts:
            with suppress(aiohttp.ClientError):
                async with http.post(f"{base}/webhooks/{account}", data=body) as answer:
                    await answer.read()
    host, _, port = base.rpartition("//")[2].partition(":")
    _, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /webhooks/stripe_eu HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc")
    await writer.drain()
    writer.close()
    await writer.wait_closed()


async def disorder_webhooks(scene: Scene) -> None:
    """Have Stripe's webhooks come twice, in reverse."""
    webhooks = scene.stage.sandboxes.stripe.webhooks
    created = await scene.create("FR")
    webhooks.hold()
    try:
        scene.confirm(created)
    finally:
        webhooks.release(["reversed"], copies=2)


async def fail_stripe(scene: Scene) -> None:
    """Let Stripe fail a payment now and then."""
    kind = scene.dice.choice(_STRIPE_FAULTS)
    scene.stage.sandboxes.stripe.inject(
        kind, method="POST", count=scene.dice.randint(1, 3), delay_s=_SLOW_S
    )
    scene.confirm(await scene.create("FR"))


async def fail_ogone(scene: Scene) -> None:
    """Let Ogone fail a query, which is how a payment is looked at."""
    scene.stage.sandboxes.ogone.inject(scene.dice.choice(_OGONE_FAULTS), delay_s=_SLOW_S)
    created = await scene.create("BE")
    form = created.next_action.post_form
    if form.url:
        await scene.stage.sandboxes.ogone.pay(dict(form.fields), url=form.url)
