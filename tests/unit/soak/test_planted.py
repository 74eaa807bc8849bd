"""What is planted leaks, so that a soak that finds nothing is worth something."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

from scripts.soak.judging import RULES
from scripts.soak.planted import LEAKS, leaking

_CALLS = 500


def test_every_figure_has_a_plant() -> None:
    """None is believed to be watched without having been seen to fail."""
    assert set(LEAKS) == {figure.removesuffix("_kib") for figure in RULES}


async def test_calls_are_counted_as_before_and_something_stays() -> None:
    """Each so many-th call leaves one behind."""
    counted: list[tuple[object, ...]] = []
    before = {"tasks": len(asyncio.all_tasks()), "handles": _handles(), "threads": _threads()}
    for kind in before:
        observe = leaking(lambda *call: counted.append(call), kind)
        for _ in range(_CALLS):
            observe("method", "OK", 0.1)

    after = {"tasks": len(asyncio.all_tasks()), "handles": _handles(), "threads": _threads()}
    assert len(counted) == _CALLS * len(before)
    assert {kind: after[kind] - before[kind] for kind in before} == {
        kind: _CALLS // LEAKS[kind][1] for kind in before
    }


def _handles() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _threads() -> int:
    return threading.active_count()
