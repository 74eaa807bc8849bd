"""The time in a sandbox's books."""

from __future__ import annotations

from collections.abc import Callable


class Clock:
    """The sandbox's time: the given one, and what it was advanced by."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.outside = now
        """The time around the sandbox: signatures bear it, so that others can check their age."""
        self._advanced_s = 0.0

    def seconds(self) -> float:
        """Return the Unix time in the books."""
        return self.outside() + self._advanced_s

    def advance(self, seconds: float) -> None:
        """Let time pass in the books; raises `ValueError` if it would run backwards."""
        if seconds < 0:
            raise ValueError("time runs forwards only")
        self._advanced_s += seconds
