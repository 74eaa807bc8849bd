"""How fast refunds go to an account, so that its live payments keep their share. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from gateway.domain.pauses import Pauses

_TROUBLE: Final = Pauses(first=timedelta(seconds=5), longest=timedelta(minutes=5))
"""How long an account is left alone whose PSP limits our rate or does not serve."""
_SLACK: Final = timedelta(milliseconds=250)
"""How much of a delay is caught up with: whoever sleeps wakes a little late."""


class Pace:
    """Gives turns at a rate, and none while the account is in trouble."""

    def __init__(self, rate_per_s: float = 1.0) -> None:
        self.rate_per_s = rate_per_s
        """So many turns a second; may be changed at any time."""
        self._next_time: datetime | None = None
        self._rests_until: datetime | None = None
        self._troubles = 0

    def turn(self, now: datetime) -> datetime:
        """Take the next turn, and return when it is."""
        due = now if self._next_time is None else max(self._next_time, now - _SLACK)
        self._next_time = due + timedelta(seconds=1 / self.rate_per_s)
        return max(due, now)

    def rests(self, now: datetime) -> bool:
        """Whether the account is to be left alone now."""
        return self._rests_until is not None and now < self._rests_until

    def rest(self, now: datetime, pause: timedelta) -> None:
        """Leave the account alone for so long."""
        self._rests_until = max(self._rests_until or now, now + pause)

    def trouble(self, now: datetime, wish: timedelta) -> None:
        """Leave the account alone, at least as long as its PSP wishes, longer each time in a row.

        Those who were on their way already tell of the same trouble: it counts once.
        """
        if self.rests(now):
            return
        self.rest(now, max(wish, _TROUBLE.after(self._troubles)))
        self._troubles += 1

    def fine(self) -> None:
        """Forget former trouble: the PSP serves."""
        self._troubles = 0
