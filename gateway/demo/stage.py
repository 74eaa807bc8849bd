"""The demo's stage: a Stripe sandbox, a back office and a gateway, each behind its own door."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from gateway.client import AsyncPaygateClient
from gateway.clock import system_clock
from gateway.embedded import prepare_databases
from gateway.routing.configuration import load_configuration
from gateway.running import RunningGateway, running_gateway
from gateway.sandboxed import introduce, running_sandboxes, write_configuration
from gateway.settings import SANDBOX_CONFIG_FILE, Settings, load_settings
from gateway.storage.sqlite import sqlite_file
from legacy_bridge.port import DraftOrder
from legacy_bridge.sql import SqlBackOffice
from paygate.v1.order_service_pb2 import GetOrderRequest, Order, OrderState
from paygate.v1.payment_service_pb2 import GetPaymentRequest, Payment, PaymentState
from psp.money import Money
from psp.ogone.sandbox import OgoneSandbox
from psp.stripe.sandbox import StripeSandbox

CALLER: Final = "demo-checkout"
PATIENCE_S: Final = 15.0
_LOOK_EVERY_S: Final = 0.05
_LATER: Final = timedelta(hours=61)
"""Tomorrow is over then, and the PSPs' reports of it are ready."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything a step plays with. The gateway is only reached through `client` and HTTP."""

    sandbox: StripeSandbox
    ogone: OgoneSandbox
    back_office: SqlBackOffice
    gateway: RunningGateway
    client: AsyncPaygateClient
    config_file: Path
    """What the gateway is configured by; a change of it takes effect."""
    back_office_file: Path
    settings: Settings

    async def store_draft(
        self,
        order_id: str,
        total: Money,
        country_code: str = "FR",
        age: timedelta = timedelta(),
    ) -> None:
        """Store a draft order, as the shop's front end did `age` ago, before the shopper pays."""
        now = datetime.now(UTC) - age
        await self.back_office.save_draft(
            DraftOrder(
                order_id=order_id,
                customer_id="shopper-1",
                country_code=country_code,
                total=total,
                create_time=now,
                update_time=now,
            )
        )

    @asynccontextmanager
    async def back_office_without_aliases(self) -> AsyncIterator[None]:
        """Let the back office fail when it is asked for aliases, for a while."""
        await asyncio.to_thread(_rename, self.back_office_file, "aliases", "aliases_away")
        try:
            yield
        finally:
            await asyncio.to_thread(_rename, self.back_office_file, "aliases_away", "aliases")

    @asynccontextmanager
    async def days_later(self) -> AsyncIterator[AsyncPaygateClient]:
        """Let the PSPs' books, and a second replica, live a few days later; its client."""
        self.sandbox.advance_clock(_LATER.total_seconds())
        self.ogone.advance_clock(_LATER.total_seconds())
        settings = self.settings.model_copy(update={"grpc_port": 0, "http_port": 0})
        async with (
            running_gateway(
                settings,
                load_configuration(self.config_file),
                lambda: system_clock() + _LATER,
                with_workers=False,
            ) as later,
            AsyncPaygateClient.connect(later.grpc_address, caller="demo-finance") as client,
        ):
            yield client

    async def payment_in(self, payment_id: str, state: PaymentState.ValueType) -> Payment:
        """Return a payment once it is in a state; raises `TimeoutError` if it never is."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.client.get_payment(GetPaymentRequest(payment_id=payment_id))
                if answer.payment.state == state:
                    return answer.payment
                await asyncio.sleep(_LOOK_EVERY_S)

    async def payment_refunded(self, payment_id: str) -> Payment:
        """Return a payment once all that was captured went back; raises as `payment_in`."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.client.get_payment(GetPaymentRequest(payment_id=payment_id))
                refunded = answer.payment.refunded.amount_minor
                if refunded and refunded == answer.payment.captured.amount_minor:
                    return answer.payment
                await asyncio.sleep(_LOOK_EVERY_S)

    async def order_in(self, order_id: str, state: OrderState.ValueType) -> Order:
        """Return an order once it is in a state; raises `TimeoutError` if it never is."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                answer = await self.client.get_order(GetOrderRequest(order_id=order_id))
                if answer.order.state == state:
                    return answer.order
                await asyncio.sleep(_LOOK_EVERY_S)


def stage_settings(folder: Path) -> Settings:
    """Return settings with free ports, and databases in a folder."""
    return load_settings(
        config_file=SANDBOX_CONFIG_FILE,
        database_url=f"sqlite+aiosqlite:///{folder}/paygate.db",
        back_office_url=f"sqlite+aiosqlite:///{folder}/back_office.db",
        grpc_port=0,
        http_port=0,
        # A shopper that gives up after half a second is to be played.
        min_deadline_s=0.2,
        shutdown_grace_s=5.0,
        worker_poll_interval_s=0.1,
        sweep_interval_s=1.0,
    )


@asynccontextmanager
async def open_stage(folder: Path, settings: Settings | None = None) -> AsyncIterator[Stage]:
    """Start everything on free ports; `folder` holds the databases."""
    chosen = settings or stage_settings(folder)
    await prepare_databases(chosen)
    async with AsyncExitStack() as stack:
        sandboxes = await stack.enter_async_context(running_sandboxes())
        file = write_configuration(sandboxes, folder)
        configuration = load_configuration(file)
        chosen = chosen.model_copy(update={"config_file": file})
        gateway = await stack.enter_async_context(running_gateway(chosen, configuration))
        introduce(sandboxes, configuration, gateway.http_address)
        back_office = SqlBackOffice.open(chosen.back_office_url)
        stack.push_async_callback(back_office.close)
        client = await stack.enter_async_context(
            AsyncPaygateClient.connect(gateway.grpc_address, caller=CALLER)
        )
        yield Stage(
            sandboxes.stripe,
            sandboxes.ogone,
            back_office,
            gateway,
            client,
            file,
            sqlite_file(chosen.back_office_url),
            chosen,
        )


def _rename(file: Path, table: str, name: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {name}")
