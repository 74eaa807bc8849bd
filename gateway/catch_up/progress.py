"""How far catching up came."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import StrEnum


class CatchUpSource(StrEnum):
    """Where what was missed is read."""

    EVENTS = "events"
    """The PSP's own list of events."""
    PAYMENTS = "payments"
    """The PSP keeps no list: it is asked about each payment that it sent nothing of."""


@dataclass(frozen=True, slots=True)
class CaughtUp:
    """What was found at one account."""

    account: str
    source: CatchUpSource
    since: datetime
    seen: int = 0
    """Events that the PSP listed, or payments that it was asked about."""
    new: int = 0
    """Events that the inbox did not have, or payments that had changed."""
    failed: int = 0
    """Payments whose state could not be asked, and events that cannot be read."""

    def document(self) -> dict[str, object]:
        """Return it as a command prints it."""
        return {**asdict(self), "since": self.since.isoformat()}


Progress = Callable[[CaughtUp], None]
"""Is told now and then how far it came."""
