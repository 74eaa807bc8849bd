"""A discrepancy: one difference between a PSP's books and ours. It never disappears."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.ids import new_id


class DiscrepancyType(StrEnum):
    """What kind of difference; docs/reconciliation.md says what to do about each."""

    MISSING_AT_PSP = "missing_at_psp"
    """We captured or refunded, and the PSP's books have no line of it."""
    MISSING_HERE = "missing_here"
    """The PSP's books have a line of a payment or refund that is not known here."""
    AMOUNT = "amount"
    CURRENCY = "currency"
    STATUS = "status"
    """One side says that the money moved, the other that it did not, or that it came back."""
    DUPLICATE = "duplicate"
    """The PSP's books have it more than once."""
    UNEXPLAINED_FEE = "unexplained_fee"
    UNKNOWN_CATEGORY = "unknown_category"
    """A kind of line that we do not know: counted, and looked at by a person."""


class DiscrepancyState(StrEnum):
    """Whether somebody has to look at it."""

    OPEN = "open"
    RESOLVED = "resolved"
    """A person dealt with it."""
    HEALED = "healed"
    """A later run found no difference any more."""


_SEEN: Final = frozenset({DiscrepancyState.OPEN, DiscrepancyState.RESOLVED})


class Resolution(StrEnum):
    """How a person dealt with it."""

    EXPLAINED = "explained"
    """It is right as it is, see the note."""
    CORRECTED = "corrected"
    """Put right by hand, here or at the PSP."""
    WRITTEN_OFF = "written_off"


class SubjectKind(StrEnum):
    """What a difference is about."""

    PAYMENT = "payment"
    REFUND = "refund"
    LINE = "line"
    """One line of the PSP's books that names neither."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a difference is about, as the PSP calls it: payment, refund or line."""

    kind: SubjectKind
    reference: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference as a run sees it, with both sides' evidence."""

    type: DiscrepancyType
    subject: Subject
    currency: str
    ours_minor: int | None
    """None if we have nothing; refunds are negative, as in the PSP's books."""
    psp_minor: int | None
    description: str
    occurred_time: datetime
    """When that moved which it is about, by whoever has it."""
    ours: Mapping[str, str] = field(default_factory=dict)
    psp: Mapping[str, str] = field(default_factory=dict)
    payment_id: str = ""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """A finding that is kept, with what people and runs made of it since."""

    id: str
    psp_account: str
    finding: Finding
    state: DiscrepancyState
    first_run_id: str
    last_run_id: str
    """The last run that saw it."""
    first_seen_time: datetime
    last_seen_time: datetime
    update_time: datetime
    owner: str = ""
    note: str = ""
    resolution: Resolution | None = None
    healed_reason: str = ""
    version: int = 1

    @property
    def difference_minor(self) -> int:
        """How much more the PSP's books have than ours."""
        return (self.finding.psp_minor or 0) - (self.finding.ours_minor or 0)

    def age_days(self, now: datetime) -> int:
        """Return for how many whole days it is known."""
        return max((now - self.first_seen_time).days, 0)


@dataclass(frozen=True, slots=True)
class DiscrepancyFilter:
    """Which discrepancies to list; an empty field does not narrow."""

    psp_account: str = ""
    state: DiscrepancyState | None = None
    type: DiscrepancyType | None = None
    run_id: str = ""
    """Seen last by this run."""


def seen(
    known: Discrepancy | None, finding: Finding, psp_account: str, run_id: str, now: datetime
) -> Discrepancy:
    """Return a finding as it is kept: a new discrepancy, or the same one, seen again.

    What a person resolved stays resolved as long as the sums are what he saw; what had healed is
    open again.
    """
    if known is None:
        return Discrepancy(
            id=new_id("dis"),
            psp_account=psp_account,
            finding=finding,
            state=DiscrepancyState.OPEN,
            first_run_id=run_id,
            last_run_id=run_id,
            first_seen_time=now,
            last_seen_time=now,
            update_time=now,
        )
    before = known.finding
    if known.last_run_id == run_id and before == finding and known.state in _SEEN:
        return known  # by this very run, which goes on after a crash
    unchanged = (before.ours_minor, before.psp_minor, before.currency) == (
        finding.ours_minor,
        finding.psp_minor,
        finding.currency,
    )
    stays = known.state is DiscrepancyState.RESOLVED and unchanged
    return replace(
        known,
        finding=finding,
        state=DiscrepancyState.RESOLVED if stays else DiscrepancyState.OPEN,
        resolution=known.resolution if stays else None,
        healed_reason="",
        last_run_id=run_id,
        last_seen_time=now,
        update_time=now,
        version=known.version + 1,
    )


def healed(known: Discrepancy, reason: str, now: datetime) -> Discrepancy:
    """Return a discrepancy that closes itself."""
    return replace(
        known,
        state=DiscrepancyState.HEALED,
        healed_reason=reason,
        update_time=now,
        version=known.version + 1,
    )


def resolved(
    known: Discrepancy, owner: str, note: str, resolution: Resolution | None, now: datetime
) -> Discrepancy:
    """Return a discrepancy as a person left it: without a resolution it stays where it is."""
    return replace(
        known,
        owner=owner or known.owner,
        note=note or known.note,
        resolution=resolution or known.resolution,
        state=known.state if resolution is None else DiscrepancyState.RESOLVED,
        update_time=now,
        version=known.version + 1,
    )
