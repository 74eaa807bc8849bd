"""An event loop whose time is simulated: nothing sleeps, and one seed is one order of events.

Time jumps to the next timer as soon as there is nothing left to do. What asyncio would hand to
threads runs at once, in this one thread, so that no other scheduler has a say.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import aiosqlite.core


class NothingToDoError(RuntimeError):
    """Everything waits for something that nobody will ever do."""


class _Jumping(selectors.SelectSelector):
    """A selector that lets simulated time pass instead of waiting."""

    now_s = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise NothingToDoError
        self.now_s += max(timeout, 0.0)
        return []


class SimulatedLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, on simulated time."""

    def __init__(self) -> None:
        self._jumping = _Jumping()
        super().__init__(self._jumping)

    def time(self) -> float:
        """Return the simulated seconds since the loop was made."""
        return self._jumping.now_s

    def run_in_executor(  # type: ignore[override]  # typeshed's variadic types gain nothing here
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run the function now: a thread's timing is nothing that a seed decides."""
        future = self.create_future()
        try:
            future.set_result(func(*args))
        except Exception as error:  # noqa: BLE001 - whatever it raises is its caller's
            future.set_exception(error)
        return future


class _AtOnce:
    """Stands in for the queue to a connection's thread: what is put in is done at once."""

    def put_nowait(self, item: tuple[asyncio.Future[Any] | None, Callable[[], Any]]) -> None:
        future, function = item
        try:
            result = function()
        except Exception as error:  # noqa: BLE001 - whatever it raises is its caller's
            if future is not None:
                future.set_exception(error)
        else:
            if future is not None:
                future.set_result(result)


class _NoThread:
    """Stands in for a connection's thread."""

    daemon = True

    def start(self) -> None:
        """There is nothing to start."""


@contextmanager
def sqlite_without_threads() -> Iterator[None]:
    """Let aiosqlite, which the back office uses, run its calls at once instead of in a thread."""
    kind: Any = aiosqlite.core.Connection
    made = kind.__init__

    def make(self: Any, *args: Any, **more: Any) -> None:
        made(self, *args, **more)
        self._tx, self._thread = _AtOnce(), _NoThread()

    kind.__init__ = make
    try:
        yield
    finally:
        kind.__init__ = made
