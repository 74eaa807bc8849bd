"""`serve --workers N`: processes that share their ports, under one parent."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import grpc
import pytest

from gateway.client import AsyncPaygateClient
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.e2e.serving import Shop, Surroundings, surroundings
from tests.support.databases import PostgresqlDatabases
from tests.support.processes import Process, eventually, eventually_seen

_CONNECTIONS: Final = 40
"""The kernel deals them out: that all of them meet one process of two is not to be feared."""
_LEASE_S: Final = "21"
"""About the shortest that the calls of the configured accounts allow."""


@pytest.fixture
async def around(
    postgresql_databases: PostgresqlDatabases, tmp_path: Path
) -> AsyncIterator[Surroundings]:
    """Everything but the processes."""
    async with surroundings(postgresql_databases, tmp_path) as running:
        yield running


@asynccontextmanager
async def _two_processes(around: Surroundings) -> AsyncIterator[tuple[Process, dict[str, Any]]]:
    """Run a parent with two, and return it with where they answer."""
    parent = await Process.start(around.environment, "serve", "--workers", "2")
    try:
        supervising = await parent.says("supervising")
        await eventually(lambda: len(parent.lines("serving")) == 2)
        yield parent, supervising
    finally:
        await parent.stop()


async def test_both_answer_at_one_port(around: Surroundings) -> None:
    """And each at an HTTP port of its own, since metrics are of one process."""
    async with _two_processes(around) as (parent, supervising):
        serving = parent.lines("serving")
        assert {line["grpc"] for line in serving} == {supervising["grpc"]}
        for _ in range(_CONNECTIONS):
            await _list(supervising["grpc"])

        counted = [await _counted_lists(line["http"]) for line in serving]
        shared = await _status(f"{supervising['http']}/readyz")
        code = await parent.stop()

    assert sum(counted) == _CONNECTIONS
    assert all(counted)
    assert shared == 200
    assert code == 0
    assert len(parent.lines("stopped")) == 2, "each had its time to end"


async def test_one_that_dies_is_replaced_and_nobody_notices(around: Surroundings) -> None:
    """Its connections break, and the client's own retries find the other.

    What it was at is answered by another once its lease is over.
    """
    around.environment["PAYGATE_OPERATION_LEASE_S"] = _LEASE_S
    async with _two_processes(around) as (parent, supervising), AsyncExitStack() as stack:
        around.slow_down()
        client = await stack.enter_async_context(
            AsyncPaygateClient.connect(supervising["grpc"], caller="tests")
        )
        shop = Shop(client, "shop", asks_again=True)
        selling = asyncio.create_task(shop.sell())
        await eventually(lambda: bool(shop.answers) or selling.done())
        os.kill(parent.lines("process_started")[0]["pid"], signal.SIGKILL)
        await eventually(lambda: len(parent.lines("serving")) == 3)
        sold = len(shop.answers)
        await eventually(lambda: len(shop.answers) > sold or selling.done())
        shop.is_open = False
        await selling
        code = await parent.stop()

    assert [line["exit_code"] for line in parent.lines("process_died")] == [-signal.SIGKILL]
    assert len(parent.lines("process_started")) == 3
    assert code == 0


async def test_a_hangup_ends_none_that_begins(around: Surroundings) -> None:
    """Somebody changes the configuration and says so while they start: all of them serve."""
    parent = await Process.start(around.environment, "serve", "--workers", "2")
    try:
        await eventually(lambda: len(parent.lines("process_started")) == 2)
        parent.send(signal.SIGHUP)
        await eventually(lambda: len(parent.lines("serving", "process_died")) == 2)
    finally:
        code = await parent.stop()

    assert parent.lines("process_died") == []
    assert code == 0


async def test_they_end_with_a_parent_that_is_killed(around: Surroundings) -> None:
    """Nobody would restart them, or stop them."""
    async with _two_processes(around) as (parent, supervising):
        parent.kill()

        async def are_gone() -> bool:
            try:
                await _status(f"{supervising['http']}/healthz")
            except aiohttp.ClientConnectionError:
                return True
            return False

        await eventually_seen(are_gone)


async def test_a_stranger_does_not_share_the_port(around: Surroundings) -> None:
    """A second gateway by mistake is told so, and does not take half of the calls."""
    async with _two_processes(around) as (_, supervising):
        port = supervising["grpc"].rpartition(":")[2]
        environment = {**around.environment, "PAYGATE_GRPC_PORT": port}
        for words in ([], ["--workers", "2"]):
            second = await asyncio.create_subprocess_exec(
                *_command(words),
                env=environment,
                stderr=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            _, errors = await second.communicate()
            assert second.returncode == 1
            assert f":{port}: free it, or set PAYGATE_GRPC_PORT" in errors.decode()


def _command(words: list[str]) -> list[str]:
    return [sys.executable, "-m", "gateway", "serve", *words]


async def _list(address: str) -> None:
    """Make a call over a connection of its own."""
    options = [("grpc.use_local_subchannel_pool", 1)]
    async with grpc.aio.insecure_channel(address, options=options) as channel:
        await PaymentServiceStub(channel).ListPayments(
            pb.ListPaymentsRequest(order_id="order-1"), wait_for_ready=True
        )


async def _counted_lists(address: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(f"{address}/metrics") as answer:
        text = await answer.text()
    counted = [
        line.rpartition(" ")[2]
        for line in text.splitlines()
        if line.startswith("paygate_rpc_duration_seconds_count") and "ListPayments" in line
    ]
    return round(sum(float(each) for each in counted))


async def _status(url: str) -> int:
    async with aiohttp.ClientSession() as session, session.get(url) as answer:
        return answer.status
