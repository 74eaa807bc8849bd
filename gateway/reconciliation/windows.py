"""Which captures and refunds a run expects lines of: pure, and each is expected by some run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psp.settlements import SettlementPeriod

GRACE: Final = timedelta(hours=3)
"""How far a line may stand from when we heard of what it is about: our clocks differ, a webhook
takes its time, and Ogone's days are European ones, which end up to three hours before ours."""
_INSTANT: Final = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """(after, until]: what moved here then must be in the PSP's books by now."""

    after: datetime
    until: datetime


def expected_window(
    period: SettlementPeriod, *, day_before_is_read: bool, day_after_is_read: bool
) -> Window:
    """Return the window of a period.

    What moved just before midnight may have its line on the next day, and what moved just after on
    the day before: it is expected once both are read, by whichever run came last.
    """
    after = period.since - GRACE if day_before_is_read else period.since + GRACE
    until = period.until + GRACE if day_after_is_read else period.until - GRACE
    return Window(after - _INSTANT, until - _INSTANT)
