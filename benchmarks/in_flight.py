"""A thousand CreatePayment under way at a PSP that takes a second: all answered, little memory.

What is set for it is what an operator sets who expects as many: the account's `calls_at_once`,
500 by default, holds all of them, so that none waits for its turn before it is sent. Nothing else
is set: a process takes 2,000 calls at once by default, and its 20 connections to the database
serve statements that last a millisecond or two.
"""

from __future__ import annotations

import json
import urllib.request
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import generator
from benchmarks.processes import free_port, running, serving
from benchmarks.scenarios import write_configuration
from benchmarks.stub import DELAY, MOST_AT_ONCE
from benchmarks.usage import all_peak_mib
from gateway.storage.upgrade import upgrade

TARGET_MIB: Final = 400


@dataclass(frozen=True, slots=True)
class Crowd:
    """How much is measured."""

    in_flight: int = 1_000
    waves: int = 5
    """How often as many again follow when those before are answered."""
    connections: int = 10
    delay_s: float = 1.0
    """How long the PSP takes."""


def run(url: str, folder: Path, console: Console, crowd: Crowd) -> None:
    """Measure over one database that is empty, and print it."""
    upgrade(url)
    stub_port, port = free_port(), free_port()
    config = write_configuration(folder, stub_port, calls_at_once=crowd.in_flight)
    environment = {
        "PAYGATE_CONFIG_FILE": str(config),
        "PAYGATE_DATABASE_URL": url,
        "PAYGATE_BACK_OFFICE_URL": f"sqlite+aiosqlite:///{folder}/office.db",
        "PAYGATE_LOG_LEVEL": "warning",
    }
    plan = {
        "in_flight": crowd.in_flight,
        "connections": crowd.connections,
        "waves": crowd.waves,
    }
    with ExitStack() as stack:
        stack.enter_context(running("stub", stub_port, {DELAY: str(crowd.delay_s)}))
        gateway = stack.enter_context(serving(port, environment))
        idle_mib = all_peak_mib(gateway)
        with console.status(f"{crowd.in_flight:,} CreatePayment in flight, {crowd.waves} times"):
            told = generator.run_script("in_flight.js", port, gateway, plan)
        calls = told.figures["calls"]
        console.print(
            f"{crowd.in_flight:,} CreatePayment in flight at a PSP that takes {crowd.delay_s:g} s, "
            f"{crowd.waves} times: {told.figures['good']:,} answered, "
            f"{told.figures['bad']:,} failed (target 0); "
            f"p50 {calls['p(50)']:,.0f} ms, p99 {calls['p(99)']:,.0f} ms, "
            f"{calls['count'] / told.seconds:,.0f}/s; "
            f"{_most_at_once(stub_port):,} at the PSP at once at most; "
            f"{told.called_s * 1000 / calls['count']:.2f} ms of processor time each; "
            f"peak {all_peak_mib(gateway):.0f} MiB, {idle_mib:.0f} before the first "
            f"(target {TARGET_MIB})"
        )


def _most_at_once(stub_port: int) -> int:
    with urllib.request.urlopen(f"http://127.0.0.1:{stub_port}{MOST_AT_ONCE}") as answer:
        most: int = json.load(answer)
    return most
