"""Whether a process gives back what it takes: a decision over what was seen in quiet moments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from statistics import median, median_high, median_low
from types import MappingProxyType
from typing import Final

MIN_RESTS: Final = 4
"""How many quiet moments after warming up a judgement needs at least."""
_WARM_UP: Final = 1 / 3
"""Of the quiet moments: caches, pools and the allocator fill up meanwhile."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What was seen of the process at one moment."""

    elapsed_s: float
    calls: int
    """What it had answered by then, calls and webhooks."""
    rest: int
    """The number of the quiet moment, from 1 on; 0 while there is load."""
    figures: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Rule:
    """How much more of something there may be at the end."""

    slack: int
    """How much more the last quiet moments may have than the first."""
    pooled: int = 0
    """So many are no leak: a pool keeps them, and opens them when they are first needed."""
    per_thousand_calls: float | None = None
    """Of what grows and shrinks in large pieces, memory: also more than that for each 1,000 calls.
    The least of a round counts, since garbage is collected while there is load."""


RULES: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "memory_kib": Rule(slack=4096, per_thousand_calls=256.0),
        "handles": Rule(slack=6),
        "tasks": Rule(slack=3),
        "threads": Rule(slack=2),
        # 20 of the gateway's own pool, 5 of the back office's.
        "database_connections": Rule(slack=2, pooled=25),
        "psp_connections": Rule(slack=4),
    }
)


class TooShortError(Exception):
    """There are too few quiet moments to tell a leak from a warm-up."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What became of one figure."""

    figure: str
    first: int
    last: int
    growth: float
    """As its rule counts: absolute, or for each 1,000 calls."""
    bound: float
    leaks: bool


def judge(samples: Sequence[Sample], rules: Mapping[str, Rule] = RULES) -> list[Finding]:
    """Compare the quiet moments after warming up; raises `TooShortError`."""
    rounds = _rounds(samples)
    kept = rounds[int(len(rounds) * _WARM_UP) :]
    if len(kept) < MIN_RESTS:
        raise TooShortError(
            f"{len(kept)} quiet moments after warming up, {MIN_RESTS} are needed: run it for longer"
        )
    return [_finding(figure, rule, kept) for figure, rule in rules.items()]


def _rounds(samples: Sequence[Sample]) -> list[list[Sample]]:
    """Return the samples of each round: load, and the quiet moment that ends it."""
    rounds: list[list[Sample]] = [[]]
    for sample in samples:
        if rounds[-1] and rounds[-1][-1].rest and not sample.rest:
            rounds.append([])
        rounds[-1].append(sample)
    return [each for each in rounds if each and each[-1].rest]


def _finding(figure: str, rule: Rule, rounds: Sequence[Sequence[Sample]]) -> Finding:
    # The least of several looks: jobs that look for work hold something now and then.
    whole = rule.per_thousand_calls is not None
    least = [
        min(sample.figures[figure] for sample in each if whole or sample.rest) for each in rounds
    ]
    part = max(1, len(least) // 3)
    first, last = median_high(least[:part]), median_low(least[-part:])
    more = last - max(first, rule.pooled)
    leaks = more > rule.slack
    if rule.per_thousand_calls is None:
        return Finding(figure, first, last, float(more), float(rule.slack), leaks)
    # The later half alone: allocator and caches grow for some ten thousand calls, ever slower.
    half = len(rounds) // 2
    growth = _slope([each[-1].calls for each in rounds[half:]], least[half:]) * 1000
    bound = rule.per_thousand_calls
    return Finding(figure, first, last, growth, bound, leaks and growth > bound)


def _slope(calls: Sequence[int], values: Sequence[int]) -> float:
    """Return the median growth a call between any two moments: one early jump is none."""
    points = list(zip(calls, values, strict=True))
    slopes = [
        (value - before) / (count - earlier)
        for (earlier, before), (count, value) in combinations(points, 2)
        if count > earlier
    ]
    return median(slopes) if slopes else 0.0
