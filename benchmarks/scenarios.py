"""What is set up for measurements: configurations, a shopper, payments; and the bare SDK's call."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import stripe

from benchmarks.load import Call
from benchmarks.stub import AMOUNT_MINOR, CURRENCY
from gateway.client import AsyncPaygateClient, new_request_id
from gateway.storage.aliases import insert_customers
from gateway.storage.database import open_database
from legacy_bridge.port import LegacyAlias
from legacy_bridge.sql import SqlBackOffice
from paygate.v1.money_pb2 import Money
from paygate.v1.payment_service_pb2 import PAYMENT_METHOD_CARD, CreatePaymentRequest
from psp.port import CustomerProfile

CONFIGURATION = """
[accounts.stripe_bench]
psp = "stripe"
api_key = "file:{folder}/api_key"
publishable_key = "pk_test_benchmark"
webhook_secrets = ["file:{folder}/webhook_secret"]
api_base = "http://127.0.0.1:{stub_port}"
calls_at_once = {calls_at_once}

[countries.FR]
currencies = ["EUR"]

[[countries.FR.methods]]
method = "card"
account = "stripe_bench"
"""
_LEGACY = """
[accounts.ogone_bench]
psp = "ogone"
pspid = "Benchmark"
user_id = "benchmark"
password = "file:{folder}/api_key"
sha_in_ecommerce = "file:{folder}/api_key"
sha_in_directlink = "file:{folder}/webhook_secret"
sha_out = ["file:{folder}/api_key"]
api_base = "http://127.0.0.1:{stub_port}"
page_base = "http://127.0.0.1:{stub_port}"
"""
STRIPE: Final = "stripe_bench"
OGONE: Final = "ogone_bench"
SHOPPER: Final = CustomerProfile("benchmark-shopper", email="zoe@example.org", country_code="FR")
STRIPE_CUSTOMER: Final = "cus_benchmark"
LEGACY_ALIAS: Final = LegacyAlias(
    "A-benchmark", SHOPPER.customer_id, OGONE, "visa", "1111", 12, 2040, "card"
)
_AT_ONCE: Final = 16


def write_configuration(folder: Path, stub_port: int, *, calls_at_once: int = 500) -> Path:
    """Write a configuration whose only account is the stub; returns its file."""
    return _write(folder, CONFIGURATION, stub_port, calls_at_once)


def write_shop(folder: Path, stub_port: int, *, calls_at_once: int = 500) -> Path:
    """As `write_configuration`, with an account besides whose aliases the back office keeps."""
    return _write(folder, CONFIGURATION + _LEGACY, stub_port, calls_at_once)


def _write(folder: Path, text: str, stub_port: int, calls_at_once: int) -> Path:
    (folder / "api_key").write_text("sk_test_benchmark")
    (folder / "webhook_secret").write_text("whsec_benchmark")
    file = folder / "benchmark.toml"
    file.write_text(text.format(folder=folder, stub_port=stub_port, calls_at_once=calls_at_once))
    return file


async def introduce_shopper(url: str, office_url: str) -> None:
    """Store a shopper with an alias at the stub and one that the back office keeps."""
    office = SqlBackOffice.open(office_url)
    await office.create_schema()
    await office.load_aliases([LEGACY_ALIAS])
    await office.close()
    database = open_database(url)
    await database.commit([insert_customers(STRIPE, [(SHOPPER.customer_id, STRIPE_CUSTOMER)])])
    await database.close()


async def create_payments(port: int, how_many: int) -> list[str]:
    """Create payments of guests, a few at once; returns their ids."""
    turns = asyncio.Semaphore(_AT_ONCE)

    async def create(client: AsyncPaygateClient, number: int) -> str:
        request = CreatePaymentRequest(
            request_id=new_request_id(),
            order_id=f"prepared-{number}",
            country_code="FR",
            method=PAYMENT_METHOD_CARD,
            amount=Money(amount_minor=AMOUNT_MINOR, currency_code=CURRENCY.upper()),
        )
        async with turns:
            return (await client.create_payment(request)).payment.id

    async with AsyncPaygateClient.connect(f"127.0.0.1:{port}", caller="benchmark") as client:
        return list(await asyncio.gather(*(create(client, number) for number in range(how_many))))


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
