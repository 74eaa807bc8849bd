"""`make bench`: measures Paygate beside bare peers on this machine, and prints ratios."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from rich.console import Console

from benchmarks import aliases, calls, events, in_flight, reconciliation, refund_files
from benchmarks.routing import TARGET_PER_SECOND, measure_routing
from tests.support.databases import PostgresqlDatabases
from tests.support.postgresql import postgresql_server

_DATABASES: Final = ("sqlite", "postgresql")


@dataclass(frozen=True, slots=True)
class Bench:
    """What every part is given."""

    folder: Path
    console: Console
    databases: Sequence[str]
    amount: calls.Amount


def main() -> int:
    """Measure and print; the exit code is 0 whatever the figures are."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="paygate-bench-") as folder:
        bench = Bench(
            Path(folder),
            Console(width=max(Console().width, 140)),  # a table cut short says nothing
            options.databases,
            calls.Amount(options.seconds, options.in_flight, options.rounds),
        )
        for number, name in enumerate(options.only, start=1):
            load = os.getloadavg()[0]
            bench.console.rule(f"{number} of {len(options.only)}: {name} (load {load:.1f})")
            PARTS[name](bench)
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument(
        "--only",
        type=_some_of(tuple(PARTS)),
        default=tuple(PARTS),
        help=f"parts to measure, some of {','.join(PARTS)}",
    )
    parser.add_argument(
        "--databases",
        type=_some_of(_DATABASES),
        default=_DATABASES,
        help="which databases to measure calls and aliases with, some of sqlite,postgresql",
    )
    parser.add_argument("--seconds", type=float, default=4.0, help="length of each measured load")
    parser.add_argument("--rounds", type=int, default=3, help="how often calls are measured")
    parser.add_argument("--in-flight", type=int, default=32, help="calls at the same time")
    return parser.parse_args()


def _some_of(known: Sequence[str]) -> Callable[[str], Sequence[str]]:
    def chosen(text: str) -> Sequence[str]:
        names = text.split(",")
        unknown = [name for name in names if name not in known]
        if unknown:
            raise argparse.ArgumentTypeError(f"no {', '.join(unknown)}: give {','.join(known)}")
        return names

    return chosen


def _routing(bench: Bench) -> None:
    decisions, explanations = measure_routing()
    bench.console.print(
        f"routing on one core: {decisions:,.0f} decisions/s (target {TARGET_PER_SECOND:,}), "
        f"{explanations:,.0f} explanations/s"
    )


def _calls(bench: Bench) -> None:
    for database in bench.databases:
        with _two_databases(database, bench.folder / f"calls-{database}") as (url, office_url):
            calls.run(url, office_url, bench.folder, bench.amount, bench.console)


def _in_flight(bench: Bench) -> None:
    with _two_databases("postgresql", bench.folder) as (url, _):
        in_flight.run(url, bench.folder, bench.console, in_flight.Crowd())


def _aliases(bench: Bench) -> None:
    for database in bench.databases:
        with _two_databases(database, bench.folder / f"aliases-{database}") as (url, _):
            aliases.run(database, url, bench.folder, bench.console)


def _reconciliation(bench: Bench) -> None:
    with _two_databases("postgresql", bench.folder) as (url, _):
        reconciliation.run(url, bench.console)


def _refund_files(bench: Bench) -> None:
    with _two_databases("postgresql", bench.folder) as (url, _):
        refund_files.run("postgresql", url, bench.console)


def _events(bench: Bench) -> None:
    events.run(bench.folder, bench.console, events.Sizes())


PARTS: Final[Mapping[str, Callable[[Bench], None]]] = {
    "routing": _routing,
    "calls": _calls,
    "in-flight": _in_flight,
    "aliases": _aliases,
    "reconciliation": _reconciliation,
    "refund-files": _refund_files,
    "events": _events,
}
"""By the name that `--only` takes, in the order in which they are measured."""


@contextmanager
def _two_databases(database: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Give fresh ones for the gateway and the back office; PostgreSQL with fsync, as in earnest."""
    if database == "sqlite":
        folder.mkdir()
        kind = "sqlite+aiosqlite:///"
        yield f"{kind}{folder}/paygate.db", f"{kind}{folder}/back_office.db"
        return
    with postgresql_server(fsync=True) as server:
        databases = PostgresqlDatabases(server)
        yield databases.fresh(folder, migrated=False), databases.fresh(folder, migrated=False)


if __name__ == "__main__":
    raise SystemExit(main())
