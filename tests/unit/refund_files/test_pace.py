"""Turns at a rate, and rests: what live payments get is the rest."""

from __future__ import annotations

from datetime import timedelta

from gateway.refund_files.pace import Pace
from tests.support.payments import NOW

_S = timedelta(seconds=1)


def test_turns_are_so_far_apart() -> None:
    """Whoever asks earlier waits longer."""
    pace = Pace(4.0)

    assert [pace.turn(NOW) - NOW for _ in range(5)] == [_S * part / 4 for part in range(5)]


def test_idle_time_is_not_saved_up() -> None:
    """After a rest there is no burst: at most a quarter of a second is caught up with."""
    pace = Pace(20.0)
    pace.turn(NOW)
    later = NOW + timedelta(hours=1)

    turns = [pace.turn(later) for _ in range(20)]

    assert turns.count(later) == 6
    assert turns[-1] - later == timedelta(seconds=14 / 20)


def test_whoever_wakes_late_loses_no_turn() -> None:
    """The rate holds although every sleep is a little too long."""
    pace, now = Pace(20.0), NOW
    for _ in range(100):
        now = pace.turn(now) + timedelta(milliseconds=5)

    assert now - NOW < timedelta(seconds=5.1)


def test_the_rate_may_change() -> None:
    """From the next turn on."""
    pace = Pace(1.0)
    pace.turn(NOW)
    pace.rate_per_s = 10.0

    assert [pace.turn(NOW) - NOW for _ in range(2)] == [_S, _S * 1.1]


def test_trouble_is_rested_from_longer_each_time() -> None:
    """At least as long as the PSP wishes; what others tell of the same trouble counts once."""
    pace = Pace()
    pace.trouble(NOW, timedelta())
    pace.trouble(NOW, timedelta(hours=9))
    assert pace.rests(NOW + 4.9 * _S)
    assert not pace.rests(NOW + 5 * _S)

    again = NOW + timedelta(minutes=1)
    pace.trouble(again, timedelta())
    assert pace.rests(again + 9.9 * _S)

    later = NOW + timedelta(minutes=2)
    pace.trouble(later, timedelta(minutes=30))
    assert pace.rests(later + timedelta(minutes=29))


def test_a_psp_that_serves_is_trusted_again() -> None:
    """The next trouble is a first one."""
    pace = Pace()
    pace.trouble(NOW, timedelta())
    pace.fine()
    later = NOW + timedelta(minutes=1)
    pace.trouble(later, timedelta())

    assert not pace.rests(later + 5 * _S)
