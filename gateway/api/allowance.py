"""How many calls a caller may make: a token bucket each, as values and pure functions."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

_MOST_CALLERS: Final = 10_000
"""Where callers name themselves there may be any number; the ones silent longest are forgotten."""


@dataclass(frozen=True, slots=True)
class Rate:
    """What one caller may do."""

    per_s: float
    """Calls in a second, on average."""
    burst: int
    """Calls at once, after it made none for a while."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """What one caller had left at one moment."""

    tokens: float
    at_s: float


def take(bucket: Bucket, rate: Rate, now_s: float) -> tuple[Bucket, float]:
    """Take a token: what is left, and 0; or, if there is none, how long until there is one."""
    passed_s = max(now_s - bucket.at_s, 0.0)
    tokens = min(bucket.tokens + passed_s * rate.per_s, float(rate.burst))
    if tokens < 1:
        return Bucket(tokens, now_s), (1 - tokens) / rate.per_s
    return Bucket(tokens - 1, now_s), 0.0


class Allowances:
    """The buckets of all callers."""

    def __init__(self, rate: Rate, most_callers: int = _MOST_CALLERS) -> None:
        self._rate = rate
        self._most_callers = most_callers
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()

    def take(self, caller: str, now_s: float) -> float:
        """Count a call; 0, or how long the caller has to wait before it may make one."""
        bucket = self._buckets.get(caller) or Bucket(float(self._rate.burst), now_s)
        self._buckets[caller], wait_s = take(bucket, self._rate, now_s)
        self._buckets.move_to_end(caller)
        if len(self._buckets) > self._most_callers:
            self._buckets.popitem(last=False)
        return wait_s
