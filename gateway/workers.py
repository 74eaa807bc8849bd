"""Workers: loops that do what is due, sleep until there is more, and survive a bad round."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog

from gateway.signals import Wake
from gateway.steps import StepObserver
from gateway.storage.writes import StorageUnavailableError

_log = structlog.get_logger(__name__)
_PAUSE_AFTER_FAULT_S: Final = 1.0


class UnderWay(Protocol):
    """What a job began: lanes, or a consumer with all that it took."""

    observe: StepObserver
    """Told of each step that ended."""

    async def join(self) -> None:
        """Wait until nothing is under way."""

    async def stop(self) -> None:
        """Cancel what is under way and wait."""


@dataclass(frozen=True, slots=True)
class Job:
    """What one worker does."""

    name: str
    run_once: Callable[[], Awaitable[int]]
    """Begins what is due and returns how much that was."""
    wake: Wake
    """Rings when there is more."""
    lanes: UnderWay
    """Where what it began is under way."""
    gathers_s: float = 0.0
    """Between two rounds that had something to do, so that the second has more to do at once."""


async def work(job: Job, look_every_s: float, failed: Callable[[str], None]) -> None:
    """Do a job for ever, until canceled; looks so often without a hint, and tells what fails."""
    while True:
        try:
            done = await job.run_once()
        except StorageUnavailableError as error:
            _log.warning("storage_unavailable", job=job.name, error=str(error))
            failed(job.name)
            await asyncio.sleep(_PAUSE_AFTER_FAULT_S)
            continue
        except Exception:  # noqa: BLE001 - see the comment
            # The outermost edge of a worker: it must live on, and the log tells why it stumbled.
            _log.exception("worker_round_failed", job=job.name)
            failed(job.name)
            await asyncio.sleep(_PAUSE_AFTER_FAULT_S)
            continue
        if not done:
            await job.wake.wait(look_every_s)
        elif job.gathers_s:
            await asyncio.sleep(job.gathers_s)


def _tell_nobody(_job: str) -> None:
    """Tell nobody."""


class Workers:
    """All workers of a process."""

    def __init__(
        self, jobs: Sequence[Job], look_every_s: float, failed: Callable[[str], None] = _tell_nobody
    ) -> None:
        self.jobs = jobs
        self._look_every_s = look_every_s
        self._failed = failed
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start every job in a task of its own."""
        self._tasks = [
            asyncio.create_task(work(job, self._look_every_s, self._failed), name=job.name)
            for job in self.jobs
        ]

    async def stop(self) -> None:
        """Cancel them and wait: whatever they were at is in the database and is taken on again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        await asyncio.gather(*(job.lanes.stop() for job in self.jobs))

    async def round(self) -> bool:
        """Do what is due once, without the loops; whether there was anything."""
        try:
            begun = [await job.run_once() for job in self.jobs]
        finally:
            for job in self.jobs:
                await job.lanes.join()
        return any(begun)
