"""At which ages a draft is looked at: often while it is young, seldom later. Pure.

Not in every round: a PSP may forbid to poll every transaction (Ogone: "systematic polling of every
transaction is prohibited"), and none likes it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from gateway.sweeping.decision import SweepAges


def is_due(
    create_time: datetime, last_pass_time: datetime | None, now: datetime, ages: SweepAges
) -> bool:
    """Whether the draft came to an age at which it is looked at since the last pass began."""
    if now - create_time < ages.sweep_after:
        return False
    if last_pass_time is None:
        return True
    return _looks_by(now - create_time, ages) > _looks_by(last_pass_time - create_time, ages)


def _looks_by(age: timedelta, ages: SweepAges) -> int:
    """Count the looks up to an age: at `sweep_after`, at each doubling, then at `cancel_after`.

    Whoever is open still after that is looked at once in each further `sweep_after`.
    """
    if age < ages.sweep_after:
        return 0
    looks, due = 0, ages.sweep_after
    while due < ages.cancel_after:
        if due > age:
            return looks
        looks, due = looks + 1, due * 2
    if age < ages.cancel_after:
        return looks
    return looks + 1 + (age - ages.cancel_after) // ages.sweep_after
