"""Real processes share the work: one serves, two work, and one of those is killed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest

from gateway.client import AsyncPaygateClient
from gateway.demo.acting import creation
from gateway.embedded import prepare_databases
from gateway.routing.configuration import load_configuration
from gateway.sandboxed import introduce, running_sandboxes, write_configuration
from gateway.settings import load_settings
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from psp.stripe.sandbox import StripeSandbox
from tests.support.databases import PostgresqlDatabases
from tests.support.processes import Process, eventually_seen

_TOTAL: Final = Money(1999, "EUR")
_ORDERS: Final = tuple(f"order-{number}" for number in range(1, 13))
_LEASE_S: Final = 9.0
"""Above four times what one call may last, as the processes insist."""


@dataclass(frozen=True)
class Fleet:
    """The processes and all around them."""

    sandbox: StripeSandbox
    office: SqlBackOffice
    client: AsyncPaygateClient
    server: Process
    workers: tuple[Process, Process]
    worker_addresses: tuple[str, str]

    async def pay(self, order_id: str) -> None:
        """Store a draft and pay it in the page."""
        now = datetime.now(UTC)
        await self.office.save_draft(
            DraftOrder(order_id, "shopper-1", "FR", _TOTAL, create_time=now, update_time=now)
        )
        created = await self.client.create_payment(creation(order_id))
        self.sandbox.browser_confirm(created.next_action.confirm.client_secret, "pm_card_visa")

    async def released(self) -> int:
        """How many orders are released."""
        found = [await self.office.find_order(order_id) for order_id in _ORDERS]
        return sum(order is not None and order.state is OrderState.RELEASED for order in found)

    async def wait_for_releases(self, count: int) -> None:
        """Wait until so many orders are released."""

        async def are_released() -> bool:
            return await self.released() >= count

        await eventually_seen(are_released)


@pytest.fixture
async def fleet(postgresql_databases: PostgresqlDatabases, tmp_path: Path) -> AsyncIterator[Fleet]:
    """One process that serves and two that work, on PostgreSQL."""
    async with AsyncExitStack() as stack:
        sandboxes = await stack.enter_async_context(running_sandboxes())
        file = write_configuration(sandboxes, tmp_path)
        text = file.read_text().replace("read_timeout_s = 2.0", "read_timeout_s = 1.0")
        file.write_text(text.replace("total_timeout_s = 5.0", "total_timeout_s = 2.0"))
        database_url = postgresql_databases.fresh(tmp_path, migrated=True)
        back_office_url = f"sqlite+aiosqlite:///{tmp_path}/back_office.db"
        environment = {
            "PAYGATE_CONFIG_FILE": str(file),
            "PAYGATE_DATABASE_URL": database_url,
            "PAYGATE_BACK_OFFICE_URL": back_office_url,
            "PAYGATE_GRPC_PORT": "0",
            "PAYGATE_HTTP_PORT": "0",
            "PAYGATE_WORK_LEASE_S": "2",
            "PAYGATE_OPERATION_LEASE_S": str(_LEASE_S),
        }
        await prepare_databases(
            load_settings(database_url=database_url, back_office_url=back_office_url)
        )
        office = SqlBackOffice.open(back_office_url)
        stack.push_async_callback(office.close)
        server = await Process.start(environment, "serve", "--no-workers")
        stack.push_async_callback(server.stop)
        first = await Process.start(environment, "worker")
        stack.push_async_callback(first.stop)
        second = await Process.start(environment, "worker")
        stack.push_async_callback(second.stop)
        serving = await server.says("serving")
        working = [await each.says("working") for each in (first, second)]
        introduce(sandboxes, load_configuration(file), serving["http"])
        client = await stack.enter_async_context(
            AsyncPaygateClient.connect(serving["grpc"], caller="tests")
        )
        yield Fleet(
            sandboxes.stripe,
            office,
            client,
            server,
            (first, second),
            (working[0]["http"], working[1]["http"]),
        )


async def test_a_killed_worker_leaves_its_work_to_the_other(fleet: Fleet) -> None:
    """Orders are being paid when it dies; each is released once, and the books agree."""
    doomed, survivor = fleet.workers
    await asyncio.gather(*(fleet.pay(order_id) for order_id in _ORDERS))
    await fleet.wait_for_releases(1)
    doomed.kill()

    await fleet.wait_for_releases(len(_ORDERS))

    for order_id in _ORDERS:
        actions = await fleet.office.list_actions(order_id)
        released = [each for each in actions if each.changed and each.state is OrderState.RELEASED]
        assert len(released) == 1, order_id
    all_books: list[Any] = list(fleet.sandbox.books())
    intents = [one for books in all_books for one in books["payment_intents"]]
    assert [(one["captures"], one["taken"]) for one in intents] == [(1, 1999)] * len(_ORDERS)
    assert fleet.server.lines("event_applied") == [], "it was told to leave that to workers"
    assert await doomed.stop() != 0
    assert await survivor.stop() == 0
    assert survivor.lines("stopped")
    assert await fleet.server.stop() == 0


async def test_a_worker_answers_over_http(fleet: Fleet) -> None:
    """Probes and metrics find it as they find a process that serves."""
    async with aiohttp.ClientSession(fleet.worker_addresses[0]) as session:
        answers = [(await session.get(path)).status for path in ("/healthz", "/readyz", "/metrics")]

    assert answers == [200, 200, 200]
