"""What a PSP's books say of our balance: the values that reconciliation works with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum


class SettlementCategory(StrEnum):
    """What moved our balance at the PSP."""

    CHARGE = "charge"
    CHARGE_FAILURE = "charge_failure"
    """A charge that was counted, and came to nothing later."""
    REFUND = "refund"
    REFUND_FAILURE = "refund_failure"
    """A refund's money that came back."""
    RELEASE = "release"
    """What a partial capture left: it was never taken, and is no refund (Stripe calls it
    `partial_capture_reversal`)."""
    DISPUTE = "dispute"
    DISPUTE_REVERSAL = "dispute_reversal"
    FEE = "fee"
    PAYOUT = "payout"
    PAYOUT_REVERSAL = "payout_reversal"
    ADJUSTMENT = "adjustment"
    UNKNOWN = "unknown"
    """A category that we do not know: counted, and looked at by a person."""


@dataclass(frozen=True, slots=True)
class SettlementEntry:
    """One line of the PSP's books. Sums are minor units; what leaves our balance is negative."""

    entry_id: str
    """The PSP's id of the line (Stripe: `txn_…`; Ogone: PAYID/PAYIDSUB): the same line is the same
    id, whenever and however often it is read."""
    category: SettlementCategory
    raw_category: str
    occurred_time: datetime
    currency: str
    gross_minor: int
    fee_minor: int
    """What the PSP kept; positive."""
    net_minor: int
    """gross - fee."""
    payment_reference: str = ""
    """`PspPayment.psp_reference`, where the line names a payment."""
    refund_reference: str = ""
    """`PspRefund.psp_reference`, where the line is a refund's."""
    payment_id: str = ""
    """Our reference, where the PSP keeps it beside the line."""
    refund_id: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class SettlementPeriod:
    """Whole days in UTC, the first and the last of them included."""

    first_day: date
    last_day: date

    @property
    def since(self) -> datetime:
        """The first moment of it."""
        return datetime.combine(self.first_day, time(), UTC)

    @property
    def until(self) -> datetime:
        """The first moment after it."""
        return datetime.combine(self.last_day + timedelta(days=1), time(), UTC)


class ReportState(StrEnum):
    """Where a report stands at the PSP."""

    NOT_YET = "not_yet"
    """The PSP has not closed the period: ask again later, for a new report."""
    PENDING = "pending"
    """It is being made: ask again for the same one."""
    READY = "ready"
    FAILED = "failed"
    """The PSP could not make it: ask for a new one."""


@dataclass(frozen=True, slots=True)
class SettlementReport:
    """A report of the lines of a period."""

    reference: str
    """What `retrieve_settlement_report` and `settlement_entries` take; empty if NOT_YET."""
    state: ReportState
    detail: str = ""
    """Why it is not ready, in one sentence."""
    opening_minor: Mapping[str, int] | None = None
    """The balance before the period by currency; None if the PSP does not tell it."""
    closing_minor: Mapping[str, int] | None = None
