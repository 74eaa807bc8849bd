"""A whole gateway in a thread of its own, so that examples can call it one after the other."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from gateway.client import AsyncPaygateClient, new_request_id
from gateway.demo.stage import stage_settings
from gateway.embedded import prepare_databases
from gateway.routing.configuration import load_configuration
from gateway.running import running_gateway
from gateway.sandboxed import introduce, running_sandboxes, write_configuration
from gateway.settings import Settings
from legacy_bridge.port import DraftOrder
from legacy_bridge.sql import SqlBackOffice
from paygate.v1 import customer_service_pb2 as customer_pb
from paygate.v1 import payment_service_pb2 as payment_pb
from paygate.v1.money_pb2 import Money as MoneyMessage
from psp.money import Money

_UNLIMITED: Final = 1_000_000.0
_NOBODY: Final = "http://127.0.0.1:9"
"""Where webhooks are sent to, and nobody listens."""


@dataclass(frozen=True, slots=True)
class Fuzzed:
    """What examples call, and what they may have changed."""

    address: str
    files: tuple[Path, ...]
    """The databases'."""
    known: Mapping[str, Sequence[str]]
    """Ids that exist, by the name of the fields that take them."""


@contextmanager
def running_in_a_thread(folder: Path) -> Iterator[Fuzzed]:
    """Serve until the context ends. Nobody works and no webhook comes: only calls change rows."""
    started: list[Fuzzed] = []
    ready, loops = threading.Event(), []

    async def serve() -> None:
        stopped = asyncio.Event()
        async with _serving(folder) as fuzzed:
            started.append(fuzzed)
            loops.append((asyncio.get_running_loop(), stopped))
            ready.set()
            await stopped.wait()

    def run() -> None:
        try:
            asyncio.run(serve())
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="fuzzed")
    thread.start()
    ready.wait()
    try:
        (fuzzed,) = started
        yield fuzzed
    finally:
        for loop, stopped in loops:
            loop.call_soon_threadsafe(stopped.set)
        thread.join()


@asynccontextmanager
async def _serving(folder: Path) -> AsyncIterator[Fuzzed]:
    settings = stage_settings(folder)
    await prepare_databases(settings)
    async with running_sandboxes() as sandboxes:
        file = write_configuration(sandboxes, folder)
        settings = settings.model_copy(
            update={"config_file": file, "caller_rate_per_s": _UNLIMITED}
        )
        configuration = load_configuration(file)
        introduce(sandboxes, configuration, _NOBODY)
        async with running_gateway(settings, configuration, with_workers=False) as gateway:
            known = await _seeded(gateway.grpc_address, settings)
            yield Fuzzed(
                gateway.grpc_address, (folder / "paygate.db", folder / "back_office.db"), known
            )


async def _seeded(address: str, settings: Settings) -> Mapping[str, Sequence[str]]:
    """Store an order, a shopper and a payment, for examples to find."""
    now = datetime.now(UTC)
    office = SqlBackOffice.open(settings.back_office_url)
    for order_id in ("order-1", "order-2"):
        total = Money(1999, "EUR")
        await office.save_draft(DraftOrder(order_id, "shopper-1", "FR", total, now, now))
    await office.close()
    async with AsyncPaygateClient.connect(address, caller="fuzz") as client:
        await client.ensure_customer(
            customer_pb.EnsureCustomerRequest(
                request_id=new_request_id(),
                customer_id="shopper-1",
                country_code="FR",
                profile=customer_pb.CustomerProfile(email="ada@example.com"),
            )
        )
        created = await client.create_payment(
            payment_pb.CreatePaymentRequest(
                request_id=new_request_id(),
                order_id="order-1",
                country_code="FR",
                method=payment_pb.PAYMENT_METHOD_CARD,
                amount=MoneyMessage(amount_minor=1999, currency_code="EUR"),
            )
        )
    return {"payment_id": [created.payment.id]}
