"""A gateway as a process of its own, which the demo kills and starts again."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final

from gateway.client import AsyncPaygateClient, PaygateRpcError
from gateway.routing.configuration import load_configuration
from gateway.sandboxed import introduce, running_sandboxes, write_configuration
from legacy_bridge.port import DraftOrder
from legacy_bridge.sql import SqlBackOffice
from paygate.v1.order_service_pb2 import GetOrderRequest, OrderState
from paygate.v1.routing_service_pb2 import ListCountryPoliciesRequest
from psp.money import Money
from psp.stripe.sandbox import StripeSandbox

_PATIENCE_S: Final = 30.0
_LOOK_EVERY_S: Final = 0.05
_SHORT_TIMES: Final = {
    "read_timeout_s = 2.0": "read_timeout_s = 0.8",
    "query_timeout_s = 1.0": "query_timeout_s = 0.2",
    "total_timeout_s = 5.0": "total_timeout_s = 1.0",
}
"""Of the sandbox's accounts: what a dead process left behind is taken on after four times that."""
_LEASE_S: Final = 4.5


@dataclass
class GatewayProcess:
    """`paygate serve` over databases in a folder, and Stripe's sandbox, which outlives it."""

    sandbox: StripeSandbox
    back_office: SqlBackOffice
    environment: dict[str, str]
    address: str
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)

    async def start(self) -> None:
        """Start a process, and wait until it answers."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "gateway",
            "serve",
            env=self.environment,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with self.client() as client:
            await _until(partial(_answers, client))

    async def kill(self) -> None:
        """Kill the process at once: nothing in it ends in order."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def client(self) -> AsyncPaygateClient:
        """Return a client of whichever process answers now."""
        return AsyncPaygateClient.connect(self.address, caller="demo-checkout")

    async def store_draft(self, order_id: str, total: Money) -> None:
        """Store a draft order, as the shop's front end does."""
        now = datetime.now(UTC)
        await self.back_office.save_draft(DraftOrder(order_id, "shopper-1", "FR", total, now, now))

    def payments_at_stripe(self) -> int:
        """Count the payments in the sandbox's own books."""
        kept: list[Any] = [books["payment_intents"] for books in self.sandbox.books()]
        return sum(len(intents) for intents in kept)

    async def until_paid_at_stripe(self) -> None:
        """Wait until Stripe has made a payment; raises `TimeoutError` if it never has."""

        async def made() -> bool:
            return self.payments_at_stripe() > 0

        await _until(made)

    async def until_order(
        self, client: AsyncPaygateClient, order_id: str, state: OrderState.ValueType
    ) -> None:
        """Wait until an order is in a state; raises `TimeoutError` if it never is."""

        async def reached() -> bool:
            answer = await client.get_order(GetOrderRequest(order_id=order_id))
            return answer.order.state == state

        await _until(reached)


async def _until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - another process changes it, and rings no bell here
            await asyncio.sleep(_LOOK_EVERY_S)


async def _answers(client: AsyncPaygateClient) -> bool:
    try:
        await client.list_country_policies(ListCountryPoliciesRequest(), timeout_s=1)
    except PaygateRpcError:
        return False  # it is still starting
    return True


@asynccontextmanager
async def gateway_process() -> AsyncIterator[GatewayProcess]:
    """Run sandboxes, a back office and a gateway process; all of it is gone afterwards."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="paygate-demo-")))
        sandboxes = await stack.enter_async_context(running_sandboxes())
        file = write_configuration(sandboxes, folder)
        text = file.read_text(encoding="utf-8")
        for usual, short in _SHORT_TIMES.items():
            text = text.replace(usual, short)
        file.write_text(text, encoding="utf-8")
        back_office_url = f"sqlite+aiosqlite:///{folder}/back_office.db"
        back_office = SqlBackOffice.open(back_office_url)
        stack.push_async_callback(back_office.close)
        await back_office.create_schema()
        grpc_port, http_port = _free_port(), _free_port()
        environment = os.environ | {
            "PAYGATE_CONFIG_FILE": str(file),
            "PAYGATE_DATABASE_URL": f"sqlite+aiosqlite:///{folder}/paygate.db",
            "PAYGATE_BACK_OFFICE_URL": back_office_url,
            "PAYGATE_GRPC_PORT": str(grpc_port),
            "PAYGATE_HTTP_PORT": str(http_port),
            "PAYGATE_OPERATION_LEASE_S": str(_LEASE_S),
            "PAYGATE_WORK_LEASE_S": "1",
        }
        address = f"127.0.0.1:{grpc_port}"
        process = GatewayProcess(sandboxes.stripe, back_office, environment, address)
        introduce(sandboxes, load_configuration(file), f"http://127.0.0.1:{http_port}")
        stack.push_async_callback(process.kill)
        await process.start()
        yield process


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
