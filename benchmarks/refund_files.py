"""Refund files: a file of many lines carried out against a PSP that answers at once.

`python -m benchmarks.refund_files DATABASE LINES` works in a process of its own: its peak memory is
told by the system, and must not hold what was prepared before. Every refund is written down before
it is sent, and settled after, in commits of its own.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final

import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.processes import ROOT
from gateway.bootstrap import Doors, wire
from gateway.domain.payment import PaymentState
from gateway.domain.refund_movement import Standing
from gateway.domain.requests import RequestKey
from gateway.refund_files.lines import HEADER
from gateway.refund_files.results import BatchResult
from gateway.refund_files.values import BatchOptions
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import Database, open_database
from gateway.storage.payments import insert_payment
from gateway.storage.upgrade import upgrade
from gateway.workers import Workers
from psp.port import PspRefund, RefundPayment, RefundStatus
from tests.support.fake_office import FakeOffice
from tests.support.fake_psp import FakePsp
from tests.support.payments import payment
from tests.support.shop import CARDS, TABLE

TARGET_PER_SECOND: Final = 250
FILES: Final = (2_000, 50_000)
_AT_ONCE: Final = 16
_RATE_PER_S: Final = 1000.0
"""Above what can be reached: what is measured is the gateway and not its restraint."""
_PIECE_LINES: Final = 500
_LOOK_EVERY_S: Final = 0.5


class _QuickPsp(FakePsp):
    """Accepts every refund at once and keeps nothing of it."""

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        await asyncio.sleep(0)
        return PspRefund(
            psp_reference=f"re_{request.refund_id}",
            payment_reference=request.psp_reference,
            status=RefundStatus.SUCCEEDED,
            raw_status="succeeded",
            currency=request.amount.currency,
            amount_minor=request.amount.amount_minor,
            refund_id=request.refund_id,
        )


def run(database: str, url: str, console: Console) -> None:
    """Measure over one database and print it."""
    upgrade(url)
    table = Table(title=f"{database}, refund file with the write-ahead rule kept")
    for column in (
        "lines",
        "accepted/s",
        "refunds/s",
        "target",
        "cpu ms",
        "peak memory MiB",
        "load",
    ):
        table.add_column(column, justify="right")
    for lines in FILES:
        measured = _measure(url, lines)
        table.add_row(
            f"{lines:,}",
            f"{lines / measured['reading_s']:,.0f}",
            f"{lines / measured['refunding_s']:,.0f}",
            f"{TARGET_PER_SECOND}",
            f"{measured['cpu_s'] / lines * 1000:.2f}",
            f"{measured['peak_mib']:.1f}",
            f"{os.getloadavg()[0]:.1f}",
        )
    console.print(table)


def _measure(url: str, lines: int) -> dict[str, float]:
    uvloop.run(_fill(url, lines))
    command = [sys.executable, "-m", "benchmarks.refund_files", url, str(lines)]
    told = subprocess.run(  # noqa: S603 - this very program
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    measured: dict[str, float] = json.loads(told.splitlines()[-1])
    return measured


async def _fill(url: str, lines: int) -> None:
    """Store a captured payment for each line."""
    database = open_database(url)
    for begin in range(0, lines, _PIECE_LINES):
        numbers = range(begin, min(begin + _PIECE_LINES, lines))
        await asyncio.gather(*(_store(database, lines, number) for number in numbers))
    await database.close()


async def _store(database: Database, lines: int, number: int) -> None:
    held = payment(
        PaymentState.CAPTURED,
        id=_payment_id(lines, number),
        order_id=f"order-{number}",
        psp_account=CARDS,
        psp_reference=f"pi_{lines}_{number}",
    )
    await database.commit([insert_payment(held)])


def _payment_id(lines: int, number: int) -> str:
    return f"pay_{lines:013d}{number:013d}"


def _pieces(lines: int) -> Iterator[bytes]:
    yield (",".join(HEADER) + "\n").encode()
    for begin in range(0, lines, _PIECE_LINES):
        numbers = range(begin, min(begin + _PIECE_LINES, lines))
        rows = (
            f"M-{lines}-{n},order-{n},{_payment_id(lines, n)},,,12.50,EUR,,FR\n" for n in numbers
        )
        yield "".join(rows).encode()


async def _work(url: str, lines: int) -> dict[str, float]:
    """Read the file, then carry it out; how long each took, and the latter's processor time."""

    async def pieces() -> AsyncIterator[bytes]:
        for piece in _pieces(lines):
            yield piece

    database = open_database(url)
    settings = load_settings(refund_at_once=_AT_ONCE, refund_rate_per_s=_RATE_PER_S)
    doors = Doors(database, FakeOffice(), {CARDS: _QuickPsp(CARDS)})
    application = wire(doors, RoutingSource(TABLE), settings)
    options = BatchOptions(RequestKey("bench", "SubmitRefundBatch", f"r-{lines}"), "refunds.csv")
    started_s = time.perf_counter()
    batch = (await application.refund_batches.submit(options, pieces())).batch
    reading_s = time.perf_counter() - started_s
    jobs = [job for job in application.workers.jobs if job.name == "refund_files"]
    workers = Workers(jobs, settings.worker_poll_interval_s)
    started_s, cpu_s = time.perf_counter(), time.process_time()
    workers.start()
    progress = await application.refund_batches.get(batch.id)
    while not progress.is_done:
        progress = await application.refund_batches.get(batch.id)
        await asyncio.sleep(_LOOK_EVERY_S)
    refunding_s, cpu_s = time.perf_counter() - started_s, time.process_time() - cpu_s
    await workers.stop()
    if progress.counts != {Standing.SUCCEEDED: lines}:
        raise RuntimeError(f"not every line was refunded: {progress}")
    told = BatchResult(database, batch).pieces()
    written = sum([piece.count(b"\n") async for piece in told])
    if written != lines + 1:
        raise RuntimeError(f"the result has {written} lines")
    await database.close()
    return {"reading_s": reading_s, "refunding_s": refunding_s, "cpu_s": cpu_s}


def main() -> None:
    """Carry one file out in this process, and print what that took."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    url, lines = sys.argv[1], int(sys.argv[2])
    told = uvloop.run(_work(url, lines))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({**told, "peak_mib": peak_kib / 1024}))


if __name__ == "__main__":
    main()
