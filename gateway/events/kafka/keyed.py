"""Keyed work: one thing at a time for each key, in order; different keys side by side."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class KeyedWork(Generic[T]):
    """Runs `work` over what is added, all of a key that has come together as one.

    A road is a PSP account, on which so many keys are worked at at once: one that hangs fills its
    own road and holds up nobody else's. `work` raises nothing.
    """

    def __init__(self, at_once: int, work: Callable[[Sequence[T]], Awaitable[None]]) -> None:
        self._at_once = at_once
        self._work = work
        self._roads: dict[str, asyncio.Semaphore] = {}
        self._waiting: dict[str, deque[T]] = {}
        """By key; a key is here as long as its task runs."""
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._at_work: dict[str, list[T]] = {}

    def add(self, road: str, key: str, item: T) -> None:
        """Work at an item after all earlier ones of its key."""
        waiting = self._waiting.get(key)
        if waiting is not None:
            waiting.append(item)
            return
        self._waiting[key] = deque([item])
        self._tasks[key] = asyncio.create_task(self._run(road, key), name=f"kafka:{key}")

    def drop(self, unwanted: Callable[[T], bool]) -> None:
        """Forget items that nobody has begun to work at."""
        for key, waiting in self._waiting.items():
            self._waiting[key] = deque(item for item in waiting if not unwanted(item))

    def tasks_at(self, wanted: Callable[[T], bool]) -> list[asyncio.Task[None]]:
        """Return the tasks that are at work at such items."""
        return [
            self._tasks[key]
            for key, items in self._at_work.items()
            if any(wanted(item) for item in items)
        ]

    async def join(self) -> None:
        """Wait until all is done."""
        while self._tasks:
            await asyncio.wait(list(self._tasks.values()))

    async def stop(self) -> None:
        """Cancel what is under way and wait."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, road: str, key: str) -> None:
        semaphore = self._roads.setdefault(road, asyncio.Semaphore(self._at_once))
        try:
            while self._waiting[key]:
                async with semaphore:
                    items, self._waiting[key] = list(self._waiting[key]), deque()
                    if items:
                        self._at_work[key] = items
                        await self._work(items)
                        del self._at_work[key]
        finally:
            self._at_work.pop(key, None)
            del self._waiting[key], self._tasks[key]
