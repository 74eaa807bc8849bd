"""Reconciliation: a balance report of many rows against as many captures and refunds.

`python -m benchmarks.reconciliation DATABASE ROWS` reconciles in a process of its own: its peak
memory is told by the system, and must not hold what was prepared before.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from hashlib import md5
from typing import Final

import asyncpg
import sqlalchemy as sa
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.processes import ROOT
from gateway.bootstrap import Doors, wire
from gateway.domain.reconciliation import Reconciliation, RunState, shortcomings
from gateway.domain.requests import RequestKey
from gateway.reconciliation.commands import RunCommand, RunProgress
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import open_database
from gateway.storage.upgrade import upgrade
from psp.settlements import (
    ReportState,
    SettlementCategory,
    SettlementEntry,
    SettlementPeriod,
    SettlementReport,
)
from tests.support.fake_office import FakeOffice
from tests.support.fake_psp import FakePsp
from tests.support.shop import TABLE

SIZES: Final = (100_000, 1_000_000)
TARGET_S: Final = 90.0
TARGET_MIB: Final = 300.0
"""Of a million rows on two cores with PostgreSQL."""
DAY: Final = date(2026, 5, 4)
_NOON: Final = datetime(2026, 5, 4, 12, tzinfo=UTC)
_REFUND_EVERY: Final = 10
_AMOUNT: Final = 1999
_REFUNDED: Final = 500
_FEE: Final = 29

# Ids as long as real ones; the hash keeps references from coming in the order of the rows.
_FILL: Final = """
INSERT INTO payments
SELECT 'pay_' || lpad(n::text, 26, '0'), 'order-' || n, 'shopper-' || n, 'FR', 'card', 1999, 'EUR',
       1999, 1999, CASE WHEN n % 9 = 0 THEN 500 ELSE 0 END, 'captured', 'none', 'at_order',
       $2::text, 'pi_' || md5(n::text), '', NULL, 'digest', 1,
       $3::timestamptz, $3::timestamptz, 1, ''
FROM generate_series(1, $1::bigint) n;
INSERT INTO journal
SELECT 'evt_' || lpad(n::text, 26, '0'), 'pay_' || lpad(n::text, 26, '0'), 'order-' || n, 1,
       'state_changed', 'captured', 'none', 'EUR', 1999, 0,
       $3::timestamptz + n % 36000 * interval '1 second',
       json_build_object('account', $2::text)::text
FROM generate_series(1, $1::bigint) n;
INSERT INTO refunds
SELECT 'ref_' || lpad(n::text, 26, '0'), 'pay_' || lpad(n::text, 26, '0'), 'order-' || n, 500,
       'EUR', 'succeeded', 'file', 'requested_by_customer', $2::text, 're_' || md5(n::text), '',
       $3::timestamptz, $3::timestamptz, 1
