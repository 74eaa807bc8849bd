"""A few seeds of the simulation in every run of the tests; `make simulate` runs many."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.simulation.__main__ import report, simulate
from tests.simulation.planted import BUGS
from tests.simulation.run import run_seed

_ORDERS = 30
_SEEDS = range(1, 9)
_FIRST_CAUGHT_BY = {
    "release-on-return": 2,
    "sweep-without-cancel": 2,
    "unknown-is-failed": 7,
    "ignore-reviews": 2,
    "refund-under-new-key": 2,
    "drop-deliveries": 2,
    "refund-missed": 3,
    "drop-postings": 2,
}
"""Where the hunt begins: the first seed in vain costs as much as the one that catches."""
_HUNTED_FOR = 40
_ROOT = Path(__file__).resolve().parents[2]
_PATHS = f"{_ROOT}:{_ROOT}/generated"


@pytest.mark.parametrize("seed", _SEEDS)
def test_no_money_and_no_order_is_lost(seed: int) -> None:
    """Whatever goes wrong, every paid order ends released, or canceled and refunded."""
    result = run_seed(seed, _ORDERS)
    if result.problems:
        pytest.fail(report(result), pytrace=False)


def test_a_seed_replays_exactly() -> None:
    """The same seed is the same run, in another process whose hashes differ too."""
    program = "from tests.simulation.run import run_seed; print(run_seed(5, 10).digest)"
    elsewhere = subprocess.run(  # noqa: S603 - this very interpreter and a program of ours
        [sys.executable, "-c", program],
        cwd=_ROOT,
        env={**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": _PATHS},
        capture_output=True,
        check=True,
        text=True,
    ).stdout
    assert run_seed(5, 10).digest == elsewhere.strip()


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_caught(bug: str) -> None:
    """The simulation notices: one that could not fail would prove nothing."""
    first = _FIRST_CAUGHT_BY.get(bug, 1)
    seeds = range(first, first + _HUNTED_FOR)
    assert any(simulate(seed, _ORDERS, bug).problems for seed in seeds)
