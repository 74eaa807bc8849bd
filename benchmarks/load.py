"""Load: so many calls in flight for so long, and what came of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from statistics import quantiles

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load came to. Times are milliseconds."""

    calls: int
    seconds: float
    p50_ms: float
    p99_ms: float

    @property
    def per_second(self) -> float:
        """Calls that ended, per second."""
        return self.calls / self.seconds


async def measure(call: Call, *, in_flight: int, warm_up_s: float, run_s: float) -> Measured:
    """Keep `in_flight` calls going; those that end inside `run_s`, after the warm-up, count.

    A call that fails ends the measurement: a benchmark of errors measures nothing.
    """
    latencies_s: list[float] = []
    begin_s = time.perf_counter() + warm_up_s
    end_s = begin_s + run_s

    async def caller() -> None:
        while (started_s := time.perf_counter()) < end_s:
            await call()
            ended_s = time.perf_counter()
            if begin_s <= ended_s < end_s:
                latencies_s.append(ended_s - started_s)

    async with asyncio.TaskGroup() as group:
        for _ in range(in_flight):
            group.create_task(caller())
    cuts = quantiles(latencies_s, n=100)
    return Measured(len(latencies_s), run_s, cuts[49] * 1000, cuts[98] * 1000)
