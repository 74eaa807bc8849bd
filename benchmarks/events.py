"""Events: webhooks acknowledged, webhook to released order, a backlog drained, drafts swept.

`python -m benchmarks.events DATABASE BACK-OFFICE DRAFTS` sweeps in a process of its own: its peak
memory is told by the system, and must not hold what was prepared before.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final

import aiohttp
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.backlog import ACCOUNT, Backlog, create_office
from benchmarks.load import measure, processor_s
from benchmarks.paying import PREFIX
from benchmarks.processes import ROOT, free_port, running
from benchmarks.scenarios import write_configuration
from gateway.bootstrap import Doors, wire
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import open_database
from gateway.sweeping.counts import PassCounts
from legacy_bridge.sql import SqlBackOffice
from psp.port import PspPayment, PspStatus
from psp.stripe.sandbox.signing import signature_header
from tests.support.databases import PostgresqlDatabases
from tests.support.fake_psp import FakePsp
from tests.support.kafka import running_broker
from tests.support.postgresql import postgresql_server
from tests.support.shop import TABLE

ACKNOWLEDGED_PER_S: Final = 500
RELEASED_MS: Final = {"local": 250, "kafka": 500}
EVENTS_PER_S: Final = 50
DRAINED_PER_S: Final = 200
"""The targets, on two cores with PostgreSQL."""
SECRET: Final = "whsec_benchmark"  # noqa: S105 - as `write_configuration` has it
_PATIENCE_S: Final = 600.0
_WARM_UP_S: Final = 3.0
"""Until consumers have joined their groups, and statements are planned."""


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    seconds: float = 15.0
    """How long webhooks come."""
    backlog: int = 10_000
    drafts: int = 100_000


def run(folder: Path, console: Console, sizes: Sizes) -> None:
    """Measure everything over PostgreSQL with fsync on, and print it."""
    with postgresql_server(fsync=True) as server:
        stage = Stage(PostgresqlDatabases(server), folder)
        per_second, p99_ms, cpu_ms = acknowledged(stage, sizes)
        console.print(
            f"webhooks acknowledged: {per_second:,.0f}/s with 32 in flight, p99 {p99_ms:.1f} ms, "
            f"{cpu_ms:.2f} ms of processor time each (target {ACKNOWLEDGED_PER_S}/s; {_load()})"
        )
        for delivery, target_ms in RELEASED_MS.items():
            p50_ms, p99_ms = released(stage, delivery, sizes)
            console.print(
                f"webhook to released order, {delivery}, {EVENTS_PER_S} events/s: "
                f"p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms (target p99 {target_ms} ms; {_load()})"
            )
        for workers in (1, 2):
            rate, cpu_ms = drained(stage, workers, sizes)
            console.print(
                f"backlog of {sizes.backlog:,} events, {workers} worker(s): {rate:,.0f} orders/s, "
                f"{cpu_ms:.1f} ms of processor time each (target {DRAINED_PER_S}/s; {_load()})"
            )
        table = Table(title="a pass of the sweeper, one draft in ten with a payment to ask about")
        for column in ("drafts", "seconds", "drafts/s", "peak memory MiB"):
            table.add_column(column, justify="right")
        for drafts in (sizes.drafts // 10, sizes.drafts):
            seconds, peak_mib = swept(stage, drafts)
            table.add_row(
                f"{drafts:,}", f"{seconds:.1f}", f"{drafts / seconds:,.0f}", f"{peak_mib:.0f}"
            )
        console.print(table)


class Stage:
    """Databases, and processes over them."""

    def __init__(self, databases: PostgresqlDatabases, folder: Path) -> None:
        self._databases = databases
        self._folder = folder
        self._names = itertools.count(1)

    def backlog(self) -> Backlog:
        """Return a new pair of databases."""
        url = self._databases.fresh(self._folder, migrated=True)
        office_url = self._databases.fresh(self._folder, migrated=False)
        uvloop.run(create_office(office_url))
        return Backlog(url, office_url, f"r{next(self._names)}")

    @contextmanager
    def processes(
        self, backlog: Backlog, *names: str, **settings: str
    ) -> Iterator[list[tuple[int, int]]]:
        """Run processes around a paying Stripe; gives the port and process id of each."""
        stub_port = free_port()
        config = write_configuration(self._folder, stub_port)
        environment = {
            "PAYGATE_CONFIG_FILE": str(config),
            "PAYGATE_DATABASE_URL": backlog.url,
            "PAYGATE_BACK_OFFICE_URL": backlog.office_url,
            "PAYGATE_LOG_LEVEL": "warning",
            **settings,
        }
        with ExitStack() as stack:
            stack.enter_context(running("paying", stub_port))
            started = []
            for name in names:
                port = free_port()
                started.append((port, stack.enter_context(running(name, port, environment))))
            yield started


def acknowledged(stage: Stage, sizes: Sizes) -> tuple[float, float, float]:
    """Return webhooks per second, the 99th percentile in ms, and processor time in ms."""
    backlog = stage.backlog()
    with stage.processes(backlog, "receiver") as [(port, process_id)]:

        async def load() -> tuple[float, float, float]:
            numbers = itertools.count(1)
            async with aiohttp.ClientSession(
                f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=0)
            ) as session:
                measured = await measure(
                    lambda: post(session, f"pay_a{next(numbers):020}"),
                    process_id,
                    in_flight=32,
                    warm_up_s=1.0,
                    run_s=sizes.seconds,
                )
            return measured.per_second, measured.p99_ms, measured.cpu_ms

        return uvloop.run(load())


def released(stage: Stage, delivery: str, sizes: Sizes) -> tuple[float, float]:
    """Return the median and the 99th percentile from a webhook to its released order, in ms."""
    backlog, count = stage.backlog(), int(EVENTS_PER_S * sizes.seconds)
    with ExitStack() as stack:
        settings = {"PAYGATE_DELIVERY": delivery}
        if delivery == "kafka":
            broker = stack.enter_context(running_broker())
            settings["PAYGATE_KAFKA_BOOTSTRAP_SERVERS"] = broker.address
        [(port, _)] = stack.enter_context(stage.processes(backlog, "worker", **settings))
        return uvloop.run(_released(backlog, port, count))


async def _released(backlog: Backlog, port: int, count: int) -> tuple[float, float]:
    warm_up = int(EVENTS_PER_S * _WARM_UP_S)
    await backlog.drafts(count + warm_up)
    await backlog.payments(count + warm_up)
    sent: dict[str, float] = {}

    async def send(number: int) -> None:
        sent[f"{backlog.name}-{number}"] = time.time()
        await post(session, backlog.payment_id(number))

    async with (
        aiohttp.ClientSession(
            f"http://127.0.0.1:{port}", connector=aiohttp.TCPConnector(limit=0)
        ) as session,
        asyncio.TaskGroup() as sending,
    ):
        begin_s = asyncio.get_running_loop().time()
        for number in range(1, count + warm_up + 1):
            # By the clock and not by what came before: who is late must not be waited for.
            due_s = begin_s + number / EVENTS_PER_S
            await asyncio.sleep(max(0.0, due_s - asyncio.get_running_loop().time()))
            sending.create_task(send(number))
    await _until(backlog.released_count, count + warm_up)
    times = await backlog.released()
    late_ms = [(times[order_id] - sent[order_id]) * 1000 for order_id in list(sent)[warm_up:]]
    cuts = quantiles(late_ms, n=100)
    return cuts[49], cuts[98]


def drained(stage: Stage, workers: int, sizes: Sizes) -> tuple[float, float]:
    """Return orders a second released from a backlog of webhooks, and their processor time in ms.

    The time is that of the workers, not of the database or of the simulated PSP.
    """
    backlog = stage.backlog()

    async def prepare() -> None:
        await backlog.drafts(sizes.backlog)
        await backlog.payments(sizes.backlog)
        await backlog.events(sizes.backlog)

    async def rate() -> float:
        await _until(backlog.released_count, sizes.backlog)
        times = sorted((await backlog.released()).values())
        return (len(times) - 1) / (times[-1] - times[0])

    uvloop.run(prepare())
    with stage.processes(backlog, *["worker"] * workers) as started:
        per_second = uvloop.run(rate())
        used_s = sum(processor_s(process_id) for _, process_id in started)
    return per_second, used_s * 1000 / sizes.backlog


def swept(stage: Stage, drafts: int) -> tuple[float, float]:
    """Return the seconds of a pass over so many drafts, and the peak memory of its process."""
    backlog = stage.backlog()

    async def prepare() -> None:
        age = timedelta(hours=2)
        await backlog.drafts(drafts, age)
        await backlog.payments(drafts // 10, age)

    uvloop.run(prepare())
    command = [sys.executable, "-m", "benchmarks.events", backlog.url, backlog.office_url]
    told = subprocess.run(  # noqa: S603 - this very program
        [*command, str(drafts)], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    measured = json.loads(told.splitlines()[-1])
    return measured["seconds"], measured["peak_mib"]


async def post(session: aiohttp.ClientSession, payment_id: str) -> None:
    """Send a webhook about a payment, signed as Stripe does; raises unless it was taken."""
    intent = {
        "id": PREFIX + payment_id,
        "object": "payment_intent",
        "metadata": {"paygate_payment_id": payment_id},
        "status": "requires_capture",
    }
    event = {
        "id": f"evt_{payment_id}",
        "object": "event",
        "type": "payment_intent.amount_capturable_updated",
        "created": int(time.time()),
        "livemode": False,
        "data": {"object": intent},
    }
    body = json.dumps(event).encode()
    headers = {"Stripe-Signature": signature_header(body, [SECRET], int(time.time()))}
    async with session.post(f"/webhooks/{ACCOUNT}", data=body, headers=headers) as answer:
        await answer.read()
        answer.raise_for_status()


async def _until(counted: Callable[[], Awaitable[int]], count: int) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while await counted() < count:  # noqa: ASYNC110 - another process sets no event here
            await asyncio.sleep(0.5)


def _load() -> str:
    return f"load {os.getloadavg()[0]:.1f}"


class _AwaitingPsp(FakePsp):
    """A PSP whose shoppers have all left, and that answers at once."""

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        return PspPayment(
            psp_reference=psp_reference,
            status=PspStatus.AWAITING_CUSTOMER,
            raw_status="requires_payment_method",
            currency="EUR",
            amount_minor=1999,
            authorized_minor=0,
            captured_minor=0,
            refunded_minor=0,
            payment_id=psp_reference.removeprefix(PREFIX),
        )


async def _sweep(url: str, office_url: str, drafts: int) -> float:
    """Do one pass over the drafts; how long it took, in seconds."""
    database, office = open_database(url), SqlBackOffice.open(office_url)
    doors = Doors(database, office, {ACCOUNT: _AwaitingPsp(ACCOUNT)})
    application = wire(doors, RoutingSource(TABLE), load_settings())
    started_s = time.perf_counter()
    counts: PassCounts | None = await application.sweeper.sweep_now(lambda _: None, dry_run=False)
    seconds = time.perf_counter() - started_s
    if counts is None or counts.orders != drafts or counts.put_off:
        raise RuntimeError(f"not every draft was looked at: {counts}")
    await office.close()
    await database.close()
    return seconds


def main() -> None:
    """Sweep once in this process, and print what that took."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    seconds = uvloop.run(_sweep(sys.argv[1], sys.argv[2], int(sys.argv[3])))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_mib": peak_kib / 1024}))


if __name__ == "__main__":
    main()
