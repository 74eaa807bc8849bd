"""A process ends: it says so first, then ends calls, then workers, then what nobody waits for."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp
import grpc
import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from gateway.api.health import ServingStatus
from gateway.api.server import GrpcEdge
from gateway.client import AsyncPaygateClient
from gateway.demo.acting import creation
from gateway.embedded import prepare_databases
from gateway.running import Grace, RunningGateway, load_checked, running_gateway
from gateway.sandboxed import Sandboxes, introduce, running_sandboxes, write_configuration
from gateway.settings import Settings, load_settings
from gateway.shield import Shield
from gateway.storage.sqlite import SqliteDatabase
from gateway.workers import Workers
from paygate.v1.payment_service_pb2 import GetPaymentRequest, ListPaymentsRequest
from psp.stripe.sandbox import StripeSandbox


@pytest.fixture
async def sandboxes() -> AsyncIterator[Sandboxes]:
    """Both PSPs."""
    async with running_sandboxes() as running:
        yield running


@pytest.fixture
async def settings(sandboxes: Sandboxes, tmp_path: Path) -> Settings:
    """A gateway's, with databases of its own."""
    settings = load_settings(
        config_file=write_configuration(sandboxes, tmp_path),
        database_url=f"sqlite+aiosqlite:///{tmp_path}/paygate.db",
        back_office_url=f"sqlite+aiosqlite:///{tmp_path}/back_office.db",
        grpc_port=0,
        http_port=0,
    )
    await prepare_databases(settings)
    return settings


class Ending:
    """A gateway in a task of its own, which can be told to end."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._asked = asyncio.Event()
        self._started: asyncio.Future[RunningGateway] = asyncio.get_running_loop().create_future()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        configuration = load_checked(self._settings)
        async with running_gateway(self._settings, configuration) as gateway:
            self._started.set_result(gateway)
            await self._asked.wait()

    async def started(self) -> RunningGateway:
        """Wait until it serves."""
        return await self._started

    def ask(self) -> None:
        """Tell it to end."""
        self._asked.set()


@asynccontextmanager
async def _ending(settings: Settings) -> AsyncIterator[Ending]:
    ending = Ending(settings)
    try:
        yield ending
    finally:
        ending.task.cancel()
        with suppress(asyncio.CancelledError):
            await ending.task


def _recorded(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, record: Callable[..., None]
) -> None:
    """Have `record` called with what a method is called with, before it runs."""
    original: Callable[..., Awaitable[Any]] = getattr(owner, name)

    async def recorded(self: object, *arguments: object) -> object:
        record(*arguments)
        return await original(self, *arguments)

    monkeypatch.setattr(owner, name, recorded)


async def test_it_ends_in_order_inside_one_grace(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers begin work of their own, so they end before the rest is waited for."""
    order: list[str] = []
    given_s: list[float] = []
    steps = {
        "says no": (ServingStatus, "stop"),
        "ends calls": (GrpcEdge, "stop"),
        "ends workers": (Workers, "stop"),
        "waits for the rest": (Shield, "drain"),
        "closes the database": (SqliteDatabase, "close"),
    }
    for step, (owner, name) in steps.items():

        def record(*arguments: float, step: str = step) -> None:
            order.append(step)
            given_s.extend(arguments)

        _recorded(monkeypatch, owner, name, record)

    async with _ending(settings) as ending:
        await ending.started()
        order.clear()
        ending.ask()
        await ending.task

    once = list(dict.fromkeys(order))
    assert once == list(steps)
    for_calls_s, for_the_rest_s = given_s
    assert settings.shutdown_grace_s >= for_calls_s > for_the_rest_s


async def test_a_grace_is_used_up_by_all_waits_together() -> None:
    """It begins with the first of them, and is never negative."""
    grace, none = Grace(60), Grace(0)
    first_s = grace.left_s()
    await asyncio.sleep(0.01)

    assert 60 >= first_s > grace.left_s() > 0
    assert none.left_s() == 0


async def test_it_says_no_while_it_still_takes_calls(settings: Settings) -> None:
    """A balancer needs time to hear of it; what it sends meanwhile is answered."""
    patient = settings.model_copy(update={"shutdown_delay_s": 300.0})
    async with _ending(patient) as ending:
        gateway = await ending.started()
        async with (
            grpc.aio.insecure_channel(gateway.grpc_address) as channel,
            AsyncPaygateClient.connect(gateway.grpc_address, caller="tests") as client,
            aiohttp.ClientSession(gateway.http_address) as http,
        ):
            watch = HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            heard = [(await watch.read()).status]
            ready = [(await http.get("/readyz")).status]
            ending.ask()
            heard.append((await watch.read()).status)
            ready.append((await http.get("/readyz")).status)
            alive = (await http.get("/healthz")).status
            listed = await client.list_payments(ListPaymentsRequest(order_id="order-1"))

    status = health_pb2.HealthCheckResponse
    assert heard == [status.SERVING, status.NOT_SERVING]
    assert ready == [200, 503]
    assert (alive, list(listed.payments)) == (200, [])


async def test_a_creation_under_way_is_answered_and_kept(
    settings: Settings, sandboxes: Sandboxes
) -> None:
    """Stripe takes its time; the process waits for it, and so does the caller."""
    sandbox: StripeSandbox = sandboxes.stripe
    introduce(sandboxes, load_checked(settings), "http://127.0.0.1:9")  # nobody listens
    sandbox.inject("delay_after", method="POST", path_suffix="/payment_intents", delay_s=0.5)
    async with _ending(settings) as ending:
        gateway = await ending.started()
        async with AsyncPaygateClient.connect(gateway.grpc_address, caller="tests") as client:
            call = asyncio.create_task(client.create_payment(creation("order-1"), timeout_s=20))
            while not gateway.application.shield.running:  # noqa: ASYNC110 - it sets no event
                await asyncio.sleep(0.01)
            ending.ask()
            created = await call
            await ending.task

    async with _ending(settings) as again:
        gateway = await again.started()
        async with AsyncPaygateClient.connect(gateway.grpc_address, caller="tests") as client:
            kept = await client.get_payment(GetPaymentRequest(payment_id=created.payment.id))
    assert kept.payment == created.payment
    assert kept.payment.psp_reference.startswith("pi_")
