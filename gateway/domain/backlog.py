"""What waits in the gateway: how much of each kind, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """One kind of waiting thing."""

    count: int = 0
    oldest_time: datetime | None = None
    """When the oldest one began to wait; None if there is none."""


@dataclass(frozen=True, slots=True)
class Backlog:
    """Everything that waits, at one moment."""

    operations: Mapping[str, Waiting]
    """PSP operations whose end is not known, by state: pending, unknown."""
    queues: Mapping[str, Waiting]
    """Rows that a job is to deal with, by queue."""
    refunds_unsettled: Waiting
    """Refunds that the PSP has more to say of."""
    refunds_overdue: int
    """Those of them that nobody confirmed for too long."""
    postings_refused: int
    """Movements of the financial account that the back office refused: somebody has to look."""
    captures_unfinished: int
    """Payments whose capture or cancel a PSP accepted and is not done with."""
    discrepancies: Mapping[tuple[str, str], int] = field(default_factory=dict)
    """Open ones by account and type."""
    jobs: Mapping[str, datetime] = field(default_factory=dict)
    """Until when a job that one replica at a time does was done last."""
