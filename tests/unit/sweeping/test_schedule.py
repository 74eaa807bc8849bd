"""At which ages drafts are looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.sweeping.decision import SweepAges
from gateway.sweeping.schedule import is_due
from tests.support.payments import NOW

_AGES = SweepAges(timedelta(hours=1), timedelta(hours=24))
_ROUND = timedelta(minutes=10)


def test_a_draft_is_looked_at_seldom() -> None:
    """In rounds of ten minutes: after 1, 2, 4, 8, 16 and 24 hours, then hourly."""
    rounds = [_ROUND * number for number in range(1, 27 * 6)]

    due = [age for age in rounds if is_due(NOW, NOW + age - _ROUND, NOW + age, _AGES)]

    assert [age / timedelta(hours=1) for age in due] == [1, 2, 4, 8, 16, 24, 25, 26]


@pytest.mark.parametrize("age_h, expected", [(0.9, False), (1, True), (100, True)])
def test_the_first_pass_looks_at_everything_old(age_h: float, expected: bool) -> None:
    """Nobody knows what was looked at before."""
    assert is_due(NOW, None, NOW + timedelta(hours=age_h), _AGES) is expected


def test_what_a_long_pause_skipped_is_due_at_once() -> None:
    """The sweeper stood still from hour 1 to hour 5."""
    hour = timedelta(hours=1)

    assert is_due(NOW, NOW + hour, NOW + 5 * hour, _AGES)
    assert not is_due(NOW, NOW + 5 * hour, NOW + 6 * hour, _AGES)


def test_every_draft_is_looked_at_when_it_is_given_up() -> None:
    """Also when that age is no doubling of the first, or below it."""
    for sweep_h, cancel_h in ((1, 24), (1, 16), (5, 7), (3, 1)):
        ages = SweepAges(timedelta(hours=sweep_h), timedelta(hours=cancel_h))
        last = NOW + max(ages.cancel_after, ages.sweep_after)
        assert is_due(NOW, last - _ROUND, last, ages)
