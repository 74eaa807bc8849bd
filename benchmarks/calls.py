"""Calls of a running gateway by k6, beside a bare echo and beside the SDK's direct calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import generator
from benchmarks.load import Measured, measure
from benchmarks.processes import free_port, running, serving
from benchmarks.scenarios import (
    SHOPPER,
    create_payments,
    introduce_shopper,
    sdk_call,
    write_shop,
)
from gateway.storage.upgrade import upgrade

ECHO: Final = "bare echo"
SDK: Final = "SDK at the stub"
READ: Final = "GetPayment"
PROPOSE: Final = "proposal, sources at hand"
PROPOSE_FROM_AFAR: Final = "proposal, sources afar"
CREATE: Final = "CreatePayment"
CREATE_BY_TWO: Final = "CreatePayment, --workers 2"
_PAYMENTS: Final = 500
_COLUMNS: Final = (
    "what",
    "calls/s",
    "p50 ms",
    "p99 ms",
    "cpu ms",  # of the measured process, with those it started, for one call
    "k6 cpu ms",
    "peak MiB",
    "calls/s, of",
    "by cpu",  # how much less of it the peer's call takes
    "target",
)


@dataclass(frozen=True, slots=True)
class Beside:
    """What a call is compared with."""

    peer: str
    target: float = 0.0
    """Of the peer's calls per second, on two cores with PostgreSQL; 0: none was set."""


BESIDE: Final[Mapping[str, Beside]] = {
    READ: Beside(ECHO, 0.35),
    PROPOSE: Beside(ECHO, 0.2),
    PROPOSE_FROM_AFAR: Beside(ECHO),
    CREATE: Beside(SDK, 0.26),
    CREATE_BY_TWO: Beside(CREATE, 1.0),
}


@dataclass(frozen=True, slots=True)
class Amount:
    """How much is measured."""

    seconds: float
    in_flight: int
    rounds: int
    warm_up_s: float = 1.0


def run(url: str, office_url: str, folder: Path, amount: Amount, console: Console) -> None:
    """Measure everything over one database that is empty, and print it."""
    upgrade(url)
    uvloop.run(introduce_shopper(url, office_url))
    rounds: list[dict[str, Measured]] = []
    with _measurements(url, office_url, folder, amount) as measurements:
        for number in range(1, amount.rounds + 1):
            measured: dict[str, Measured] = {}
            for name, take in measurements.items():
                with console.status(f"round {number} of {amount.rounds}: {name}"):
                    measured[name] = take()
            rounds.append(measured)
    _print(url.partition("+")[0], rounds, amount, console)


@contextmanager
def _measurements(
    url: str, office_url: str, folder: Path, amount: Amount
) -> Iterator[Mapping[str, Callable[[], Measured]]]:
    """Start all processes; gives what measures each, with both cores to itself."""
    stub_port, echo_port, port, ports, source_port = (free_port() for _ in range(5))
    environment = {
        "PAYGATE_CONFIG_FILE": str(write_shop(folder, stub_port)),
        "PAYGATE_DATABASE_URL": url,
        "PAYGATE_BACK_OFFICE_URL": office_url,
        "PAYGATE_LOG_LEVEL": "warning",
        "PAYGATE_WORKER_POLL_INTERVAL_S": "5",
        # A machine that is busy otherwise must not look like a source that is silent.
        "PAYGATE_ALIAS_PSP_TIMEOUT_S": "30",
        "PAYGATE_ALIAS_BACK_OFFICE_TIMEOUT_S": "30",
    }
    with ExitStack() as stack:
        enter = stack.enter_context
        enter(running("stub", stub_port))
        echo = enter(running("echo", echo_port))
        one = enter(serving(port, environment))
        own = enter(running("proposing", source_port, environment))
        payment_ids = uvloop.run(create_payments(port, _PAYMENTS))
        by_k6 = partial(
            generator.steady,
            in_flight=amount.in_flight,
            warm_up_s=amount.warm_up_s,
            run_s=amount.seconds,
        )
        propose = partial(by_k6, "GetPaymentProposal", customer_id=SHOPPER.customer_id)
        measurements: dict[str, Callable[[], Measured]] = {
            ECHO: partial(by_k6, "echo", echo_port, echo),
            READ: partial(by_k6, "GetPayment", port, one, payment_ids=payment_ids),
            PROPOSE: partial(propose, source_port, own),
            PROPOSE_FROM_AFAR: partial(propose, port, one),
            SDK: lambda: uvloop.run(_by_sdk(stub_port, amount)),
            CREATE: partial(by_k6, "CreatePayment", port, one),
        }
        if not url.startswith("sqlite"):  # which has one writer, and belongs to one process
            two = enter(serving(ports, environment, workers=2))
            measurements[CREATE_BY_TWO] = partial(by_k6, "CreatePayment", ports, two)
        yield measurements


async def _by_sdk(stub_port: int, amount: Amount) -> Measured:
    """Measure the SDK in this process: it is Python that is measured here."""
    async with sdk_call(stub_port) as call:
        return await measure(
            call,
            os.getpid(),
            in_flight=amount.in_flight,
            warm_up_s=amount.warm_up_s,
            run_s=amount.seconds,
        )


def _print(
    database: str, rounds: Sequence[Mapping[str, Measured]], amount: Amount, console: Console
) -> None:
    """Print medians over the rounds; a ratio is that of figures of one round."""
    table = Table(
        title=f"{database}, {amount.in_flight} calls in flight, medians of {len(rounds)} rounds of "
        f"{amount.seconds:g} s"
    )
    for column in _COLUMNS:
        table.add_column(column, justify="left" if column == "what" else "right")
    for name in rounds[0]:
        taken = [measured[name] for measured in rounds]
        table.add_row(name, *_figures(taken), *_ratios(name, rounds))
    console.print(table)


def _figures(taken: Sequence[Measured]) -> list[str]:
    return [
        f"{median(each.per_second for each in taken):,.0f}",
        f"{median(each.p50_ms for each in taken):.2f}",
        f"{median(each.p99_ms for each in taken):.2f}",
        f"{median(each.cpu_ms for each in taken):.2f}",
        _or_nothing(median(each.generator_ms for each in taken), ".2f"),
        _or_nothing(max(each.peak_mib for each in taken), ".0f"),
    ]


def _ratios(name: str, rounds: Sequence[Mapping[str, Measured]]) -> list[str]:
    beside = BESIDE.get(name)
    if beside is None:
        return ["", "", ""]
    pairs = [(measured[name], measured[beside.peer]) for measured in rounds]
    rate = median(each.per_second / peer.per_second for each, peer in pairs)
    cost = median(peer.cpu_ms / each.cpu_ms for each, peer in pairs)
    target = f"{beside.target:.2f}" if beside.target else ""
    return [f"{rate:.2f} of {beside.peer}", f"{cost:.2f}", target]


def _or_nothing(figure: float, form: str) -> str:
    return format(figure, form) if figure else ""
