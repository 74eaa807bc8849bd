"""`make kills`: plays the test that kills every process, many times in a row."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

ROOT = Path(__file__).resolve().parent.parent
TEST = "tests/e2e/test_processes.py"
SHOWN_LINES = 200


def main() -> int:
    """Run it so often; 0 if every run passed, 1 at the first that does not."""
    parser = argparse.ArgumentParser(prog="make kills", description=__doc__)
    parser.add_argument("--runs", type=int, default=10, help="how often (10)")
    runs = parser.parse_args().runs
    console = Console()
    columns = (TextColumn("kills"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task("", total=runs)
        for run in range(1, runs + 1):
            started_s = time.monotonic()
            failure = play()
            took = f"{time.monotonic() - started_s:.0f} s"
            if failure:
                console.print(failure, markup=False, highlight=False)
                console.print(f"run {run} of {runs} failed after {took}")
                return 1
            console.print(f"run {run} of {runs} passed in {took}")
            progress.advance(bar)
    console.print(f"{runs} of {runs} runs passed")
    return 0


def play() -> str:
    """Run the test once, in a process of its own; empty if it passed, else its last words."""
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TEST],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode == 0:
        return ""
    return "\n".join((done.stdout + done.stderr).splitlines()[-SHOWN_LINES:])


if __name__ == "__main__":
    sys.exit(main())
