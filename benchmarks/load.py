"""Load from this process: so many calls in flight for so long, and what came of it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import quantiles

Call = Callable[[], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Measured:
    """What a load came to. Times are milliseconds."""

    calls: int
    seconds: float
    p50_ms: float
    p99_ms: float
    cpu_ms: float
    """Processor time of the measured process for one call."""
    peak_mib: float = 0.0
    """The most memory that it has had since it started; 0: not measured."""
    generator_ms: float = 0.0
    """Processor time of the load generator for one call; 0: it is the measured process."""

    @property
    def per_second(self) -> float:
        """Calls that ended, per second."""
        return self.calls / self.seconds


async def measure(
    call: Call, process_id: int, *, in_flight: int, warm_up_s: float, run_s: float
) -> Measured:
    """Keep `in_flight` calls going; those that end inside `run_s`, after the warm-up, count.

    `process_id` is the process whose processor time is told. A call that fails ends the
    measurement: a benchmark of errors measures nothing.
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

    async def processor() -> float:
        await asyncio.sleep(warm_up_s)
        before_s = processor_s(process_id)
        await asyncio.sleep(end_s - time.perf_counter())
        return processor_s(process_id) - before_s

    async with asyncio.TaskGroup() as group:
        used = group.create_task(processor())
        for _ in range(in_flight):
            group.create_task(caller())
    cuts = quantiles(latencies_s, n=100)
    calls = len(latencies_s)
    return Measured(calls, run_s, cuts[49] * 1000, cuts[98] * 1000, used.result() * 1000 / calls)


def processor_s(process_id: int) -> float:
    """Return the processor time that a process has used, in seconds (proc(5), stat)."""
    after_name = Path(f"/proc/{process_id}/stat").read_text().rpartition(")")[2].split()
    return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")
