"""`make bench`: measures Paygate beside bare peers on this machine, and prints ratios."""

from __future__ import annotations

import argparse
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import grpc
import uvloop
from rich.console import Console
from rich.table import Table

from benchmarks import aliases, events, reconciliation, refund_files
from benchmarks.load import Call, Measured, measure
from benchmarks.processes import free_port, running
from benchmarks.routing import TARGET_PER_SECOND, measure_routing
from benchmarks.scenarios import (
    creation_call,
    echo_call,
    reading_call,
    sdk_call,
    write_configuration,
)
from gateway.storage.upgrade import upgrade
from tests.support.databases import PostgresqlDatabases
from tests.support.postgresql import postgresql_server

console = Console()
TARGETS = {"GetPayment": 0.25, "CreatePayment": 0.18}
"""Of the echo, and of the SDK's direct calls: the first targets, on two cores with PostgreSQL."""


def main() -> int:
    """Measure and print; the exit code is 0 whatever the figures are."""
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--seconds", type=float, default=6.0, help="length of each measurement")
    parser.add_argument("--in-flight", type=int, default=32, help="calls at the same time")
    parser.add_argument(
        "--databases", default="sqlite,postgresql", help="which databases to measure"
    )
    options = parser.parse_args()
    print_routing()
    folder = Path(tempfile.mkdtemp(prefix="paygate-bench-"))
    try:
        for database in options.databases.split(","):
            run_on(database, folder, options.seconds, options.in_flight)
            with database_url(database, folder / "aliases") as url:
                aliases.run(database, url, folder, console)
        if "postgresql" in options.databases.split(","):
            with database_url("postgresql", folder) as url:
                reconciliation.run(url, console)
            with database_url("postgresql", folder) as url:
                refund_files.run("postgresql", url, console)
            events.run(folder, console, events.Sizes())
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return 0


def run_on(database: str, folder: Path, seconds: float, in_flight: int) -> None:
    """Measure everything with one database, side by side in one run."""
    stub_port, echo_port, gateway_port = free_port(), free_port(), free_port()
    config = write_configuration(folder, stub_port)
    with database_url(database, folder) as url:
        upgrade(url)
        environment = {
            "PAYGATE_CONFIG_FILE": str(config),
            "PAYGATE_DATABASE_URL": url,
            "PAYGATE_BACK_OFFICE_URL": f"sqlite+aiosqlite:///{folder}/office-{database}.db",
            "PAYGATE_HTTP_PORT": "0",
            "PAYGATE_LOG_LEVEL": "warning",
            "PAYGATE_WORKER_POLL_INTERVAL_S": "5",
        }
        with (
            running("stub", stub_port),
            running("echo", echo_port) as echo_id,
            running("gateway", gateway_port, environment) as gateway_id,
        ):
            ids = {"echo": echo_id, "gateway": gateway_id, "SDK": os.getpid()}
            measured = uvloop.run(
                measure_all(stub_port, echo_port, gateway_port, ids, seconds, in_flight)
            )
    print_table(database, measured, in_flight)


@contextmanager
def database_url(database: str, folder: Path) -> Iterator[str]:
    """Give a fresh database; PostgreSQL with fsync on, as in production."""
    if database == "sqlite":
        yield f"sqlite+aiosqlite:///{folder}/paygate.db"
        return
    with postgresql_server(fsync=True) as server:
        yield PostgresqlDatabases(server).fresh(folder, migrated=False)


async def measure_all(
    stub_port: int,
    echo_port: int,
    gateway_port: int,
    ids: Mapping[str, int],
    seconds: float,
    in_flight: int,
) -> dict[str, Measured]:
    """Measure one thing after the other, each with both cores to itself."""
    created: list[str] = []

    async def one(name: str, call: Call) -> Measured:
        process_id = ids.get(name, ids["gateway"])
        with console.status(f"{name}: {seconds:g} s with {in_flight} in flight"):
            return await measure(
                call, process_id, in_flight=in_flight, warm_up_s=1.0, run_s=seconds
            )

    async with (
        grpc.aio.insecure_channel(f"127.0.0.1:{echo_port}") as echo_channel,
        grpc.aio.insecure_channel(f"127.0.0.1:{gateway_port}") as channel,
        sdk_call(stub_port) as create_by_sdk,
    ):
        return {
            "echo": await one("echo", echo_call(echo_channel)),
            "SDK": await one("SDK", create_by_sdk),
            "CreatePayment": await one("CreatePayment", creation_call(channel, created.append)),
            "GetPayment": await one("GetPayment", reading_call(channel, created[-1000:])),
        }


def print_routing() -> None:
    """Measure routing, which asks nobody, and print its figures."""
    decisions, explanations = measure_routing()
    console.print(
        f"routing on one core: {decisions:,.0f} decisions/s (target {TARGET_PER_SECOND:,}), "
        f"{explanations:,.0f} explanations/s"
    )


def print_table(database: str, measured: dict[str, Measured], in_flight: int) -> None:
    """Print figures and ratios."""
    beside = {"GetPayment": "echo", "CreatePayment": "SDK"}
    table = Table(title=f"{database}, {in_flight} calls in flight")
    for column in ("what", "calls/s", "p50 ms", "p99 ms", "cpu ms", "ratio", "target"):
        table.add_column(column, justify="left" if column == "what" else "right")
    for name, figures in measured.items():
        peer = beside.get(name)
        ratio = f"{figures.per_second / measured[peer].per_second:.2f} of {peer}" if peer else ""
        table.add_row(
            name,
            f"{figures.per_second:,.0f}",
            f"{figures.p50_ms:.2f}",
            f"{figures.p99_ms:.2f}",
            f"{figures.cpu_ms:.2f}",
            ratio,
            f"{TARGETS[name]:.2f}" if name in TARGETS else "",
        )
    console.print(table)


if __name__ == "__main__":
    raise SystemExit(main())
