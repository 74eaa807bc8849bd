"""What goes wrong in one run, and how often: drawn from the seed before the run begins."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Final

HOUR_S: Final = 3600.0
DAY_S: Final = 24 * HOUR_S

_STRIPE_FAULTS: Final = (
    "refused",
    "lost",
    "drop_after",
    "hang",
    "arrives_late",
    "rate_limited",
    "lock_timeout",
    "key_in_use",
    "error_before",
    "error_after",
    "error_forgotten",
)
_OGONE_FAULTS: Final = (
    "refused",
    "lost",
    "drop_after",
    "hang",
    "arrives_late",
    "error_before",
    "error_after",
    "garbage_before",
    "garbage_after",
    "query_failed",
    "uncertain_acted",
    "uncertain_lost",
    "refused_later",
)
HTTP_FAULTS: Final = {"stripe": _STRIPE_FAULTS, "ogone": _OGONE_FAULTS}
OFFICE_FAULTS: Final = ("refuses", "acts_and_fails", "hangs", "twice")
_RATES: Final = (0.0, 0.02, 0.1, 0.25)


@dataclass
class Chaos:
    """How likely each kind of trouble is in this run; `over` ends all of it."""

    rng: random.Random
    machines: int
    http: float
    http_kinds: dict[str, tuple[str, ...]]
    office: float
    kill: float
    """At each step of a process: before and after each commit, call to a PSP or back office."""
    freeze: float
    commit_unheard: float
    slow: float
    refund_unheard: float
    """How often a refund is made and its answer lost, on top of the rest: its tries all at once."""
    webhook_never: float
    webhook_late: float
    webhook_twice: float
    outages: list[tuple[float, float]] = field(default_factory=list)
    """When the database does not answer, from and to."""
    over: bool = False

    def happens(self, chance: float) -> bool:
        """Whether something of this likelihood happens now."""
        return not self.over and chance > 0 and self.rng.random() < chance

    def http_fault(self, psp: str, *, refunds: bool) -> str:
        """Return what goes wrong with a call to a PSP; empty: nothing."""
        if refunds and self.happens(self.refund_unheard):
            return "drop_after"
        return self.rng.choice(self.http_kinds[psp]) if self.happens(self.http) else ""

    def office_fault(self) -> str:
        """Return what goes wrong with a call to the back office; empty: nothing."""
        return self.rng.choice(OFFICE_FAULTS) if self.happens(self.office) else ""

    def latency_s(self, usual_s: float) -> float:
        """Return how long something takes: mostly as usual, sometimes far longer."""
        if self.happens(self.slow):
            return self.rng.uniform(1.0, 20.0)
        return self.rng.uniform(0.2, 2.0) * usual_s

    def database_is_away(self, now_s: float) -> bool:
        """Whether the database does not answer now."""
        return not self.over and any(start <= now_s < end for start, end in self.outages)

    def __str__(self) -> str:
        return (
            f"{self.machines} processes, faults: http {self.http:g}, back office {self.office:g}, "
            f"kill {self.kill:g}, freeze {self.freeze:g}, unheard commit {self.commit_unheard:g}, "
            f"slow {self.slow:g}, unheard refund {self.refund_unheard:g}, "
            f"webhooks never {self.webhook_never:g} late {self.webhook_late:g} "
            f"twice {self.webhook_twice:g}, {len(self.outages)} outages"
        )


def draw_chaos(rng: random.Random, span_s: float) -> Chaos:
    """Draw a run's troubles: few kinds at a time, so that none hides behind another."""
    http_kinds = {
        psp: tuple(rng.sample(kinds, rng.randint(2, len(kinds))))
        for psp, kinds in HTTP_FAULTS.items()
    }
    outages = []
    for _ in range(rng.choice((0, 0, 1, 3))):
        start = rng.uniform(0, span_s)
        outages.append((start, start + rng.choice((20.0, 300.0, 2 * HOUR_S))))
    return Chaos(
        rng=rng,
        machines=rng.choice((1, 2, 2, 3)),
        http=rng.choice(_RATES),
        http_kinds=http_kinds,
        office=rng.choice(_RATES),
        kill=rng.choice((0.0, 0.001, 0.004, 0.015)),
        freeze=rng.choice((0.0, 0.0, 0.0005, 0.003)),
        commit_unheard=rng.choice((0.0, 0.0, 0.01)),
        slow=rng.choice((0.0, 0.01, 0.05)),
        refund_unheard=rng.choice((0.0, 0.0, 0.7)),
        webhook_never=rng.choice((0.0, 0.1, 0.4, 1.0)),
        webhook_late=rng.choice((0.0, 0.1, 0.5)),
        webhook_twice=rng.choice((0.0, 0.2)),
        outages=outages,
    )
