"""Work that outlives its caller: begun once, it runs to its end, whoever gives up meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
_log = structlog.get_logger(__name__)


class Shield:
    """Runs coroutines in tasks of their own and knows which are still under way."""

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[Any]] = set()
        self._unheard = 0

    @property
    def running(self) -> int:
        """How many are under way."""
        return len(self._tasks)

    @property
    def unheard(self) -> int:
        """How many of them nobody waits for any more: their callers gave up."""
        return self._unheard

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Await `work` in a task that the caller's cancellation does not reach.

        If the caller is gone when the work fails, the failure is logged: nobody else hears of it.
        """
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            return await asyncio.shield(task)
        except asyncio.CancelledError:
            if not task.done():
                self._unheard += 1
                task.add_done_callback(self._end_unheard)
            raise

    async def drain(self, timeout_s: float) -> int:
        """Wait for what is under way, at most so long; the number that did not end in time.

        Those are canceled. Each had its operation row committed, so the resolver takes them on.
        """
        if not self._tasks:
            return 0
        _, late = await asyncio.wait(self._tasks, timeout=timeout_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)
        return len(late)

    def _end_unheard(self, task: asyncio.Task[Any]) -> None:
        self._unheard -= 1
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.warning("work_failed_unheard", error=f"{type(error).__name__}: {error}")
