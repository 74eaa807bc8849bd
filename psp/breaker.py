"""Whether an account may be called: a circuit breaker as values and pure functions, no clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final


class BreakerState(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    """Calls go through."""
    OPEN = "open"
    """No call goes through before `Breaker.until_s`."""
    HALF_OPEN = "half_open"
    """One call is through, the probe; the others wait for what it finds."""


class Ending(StrEnum):
    """What the end of a call tells of its PSP."""

    ANSWERED = "answered"
    """It lives: a good answer, a decline, a refusal."""
    FAILED = "failed"
    """It could not be reached, could not serve, or did not answer in time."""
    UNTOLD = "untold"
    """Nothing: the caller gave up before the end."""


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When a breaker opens and how long it stays so. Times are seconds."""

    failures: int = 5
    """So many calls in a row, with no answer between them, open it."""
    pause_s: float = 5.0
    """From then to the first probe; doubled with each probe that fails."""
    longest_pause_s: float = 60.0


@dataclass(frozen=True, slots=True)
class Breaker:
    """One account's breaker at one moment."""

    state: BreakerState = BreakerState.CLOSED
    failures: int = 0
    """In a row, while closed."""
    failed_probes: int = 0
    """In a row, since it opened."""
    until_s: float = 0.0
    """While open: when the next probe may go."""
    period: int = 0
    """Counts its changes of state. A call tells of the period that it began in, and of no other."""


def ask(breaker: Breaker, rules: BreakerRules, now_s: float) -> tuple[Breaker, float]:
    """Ask to make a call: what the breaker is then, and 0; or how long to wait, in seconds."""
    if breaker.state is BreakerState.CLOSED:
        return breaker, 0.0
    if breaker.state is BreakerState.HALF_OPEN:
        return breaker, rules.pause_s  # the probe's end is not known
    left_s = breaker.until_s - now_s
    if left_s > 0:
        return breaker, left_s
    probing = replace(breaker, state=BreakerState.HALF_OPEN, period=breaker.period + 1)
    return probing, 0.0


def tell(
    breaker: Breaker, rules: BreakerRules, ending: Ending, period: int, now_s: float
) -> Breaker:
    """Return what the breaker is after a call that began in `period` ended."""
    if period != breaker.period:
        return breaker
    return _MOVES[breaker.state, ending](breaker, rules, now_s)


def _stay(breaker: Breaker, _rules: BreakerRules, _now_s: float) -> Breaker:
    return breaker


def _forget_failures(breaker: Breaker, _rules: BreakerRules, _now_s: float) -> Breaker:
    return replace(breaker, failures=0) if breaker.failures else breaker


def _count_failure(breaker: Breaker, rules: BreakerRules, now_s: float) -> Breaker:
    failures = breaker.failures + 1
    if failures < rules.failures:
        return replace(breaker, failures=failures)
    return _opened(breaker, 0, now_s + rules.pause_s)


def _close(breaker: Breaker, _rules: BreakerRules, _now_s: float) -> Breaker:
    return Breaker(period=breaker.period + 1)


def _open_for_longer(breaker: Breaker, rules: BreakerRules, now_s: float) -> Breaker:
    failed = breaker.failed_probes + 1
    # From the longest pause on nothing is doubled any more, however long the PSP is down.
    pause_s = min(rules.pause_s * 2.0 ** min(failed, 16), rules.longest_pause_s)
    return _opened(breaker, failed, now_s + pause_s)


def _open_for_the_next(breaker: Breaker, _rules: BreakerRules, now_s: float) -> Breaker:
    return _opened(breaker, breaker.failed_probes, now_s)


def _opened(breaker: Breaker, failed_probes: int, until_s: float) -> Breaker:
    return Breaker(
        BreakerState.OPEN,
        failed_probes=failed_probes,
        until_s=until_s,
        period=breaker.period + 1,
    )


_Move = Callable[[Breaker, BreakerRules, float], Breaker]
_MOVES: Final[Mapping[tuple[BreakerState, Ending], _Move]] = {
    (BreakerState.CLOSED, Ending.ANSWERED): _forget_failures,
    (BreakerState.CLOSED, Ending.FAILED): _count_failure,
    (BreakerState.CLOSED, Ending.UNTOLD): _stay,
    # No call begins in a period that is open, so none tells of one.
    (BreakerState.OPEN, Ending.ANSWERED): _stay,
    (BreakerState.OPEN, Ending.FAILED): _stay,
    (BreakerState.OPEN, Ending.UNTOLD): _stay,
    (BreakerState.HALF_OPEN, Ending.ANSWERED): _close,
    (BreakerState.HALF_OPEN, Ending.FAILED): _open_for_longer,
    (BreakerState.HALF_OPEN, Ending.UNTOLD): _open_for_the_next,
}
"""Total over states and endings."""
