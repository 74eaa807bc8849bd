"""Room for so much at once: whoever finds none is refused at once rather than kept waiting."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class RoomFullError(Exception):
    """As much is at work as may be."""


class Room:
    """Counts what is at work in this process."""

    def __init__(self, places: int) -> None:
        self._places = places
        self._taken = 0

    @contextmanager
    def place(self) -> Iterator[None]:
        """Take a place until the context ends; raises `RoomFullError`."""
        if self._taken >= self._places:
            raise RoomFullError
        self._taken += 1
        try:
            yield
        finally:
            self._taken -= 1
