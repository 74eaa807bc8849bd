"""What is measured: a bare echo, GetPayment, CreatePayment, and the SDK that calls the stub."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import grpc
import stripe

from benchmarks import echo
from benchmarks.load import Call
from benchmarks.stub import AMOUNT_MINOR, CURRENCY
from gateway.client import new_request_id
from paygate.v1.money_pb2 import Money
from paygate.v1.payment_service_pb2 import (
    PAYMENT_METHOD_CARD,
    CreatePaymentRequest,
    GetPaymentRequest,
)
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub

CONFIGURATION = """
[accounts.stripe_bench]
psp = "stripe"
api_key = "file:{folder}/api_key"
publishable_key = "pk_test_benchmark"
webhook_secrets = ["file:{folder}/webhook_secret"]
api_base = "http://127.0.0.1:{stub_port}"

[countries.FR]
currencies = ["EUR"]

[[countries.FR.methods]]
method = "card"
account = "stripe_bench"
"""


def write_configuration(folder: Path, stub_port: int) -> Path:
    """Write a configuration whose only account is the stub; returns its file."""
    (folder / "api_key").write_text("sk_test_benchmark")
    (folder / "webhook_secret").write_text("whsec_benchmark")
    file = folder / "benchmark.toml"
    file.write_text(CONFIGURATION.format(folder=folder, stub_port=stub_port))
    return file


def echo_call(channel: grpc.aio.Channel) -> Call:
    """Return a call of the echo, with a message as long as that of GetPayment."""
    method: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(echo.METHOD)
    message = GetPaymentRequest(payment_id="pay_" + "0" * 26).SerializeToString()
    return lambda: method(message)


@asynccontextmanager
async def sdk_call(stub_port: int) -> AsyncIterator[Call]:
    """Give a call of the stub through Stripe's own SDK, as a program without Paygate makes it."""
    http = stripe.AIOHTTPClient()
    client = stripe.StripeClient(
        "sk_test_benchmark",
        base_addresses={"api": f"http://127.0.0.1:{stub_port}"},
        http_client=http,
    )
    counter = itertools.count()

    async def call() -> object:
        return await client.v1.payment_intents.create_async(
            {
                "amount": AMOUNT_MINOR,
                "currency": CURRENCY,
                "allowed_payment_method_types": ["card"],
            },
            {"idempotency_key": f"benchmark-{next(counter)}"},
        )

    try:
        yield call
    finally:
        await http.close_async()  # type: ignore[no-untyped-call]  # the SDK leaves it untyped


def creation_call(channel: grpc.aio.Channel, created: Callable[[str], None]) -> Call:
    """Return a call of CreatePayment for a guest; `created` is told each new payment's id."""
    stub = PaymentServiceStub(channel)
    counter = itertools.count()

    async def call() -> None:
        request = CreatePaymentRequest(
            request_id=new_request_id(),
            order_id=f"order-{next(counter)}",
            country_code="FR",
            method=PAYMENT_METHOD_CARD,
            amount=Money(amount_minor=AMOUNT_MINOR, currency_code=CURRENCY.upper()),
        )
        created((await stub.CreatePayment(request)).payment.id)

    return call


def reading_call(channel: grpc.aio.Channel, payment_ids: list[str]) -> Call:
    """Return a call of GetPayment, round and round over some payments."""
    stub = PaymentServiceStub(channel)
    ids = itertools.cycle(payment_ids)

    async def call() -> None:
        await stub.GetPayment(GetPaymentRequest(payment_id=next(ids)))

    return call