FROM generate_series(9, $1::bigint, 9) n
"""


class _LongBooks(FakePsp):
    """A PSP whose report is as long as it is told, and is made while it is read."""

    rows = 0

    async def start_settlement_report(
        self,
        period: SettlementPeriod,  # noqa: ARG002 - as the port has it
        idempotency_key: str,
    ) -> SettlementReport:
        charges, refunds = _charges_of(self.rows), self.rows - _charges_of(self.rows)
        closing = charges * (_AMOUNT - _FEE) - refunds * _REFUNDED
        return SettlementReport(
            idempotency_key, ReportState.READY, "", {"EUR": 0}, {"EUR": closing}
        )

    async def settlement_entries(
        self,
        reference: str,  # noqa: ARG002 - as the port has it
    ) -> AsyncIterator[SettlementEntry]:
        entry = 0
        for number in range(1, _charges_of(self.rows) + 1):
            name = md5(str(number).encode(), usedforsecurity=False).hexdigest()
            entry += 1
            yield SettlementEntry(
                f"txn_{name}",
                SettlementCategory.CHARGE,
                "charge",
                _NOON,
                "EUR",
                _AMOUNT,
                _FEE,
                _AMOUNT - _FEE,
                payment_reference=f"pi_{name}",
                description="Order",
            )
            if number % (_REFUND_EVERY - 1) == 0:
                entry += 1
                yield SettlementEntry(
                    f"txn_r{name}",
                    SettlementCategory.REFUND,
                    "refund",
                    _NOON,
                    "EUR",
                    -_REFUNDED,
                    0,
                    -_REFUNDED,
                    payment_reference=f"pi_{name}",
                    refund_reference=f"re_{name}",
                    description="Refund",
                )


def _charges_of(rows: int) -> int:
    return rows * (_REFUND_EVERY - 1) // _REFUND_EVERY


def run(url: str, console: Console, sizes: tuple[int, ...] = SIZES) -> None:
    """Measure over one PostgreSQL database, which is empty, and print it."""
    upgrade(url)
    table = Table(title=f"postgresql, reconciliation (load {os.getloadavg()[0]:.1f})")
    for column in ("rows", "seconds", "rows/s", "read s", "match s", "settle s", "peak memory MiB"):
        table.add_column(column, justify="right")
    for rows in sizes:
        uvloop.run(_fill(url, f"bench_{rows}", _charges_of(rows)))
        seconds, phases, peak_mib = _measure(url, rows)
        table.add_row(
            f"{rows:,}",
            f"{seconds:.1f}",
            f"{rows / seconds:,.0f}",
            *(f"{phases.get(name, 0):.1f}" for name in ("staging", "matching", "matched")),
            f"{peak_mib:.0f}",
        )
    console.print(table)
    console.print(
        f"targets at {SIZES[-1]:,} rows: {TARGET_S:g} s, {TARGET_MIB:g} MiB, linear in the rows"
    )


async def _fill(url: str, account: str, payments: int) -> None:
    """Make captured payments, one in nine with a refund, as fast as the server can."""
    connection = await asyncpg.connect(
        sa.make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    )
    try:
        await connection.execute("TRUNCATE payments, journal, refunds CASCADE")
        for statement in _FILL.split(";"):
            await connection.execute(statement, payments, account, _NOON, timeout=600)
        # As autovacuum does on a server that runs for longer than a benchmark.
        await connection.execute("ANALYZE", timeout=600)
    finally:
        await connection.close()


def _measure(url: str, rows: int) -> tuple[float, dict[str, float], float]:
    command = [sys.executable, "-m", "benchmarks.reconciliation", url, str(rows)]
    told = subprocess.run(  # noqa: S603 - this very program
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    measured = json.loads(told.splitlines()[-1])
    return measured["seconds"], measured["phases"], measured["peak_mib"]


async def _reconcile(url: str, rows: int) -> tuple[float, dict[str, float]]:
    """Reconcile a report that agrees with the tables; seconds in all, and of each phase."""
    account = f"bench_{rows}"
    psp = _LongBooks(account)
    psp.rows = rows
    database = open_database(url)
    application = wire(
        Doors(database, FakeOffice(), {account: psp}), RoutingSource(TABLE), load_settings()
    )
    command = RunCommand(
        RequestKey("bench", "RunReconciliation", f"r-{time.monotonic_ns()}"),
        account,
        SettlementPeriod(DAY, DAY),
    )
    phases: dict[str, float] = {}
    started_s = entered_s = time.perf_counter()
    phase = ""
    ended: Reconciliation | None = None
    async for step in application.reconciliations.run(command):
        if isinstance(step, RunProgress):
            if step.state.value != phase:
                now_s = time.perf_counter()
                phases[phase] = now_s - entered_s
                phase, entered_s = step.state.value, now_s
        else:
            ended = step
    seconds = time.perf_counter() - started_s
    if ended is None or ended.state is not RunState.DONE or ended.line_count != rows:
        raise RuntimeError(f"it did not end well: {ended}")
    if ended.counts.found or shortcomings(ended):
        raise RuntimeError(f"the books do not agree: {ended}")
    await database.close()
    return seconds, phases


def _be_quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def main() -> None:
    """Reconcile one report in this process, and print what that took."""
    _be_quiet()
    url, rows = sys.argv[1], int(sys.argv[2])
    seconds, phases = uvloop.run(_reconcile(url, rows))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "phases": phases, "peak_mib": peak_kib / 1024}))


if __name__ == "__main__":
    main()
