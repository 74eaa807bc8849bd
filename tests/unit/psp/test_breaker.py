"""The circuit breaker's table: what each end of a call makes of it."""

from __future__ import annotations

from itertools import product

import pytest

from psp.breaker import Breaker, BreakerRules, BreakerState, Ending, ask, tell

_RULES = BreakerRules(failures=3, pause_s=5.0, longest_pause_s=30.0)
_NOW_S = 100.0
_CLOSED = Breaker()
_FAILING = Breaker(failures=2)
_OPEN = Breaker(BreakerState.OPEN, until_s=_NOW_S + 4, period=1)
_PROBING = Breaker(BreakerState.HALF_OPEN, failed_probes=1, period=2)


@pytest.mark.parametrize(
    "before,ending,after",
    [
        (_CLOSED, Ending.ANSWERED, _CLOSED),
        (_CLOSED, Ending.FAILED, Breaker(failures=1)),
        (_CLOSED, Ending.UNTOLD, _CLOSED),
        (_FAILING, Ending.ANSWERED, _CLOSED),
        (_FAILING, Ending.UNTOLD, _FAILING),
        (_FAILING, Ending.FAILED, Breaker(BreakerState.OPEN, until_s=_NOW_S + 5, period=1)),
        (_OPEN, Ending.ANSWERED, _OPEN),
        (_OPEN, Ending.FAILED, _OPEN),
        (_OPEN, Ending.UNTOLD, _OPEN),
        (_PROBING, Ending.ANSWERED, Breaker(period=3)),
        (
            _PROBING,
            Ending.FAILED,
            Breaker(BreakerState.OPEN, failed_probes=2, until_s=_NOW_S + 20, period=3),
        ),
        (
            _PROBING,
            Ending.UNTOLD,
            Breaker(BreakerState.OPEN, failed_probes=1, until_s=_NOW_S, period=3),
        ),
    ],
)
def test_what_an_end_makes_of_it(before: Breaker, ending: Ending, after: Breaker) -> None:
    """Failures in a row open it, an answered probe closes it, a silent caller proves nothing."""
    assert after == tell(before, _RULES, ending, before.period, _NOW_S)


@pytest.mark.parametrize("state,ending", list(product(BreakerState, Ending)))
def test_it_knows_every_end_in_every_state(state: BreakerState, ending: Ending) -> None:
    """The table is total, and a call of an earlier period changes nothing."""
    breaker = Breaker(state, period=7)

    tell(breaker, _RULES, ending, 7, _NOW_S)
    assert breaker == tell(breaker, _RULES, ending, 6, _NOW_S)


@pytest.mark.parametrize(
    "before,after,wait_s",
    [
        (_CLOSED, BreakerState.CLOSED, 0.0),
        (_FAILING, BreakerState.CLOSED, 0.0),
        (_OPEN, BreakerState.OPEN, 4.0),
        (Breaker(BreakerState.OPEN, until_s=_NOW_S), BreakerState.HALF_OPEN, 0.0),
        (_PROBING, BreakerState.HALF_OPEN, 5.0),
    ],
)
def test_who_gets_through(before: Breaker, after: BreakerState, wait_s: float) -> None:
    """Everybody while closed, nobody while open, then one probe alone."""
    breaker, waits_s = ask(before, _RULES, _NOW_S)

    assert (after, wait_s) == (breaker.state, waits_s)


def test_a_psp_that_stays_down_is_probed_less_and_less() -> None:
    """Pauses double up to the longest, also after very many probes."""
    breaker, pauses = Breaker(BreakerState.OPEN, until_s=_NOW_S), []
    for _ in range(3000):
        breaker, _ = ask(breaker, _RULES, breaker.until_s)
        now_s = breaker.until_s
        breaker = tell(breaker, _RULES, Ending.FAILED, breaker.period, now_s)
        pauses.append(breaker.until_s - now_s)

    assert pauses[:3] == [10.0, 20.0, 30.0]
    assert set(pauses[3:]) == {30.0}
