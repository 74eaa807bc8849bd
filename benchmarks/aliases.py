"""Aliases: a proposal beside the slower of its sources, and imports of card mapping files.

`python -m benchmarks.aliases DATABASE BACK-OFFICE LINES` imports in a process of its own: its peak
memory is told by the system, and must not hold what was prepared before.
"""

from __future__ import annotations

import asyncio
import json
import logging
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from statistics import median
from typing import Final

import grpc
import structlog
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks.processes import ROOT
from gateway.aliases.import_lines import HEADER
from gateway.aliases.import_values import ImportOptions
from gateway.aliases.service import AliasDoors, Aliases
from gateway.api.server import build_grpc_edge
from gateway.bootstrap import Doors, wire
from gateway.clock import system_clock
from gateway.customers.service import Customers
from gateway.domain.requests import RequestKey
from gateway.metrics import Metrics
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.shield import Shield
from gateway.storage.aliases import insert_customers
from gateway.storage.database import open_database
from gateway.storage.upgrade import upgrade
from legacy_bridge.port import LegacyAlias
from legacy_bridge.sql import SqlBackOffice
from paygate.v1.money_pb2 import Money
from paygate.v1.proposal_service_pb2 import GetPaymentProposalRequest
from paygate.v1.proposal_service_pb2_grpc import ProposalServiceStub
from psp.port import Capability, PspAlias
from tests.support.fake_office import FakeOffice
from tests.support.fake_psp import FakePsp
from tests.support.shop import CARDS, OLD, PLAIN, SHOPPER, TABLE, WALLETS

PSP_S: Final = 0.040
OFFICE_S: Final = 0.020
"""How long the sources of the measured proposal take."""
TARGET_MS: Final = 5.0
FILES: Final = (1_000, 100_000)
_CALLS: Final = 200
_PIECE_LINES: Final = 500


class _SlowPsp(FakePsp):
    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        await asyncio.sleep(PSP_S)
        self.calls.clear()
        return await super().list_aliases(psp_customer)


class _SlowOffice(FakeOffice):
    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        await asyncio.sleep(OFFICE_S)
        self.calls.clear()
        return await super().list_aliases(customer_id)


def run(database: str, url: str, folder: Path, console: Console) -> None:
    """Measure everything over one database, which is migrated and empty, and print it."""
    _be_quiet()
    upgrade(url)
    alone_ms, proposal_ms = uvloop.run(_measure_proposal(url))
    console.print(
        f"{database}, GetPaymentProposal with two sources of aliases: {proposal_ms:.2f} ms, "
        f"{proposal_ms - alone_ms:.2f} ms above the slower source alone ({alone_ms:.2f} ms); "
        f"target: at most {TARGET_MS:g} ms above"
    )
    table = Table(title=f"{database}, import of a mapping file")
    for column in ("lines", "lines/s", "peak memory MiB"):
        table.add_column(column, justify="right")
    for lines in FILES:
        seconds, peak_mib = _measure_import(url, folder, lines)
        table.add_row(f"{lines:,}", f"{lines / seconds:,.0f}", f"{peak_mib:.1f}")
    console.print(table)


async def _measure_proposal(url: str) -> tuple[float, float]:
    """Return the medians of the slower source alone and of a proposal over gRPC, in ms."""
    without = frozenset(Capability) - {Capability.CUSTOMERS, Capability.ALIASES}
    psps = {name: _SlowPsp(name) for name in (CARDS, WALLETS, PLAIN, OLD)}
    psps[PLAIN].capabilities = without
    psps[CARDS].customers["cus_1"] = SHOPPER
    psps[CARDS].add_alias("cus_1", "pm_1")
    office = _SlowOffice()
    office.add("A-1")
    database = open_database(url)
    await database.commit([insert_customers(CARDS, [(SHOPPER.customer_id, "cus_1")])])
    application = wire(Doors(database, office, psps), RoutingSource(TABLE), load_settings())
    edge = build_grpc_edge(application, load_settings(), Metrics())
    port = await edge.start("127.0.0.1", 0)
    request = GetPaymentProposalRequest(
        country_code="FR",
        customer_id=SHOPPER.customer_id,
        amount=Money(amount_minor=1999, currency_code="EUR"),
    )
    alone, proposed = [], []
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = ProposalServiceStub(channel)
        for _ in range(_CALLS):
            started_s = time.perf_counter()
            await psps[CARDS].list_aliases("cus_1")
            alone.append(time.perf_counter() - started_s)
            started_s = time.perf_counter()
            answer = await stub.GetPaymentProposal(request)
            proposed.append(time.perf_counter() - started_s)
            if len(answer.aliases) != 2:  # noqa: PLR2004 - one of each source
                raise RuntimeError(f"a proposal lacks aliases: {answer}")
    await edge.stop(0)
    await database.close()
    return median(alone) * 1000, median(proposed) * 1000


def _measure_import(url: str, folder: Path, lines: int) -> tuple[float, float]:
    office_url = f"sqlite+aiosqlite:///{folder}/office-aliases-{time.monotonic_ns()}.db"
    uvloop.run(_fill_office(office_url, lines))
    command = [sys.executable, "-m", "benchmarks.aliases", url, office_url, str(lines)]
    told = subprocess.run(  # noqa: S603 - this very program
        command, cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout
    measured = json.loads(told.splitlines()[-1])
    return measured["seconds"], measured["peak_mib"]


async def _fill_office(url: str, lines: int) -> None:
    office = SqlBackOffice.open(url, timeout_s=600)
    await office.create_schema()
    await office.load_aliases(
        LegacyAlias(f"A{lines}-{n}", f"s{lines}-{n}", PLAIN, "visa", "1111", 12, 2030, "card")
        for n in range(lines)
    )
    await office.close()


def _pieces(lines: int) -> Iterator[bytes]:
    yield (",".join(HEADER) + "\n").encode()
    for begin in range(0, lines, _PIECE_LINES):
        numbers = range(begin, min(begin + _PIECE_LINES, lines))
        rows = (
            f"s{lines}-{n},cus_{lines}_{n},A{lines}-{n},pm_{lines}_{n},fp{n},1111,12,2030,visa\n"
            for n in numbers
        )
        yield "".join(rows).encode()


async def _import(url: str, office_url: str, lines: int) -> float:
    """Import a file whose lines are all good; how long it took, in seconds."""

    async def pieces() -> AsyncIterator[bytes]:
        for piece in _pieces(lines):
            yield piece

    database, office = open_database(url), SqlBackOffice.open(office_url)
    psps = {name: FakePsp(name) for name in (CARDS, WALLETS, PLAIN, OLD)}
    routing, shield = RoutingSource(TABLE), Shield()
    customers = Customers(database, psps, routing, shield, system_clock)
    doors = AliasDoors(database, psps, office, customers, routing, shield, system_clock)
    options = ImportOptions(RequestKey("bench", "ImportAliases", f"r-{lines}"), CARDS)
    started_s = time.perf_counter()
    summary = await Aliases(doors, lease=timedelta(seconds=90)).import_file(options, pieces())
    seconds = time.perf_counter() - started_s
    if summary.moved != lines:
        raise RuntimeError(f"not every line was moved: {summary}")
    await office.close()
    await database.close()
    return seconds


def _be_quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def main() -> None:
    """Import one file in this process, and print what that took."""
    _be_quiet()
    url, office_url, lines = sys.argv[1], sys.argv[2], int(sys.argv[3])
    seconds = uvloop.run(_import(url, office_url, lines))
    peak_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds, "peak_mib": peak_kib / 1024}))


if __name__ == "__main__":
    main()
