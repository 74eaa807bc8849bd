"""What one pass of the sweeper came to."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field


@dataclass
class PassCounts:
    """What a pass did, by the decisions' own words."""

    actions: Counter[str] = field(default_factory=Counter)
    put_off: int = 0
    """Orders that something kept from their end: no answer, or one of no use."""
    skipped: int = 0
    """Orders that were not looked at, since their PSP had failed too often in this pass."""
    unclaimed: int = 0
    """Alarms about money for orders that the back office does not have."""
    decided: int = 0
    """Orders that were held, and that somebody decided in the back office since."""
    ended: int = 0
    """Captures and cancels that a PSP had ended without our hearing of it."""

    @property
    def orders(self) -> int:
        """How many were looked at."""
        return self.actions.total()

    @property
    def found_anything(self) -> bool:
        """Whether there is something to tell of the pass."""
        beyond = self.unclaimed or self.decided or self.ended
        return bool(self.orders or self.skipped or beyond)

    def document(self) -> dict[str, object]:
        """Return the counts as a command prints them."""
        return {
            "orders": self.orders,
            "actions": dict(sorted(self.actions.items())),
            "put_off": self.put_off,
            "skipped": self.skipped,
            "unclaimed": self.unclaimed,
            "decided": self.decided,
            "ended": self.ended,
        }
