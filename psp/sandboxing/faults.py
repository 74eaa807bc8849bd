"""Faults on demand: those still to come, and which one a request meets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar


class Countable(Protocol):
    """What goes wrong with the next `count` requests that match."""

    count: int


F = TypeVar("F", bound=Countable)


class PendingFaults(Generic[F]):
    """The faults still to come, in the order they were asked for."""

    def __init__(self) -> None:
        self._pending: list[F] = []

    def inject(self, fault: F) -> None:
        """Add a fault."""
        self._pending.append(fault)

    def clear(self) -> None:
        """Let everything go well again."""
        self._pending.clear()

    def first(self, matches: Callable[[F], bool]) -> F | None:
        """Return the first fault that matches, used up by one."""
        for fault in self._pending:
            if matches(fault):
                fault.count -= 1
                self._pending = [left for left in self._pending if left.count > 0]
                return fault
        return None
