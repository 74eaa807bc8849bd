"""Lanes: many things done side by side, one thing at a time for each key."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from gateway.signals import Wake

_log = structlog.get_logger(__name__)
_PAUSE_AFTER_FAULT_S: Final = 1.0


class Lanes:
    """Bounded concurrency with one lane a key; `done` rings whenever a lane is free again.

    Something slow in one lane (a PSP that hangs) holds up that lane only.
    """

    def __init__(self, name: str, at_once: int, done: Wake) -> None:
        self._name = name
        self._slots = asyncio.Semaphore(at_once)
        self._done = done
        self._lanes: dict[str, asyncio.Task[None]] = {}

    async def start(self, key: str, work: Callable[[], Awaitable[object]]) -> bool:
        """Start `work` unless its lane is taken; waits for a slot. False if the lane is taken."""
        if key in self._lanes:
            return False
        await self._slots.acquire()
        self._lanes[key] = asyncio.create_task(self._run(key, work), name=f"{self._name}:{key}")
        return True

    async def join(self) -> None:
        """Wait until every lane is free."""
        while self._lanes:
            await asyncio.wait(self._lanes.values())

    async def stop(self) -> None:
        """Cancel what is under way and wait: it is in the database, and is taken on again."""
        tasks = list(self._lanes.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: str, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except Exception:  # noqa: BLE001 - the outermost edge of a lane: the others go on
            _log.exception("lane_failed", lanes=self._name, key=key)
            await asyncio.sleep(_PAUSE_AFTER_FAULT_S)  # what failed is due still: do not spin
        finally:
            del self._lanes[key]
            self._slots.release()
            self._done.set()
