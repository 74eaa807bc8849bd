"""Which captures and refunds a run expects lines of: pure, and each is expected by one run."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from psp.settlements import SettlementPeriod

GRACE: Final = timedelta(minutes=15)
"""How far a line may stand from when we heard of what it is about: our clocks differ, and a webhook
takes its time."""
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

    What moved just before midnight may have its line on the next day: it is expected once that day
    is read. What moved just after midnight may have its line on the day before: it is expected if
    that was read.
    """
    after = period.since - GRACE if day_before_is_read else period.since + GRACE
    until = period.until if day_after_is_read else period.until - GRACE
    return Window(after - _INSTANT, until - _INSTANT)
