"""Lanes: many things done side by side, one thing at a time for each key."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any, Final

import structlog

from gateway.leases import unbroken
from gateway.signals import Wake
from gateway.steps import StepObserver, ignore_step, job_step
from gateway.storage.writes import StorageUnavailableError

_log = structlog.get_logger(__name__)
_PAUSE_AFTER_FAULT_S: Final = 1.0


class Lanes:
    """One lane a key, and so many at once for each road; `done` rings when a lane is free again.

    A road is a PSP account: one that hangs fills its own road and holds up nobody else's. What a
    lane does is a step of the job: one log line, one span, one measurement by `observe`.
    """

    def __init__(self, name: str, at_once: int, done: Wake) -> None:
        self._name = name
        self._at_once = at_once
        self._done = done
        self._lanes: dict[str, asyncio.Task[None]] = {}
        self._on_road: Counter[str] = Counter()
        self.observe: StepObserver = ignore_step

    def has_room(self, road: str) -> bool:
        """Whether another lane of this road may be started."""
        return self.room(road) > 0

    def room(self, road: str) -> int:
        """How many more lanes of this road may be started."""
        return self._at_once - self._on_road[road]

    def taken(self) -> tuple[str, ...]:
        """Return the keys whose lanes are taken, whatever their roads."""
        return tuple(self._lanes)

    def start(
        self, road: str, key: str, work: Callable[[], Awaitable[object]], trace: str = ""
    ) -> bool:
        """Start `work`, as a part of a `trace` if one is named.

        False if its lane is taken or its road is full.
        """
        if key in self._lanes or not self.has_room(road):
            return False
        self._on_road[road] += 1
        task = asyncio.create_task(self._run(road, key, work, trace), name=f"{self._name}:{key}")
        self._lanes[key] = task
        return True

    async def fill(
        self, roads: Iterable[str], begin: Callable[[str], Coroutine[Any, Any, int]]
    ) -> int:
        """Begin what is due on each road that has room; the number that was begun.

        A claim ends before a cancellation gets through: what it takes is in somebody's hands.
        """
        begun = 0
        for road in roads:
            if self.has_room(road):
                begun += await unbroken(begin(road))
        return begun

    async def join(self) -> None:
        """Wait until every lane is free."""
        while self._lanes:
            await asyncio.wait(self._lanes.values())

    async def stop(self) -> None:
        """Cancel what is under way and wait: it is in the database, and is taken on again."""
        await asyncio.sleep(0)  # what was never begun could not give back what it holds
        tasks = list(self._lanes.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(
        self, road: str, key: str, work: Callable[[], Awaitable[object]], trace: str
    ) -> None:
        try:
            with job_step(self._name, key, trace=trace, observe=self.observe, road=road):
                await work()
        except StorageUnavailableError as error:
            _log.warning("storage_unavailable", lanes=self._name, key=key, error=str(error))
            await asyncio.sleep(_PAUSE_AFTER_FAULT_S)
        except Exception:  # noqa: BLE001 - the outermost edge of a lane: the others go on
            _log.exception("lane_failed", lanes=self._name, key=key)
            await asyncio.sleep(_PAUSE_AFTER_FAULT_S)  # what failed is due still: do not spin
        finally:
            del self._lanes[key]
            self._on_road[road] -= 1
            self._done.set()
