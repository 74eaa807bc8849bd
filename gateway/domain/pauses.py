"""How long to wait before something that did not work is tried again."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

_MOST_DOUBLINGS: Final = 30


@dataclass(frozen=True, slots=True)
class Pauses:
    """Pauses that double from `first` on and stop growing at `longest`."""

    first: timedelta
    longest: timedelta

    def after(self, attempts: int) -> timedelta:
        """Return the pause after so many attempts that did not work, counted from 0."""
        doublings = 1 << min(attempts, _MOST_DOUBLINGS)
        return self.longest if self.longest / self.first < doublings else self.first * doublings
