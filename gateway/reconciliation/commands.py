"""What callers of reconciliation ask for, and how a run tells how far it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from gateway.domain.discrepancy import Discrepancy, Resolution
from gateway.domain.reconciliation import RunState
from gateway.domain.requests import RequestKey, fingerprint_of
from psp.settlements import SettlementPeriod


@dataclass(frozen=True, slots=True)
class RunCommand:
    """Reconcile an account's period."""

    key: RequestKey
    psp_account: str
    period: SettlementPeriod

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(
            {
                "psp_account": self.psp_account,
                "first_day": self.period.first_day.isoformat(),
                "last_day": self.period.last_day.isoformat(),
            }
        )


@dataclass(frozen=True, slots=True)
class ResolveCommand:
    """Say who looks after a discrepancy, and what became of it."""

    key: RequestKey
    discrepancy_id: str
    owner: str
    note: str
    resolution: Resolution | None
    """None leaves it open."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(
            {
                "discrepancy_id": self.discrepancy_id,
                "owner": self.owner,
                "note": self.note,
                "resolution": self.resolution,
            }
        )


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a run is."""

    run_id: str
    state: RunState
    lines_read: int = 0
    lines_matched: int = 0


Tell = Callable[[RunProgress], None]
"""Called now and then by a run; must be quick."""


@dataclass(frozen=True, slots=True)
class DiscrepancyPage:
    """One page of discrepancies."""

    discrepancies: Sequence[Discrepancy]
    has_more: bool
