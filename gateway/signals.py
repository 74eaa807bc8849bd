"""Telling those who wait inside this process that something changed; a hint, never the truth.

Whoever waits looks at the database afterwards, and looks now and then without a hint: another
process may have made the change.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Wake:
    """Wakes one worker that sleeps between its rounds."""

    def __init__(self) -> None:
        self._event = asyncio.Event()

    def set(self) -> None:
        """There is work."""
        self._event.set()

    async def wait(self, at_most_s: float) -> None:
        """Sleep until there is work, or so long."""
        try:
            async with asyncio.timeout(at_most_s):
                await self._event.wait()
        except TimeoutError:
            pass  # the time to look without a hint
        self._event.clear()


class PaymentSignals:
    """Wakes those who follow a payment."""

    def __init__(self) -> None:
        self._watchers: defaultdict[str, set[Wake]] = defaultdict(set)
        self.closed = False
        """Whether this process is ending, and those who follow should follow elsewhere."""

    def changed(self, payment_id: str) -> None:
        """The payment has new journal lines."""
        for watcher in self._watchers.get(payment_id, ()):
            watcher.set()

    def close(self) -> None:
        """Wake everybody: this process is ending."""
        self.closed = True
        for watchers in self._watchers.values():
            for watcher in watchers:
                watcher.set()

    @contextmanager
    def watching(self, payment_id: str) -> Iterator[Wake]:
        """Get a `Wake` that rings with every change of the payment."""
        watcher = Wake()
        self._watchers[payment_id].add(watcher)
        try:
            yield watcher
        finally:
            self._watchers[payment_id].discard(watcher)
            if not self._watchers[payment_id]:
                del self._watchers[payment_id]
