"""`python -m tests.simulation`: run many seeds, replay one, or see which seed catches a bug."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import ExitStack
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tests.simulation.planted import BUGS, planted
from tests.simulation.run import DEFAULT_ORDERS, Result, run_seed

_TOLD_EVERY: Final = 50
"""Seeds between two words about how far it is, where there is no bar."""


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--seeds", type=int, default=20, help="how many (default: 20)")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first (default: 1)")
    parser.add_argument(
        "--orders", type=int, default=DEFAULT_ORDERS, help=f"a run (default: {DEFAULT_ORDERS})"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side (default: 1)")
    parser.add_argument("--order", default="", help="tell the story of this order, e.g. order-0007")
    parser.add_argument(
        "--planted", default="", metavar="NAME", help="plant a bug, or `all` one by one"
    )
    return parser.parse_args()


def simulate(seed: int, orders: int, bug: str = "", order: str = "") -> Result:
    """Run one seed in a process of its own, with a planted bug or without."""
    with planted(bug):
        return run_seed(seed, orders, order)


def main() -> int:
    """Run what was asked for; 1 if an invariant is broken, or a planted bug is not caught."""
    given = _arguments()
    if given.planted:
        names = list(BUGS) if given.planted == "all" else [given.planted]
        unknown = [name for name in names if name not in BUGS]
        if unknown:
            sys.stderr.write(f"no bug is named {unknown[0]}: {', '.join(BUGS)}\n")
            return 2
        return max(_hunt(name, given) for name in names)
    failed = 0
    for done, result in enumerate(_results(given), start=1):
        failed += bool(result.problems)
        if result.problems or given.order:
            _say(report(result))
        if done % _TOLD_EVERY == 0 and not sys.stderr.isatty():
            _say(f"{done} of {given.seeds} seeds, {failed} failed so far")
    _say(f"{given.seeds} seeds, {given.seeds * given.orders} orders, {failed} seeds failed")
    return 1 if failed else 0


def _hunt(name: str, given: argparse.Namespace) -> int:
    """Run seeds until one catches the bug."""
    for number, seed in enumerate(range(given.first, given.first + given.seeds), start=1):
        result = simulate(seed, given.orders, name)
        if result.problems:
            order, what = result.problems[0]
            _say(f"{name}: caught by seed {seed}, the {number}. one: {order} {what}")
            return 0
    _say(f"{name}: NOT caught by {given.seeds} seeds from {given.first} on")
    return 1


def _results(given: argparse.Namespace) -> Iterator[Result]:
    """Run the seeds, several at once if asked to, with a bar on terminals."""
    console = Console(stderr=True)
    seeds = range(given.first, given.first + given.seeds)
    with ExitStack() as stack:
        bar = stack.enter_context(
            Progress(
                TextColumn("simulating"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeRemainingColumn(),
                console=console,
                disable=not console.is_terminal,
            )
        )
        task = bar.add_task("seeds", total=len(seeds))
        if given.jobs == 1:
            for seed in seeds:
                yield simulate(seed, given.orders, order=given.order)
                bar.advance(task)
            return
        pool = stack.enter_context(ProcessPoolExecutor(given.jobs))
        futures = [pool.submit(simulate, seed, given.orders, "", given.order) for seed in seeds]
        for future in as_completed(futures):
            yield future.result()
            bar.advance(task)


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def report(result: Result) -> str:
    """Say what went wrong in a run, what happened to the order, and how to see it again."""
    replay = f"python -m tests.simulation --from {result.seed} --seeds 1 --orders {result.orders}"
    lines = [f"seed {result.seed} ({result.chaos})"]
    lines += [f"  {order or 'the run'}: {what}" for order, what in result.problems]
    lines += [f"replay: {replay}", *(f"  {line}" for line in result.story)]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
