"""Holding one payment, refund or line of a PSP's books against what is known here: pure and total.

Of one subject there is at most one finding: the first rule that is broken names the difference.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.domain.discrepancy import DiscrepancyType, Finding, Subject, SubjectKind
from gateway.domain.payment import PaymentState
from gateway.domain.posting import Posting
from gateway.domain.refund import Refund, RefundState
from gateway.domain.refund_postings import (
    posting_for_returned_refund,
    posting_for_settled_refund,
)
from psp.settlements import SettlementCategory, SettlementEntry

CHARGING: Final = frozenset(
    {SettlementCategory.CHARGE, SettlementCategory.CHARGE_FAILURE, SettlementCategory.RELEASE}
)
"""Lines that together say what was taken of a payment. A release is what a capture left: no
refund."""
REFUNDING: Final = frozenset({SettlementCategory.REFUND, SettlementCategory.REFUND_FAILURE})
"""Lines that together say what was given back by a refund."""


@dataclass(frozen=True, slots=True)
class OurPayment:
    """What the gateway knows of a payment."""

    payment_id: str
    order_id: str
    psp_reference: str
    state: PaymentState
    currency: str
    captured_minor: int
    moved_time: datetime
    """When it last changed."""


@dataclass(frozen=True, slots=True)
class OurRefund:
    """A refund of the gateway's, and whose it is."""

    refund: Refund
    customer_id: str
    moves_account: bool = True
    """False for one of before the gateway knew its payment."""

    @property
    def is_given(self) -> bool:
        """Whether its money may have left our balance at the PSP.

        It leaves when the PSP accepts the refund; the shopper's bank has it later.
        """
        return self.refund.state in GIVEN

    @property
    def amount_minor(self) -> int:
        """How much."""
        return self.refund.amount.amount_minor

    @property
    def currency(self) -> str:
        """Of what."""
        return self.refund.amount.currency

    @property
    def state(self) -> RefundState:
        """Where it stands."""
        return self.refund.state

    @property
    def moved_time(self) -> datetime:
        """When it last changed."""
        return self.refund.update_time


GIVEN: Final = frozenset({RefundState.PENDING, RefundState.REQUIRES_ACTION, RefundState.SUCCEEDED})


@dataclass(frozen=True, slots=True)
class PspLines:
    """All lines that the PSP's books have of one payment or refund, over all periods read."""

    count: int
    """Charges, or refunds."""
    failures: int
    """Charges or refunds that came to nothing later."""
    gross_minor: int
    """Signed: what reached our balance by them together."""
    lowest_currency: str
    highest_currency: str
    first_entry: str
    last_entry: str
    first_time: datetime
    """When the first of them moved our balance."""
    last_time: datetime

    @property
    def currency(self) -> str:
        """The currency, if there is but one."""
        one = self.lowest_currency == self.highest_currency
        return self.lowest_currency if one else f"{self.lowest_currency},{self.highest_currency}"

    def evidence(self) -> dict[str, str]:
        """Return what to show of them."""
        return {
            "lines": str(self.count),
            "failure_lines": str(self.failures),
            "amount_minor": str(self.gross_minor),
            "currency": self.currency,
            "first_entry": self.first_entry,
            "last_entry": self.last_entry,
        }


def subject_of(entry: SettlementEntry) -> Subject:
    """Say what a line is about: the PSP's reference of it, else ours; else the line itself."""
    if entry.category in CHARGING and (entry.payment_reference or entry.payment_id):
        return Subject(SubjectKind.PAYMENT, entry.payment_reference or entry.payment_id)
    if entry.category in REFUNDING and (entry.refund_reference or entry.refund_id):
        return Subject(SubjectKind.REFUND, entry.refund_reference or entry.refund_id)
    return Subject(SubjectKind.LINE, entry.entry_id)


def judge_payment(
    reference: str, ours: OurPayment | None, lines: PspLines | None
) -> Finding | None:
    """Compare what was captured with what the PSP's books say was taken."""
    verdict = _payment_verdict(ours, lines)
    if verdict is None:
        return None
    kind, description = verdict
    evidence = {} if ours is None else _payment_evidence(ours)
    return Finding(
        type=kind,
        subject=Subject(SubjectKind.PAYMENT, reference),
        currency=ours.currency if ours is not None else lines.currency if lines else "",
        ours_minor=None if ours is None else ours.captured_minor,
        psp_minor=None if lines is None else lines.gross_minor,
        description=description,
        occurred_time=_moved(ours, lines),
        ours=evidence,
        psp={} if lines is None else lines.evidence(),
        payment_id="" if ours is None else ours.payment_id,
        order_id="" if ours is None else ours.order_id,
    )


def _payment_verdict(
    ours: OurPayment | None, lines: PspLines | None
) -> tuple[DiscrepancyType, str] | None:
    if lines is None:
        missing = ours is not None and ours.captured_minor > 0
        return _NO_CHARGE if missing else None
    if ours is None:
        return _FOREIGN_CHARGE if lines.gross_minor else None
    if lines.currency != ours.currency:
        return DiscrepancyType.CURRENCY, f"{ours.currency} here, {lines.currency} at the PSP"
    if lines.gross_minor == ours.captured_minor:
        return None
    return _other_charge(ours, lines)


def _other_charge(ours: OurPayment, lines: PspLines) -> tuple[DiscrepancyType, str]:
    if not ours.captured_minor:
        return DiscrepancyType.STATUS, f"charged at the PSP, and {ours.state.value} here"
    if lines.failures and lines.gross_minor == 0:
        return DiscrepancyType.STATUS, "captured here, and the PSP took the charge back"
    if lines.count > 1 and lines.gross_minor > ours.captured_minor:
        return DiscrepancyType.DUPLICATE, f"charged {lines.count} times in the PSP's books"
    return DiscrepancyType.AMOUNT, "the PSP's books charge another amount than was captured here"


_NO_CHARGE: Final = (
    DiscrepancyType.MISSING_AT_PSP,
    "captured here, and no charge in the PSP's books",
)
_FOREIGN_CHARGE: Final = (
    DiscrepancyType.MISSING_HERE,
    "the PSP's books charge a payment not known here",
)
_NO_REFUND: Final = (
    DiscrepancyType.MISSING_AT_PSP,
    "refunded here, and no refund in the PSP's books",
)
_FOREIGN_REFUND: Final = (
    DiscrepancyType.MISSING_HERE,
    "the PSP's books have a refund not known here",
)


def judge_refund(reference: str, ours: OurRefund | None, lines: PspLines | None) -> Finding | None:
    """Compare a refund with what the PSP's books say was given back."""
    verdict = _refund_verdict(ours, lines)
    if verdict is None:
        return None
    kind, description = verdict
    given = None if ours is None else -ours.amount_minor if ours.is_given else 0
    return Finding(
        type=kind,
        subject=Subject(SubjectKind.REFUND, reference),
        currency=ours.currency if ours is not None else lines.currency if lines else "",
        ours_minor=given,
        psp_minor=None if lines is None else lines.gross_minor,
        description=description,
        occurred_time=_moved(ours, lines),
        ours={} if ours is None else _refund_evidence(ours),
        psp={} if lines is None else lines.evidence(),
        payment_id="" if ours is None else ours.refund.payment_id,
        order_id="" if ours is None else ours.refund.order_id,
    )


def _refund_verdict(
    ours: OurRefund | None, lines: PspLines | None
) -> tuple[DiscrepancyType, str] | None:
    if lines is None:
        missing = ours is not None and ours.state is RefundState.SUCCEEDED
        return _NO_REFUND if missing else None
    if ours is None:
        return _FOREIGN_REFUND if lines.gross_minor else None
    if lines.currency != ours.currency:
        return DiscrepancyType.CURRENCY, f"{ours.currency} here, {lines.currency} at the PSP"
    given_minor = _given_minor(ours, lines)
    if ours.is_given != (given_minor != 0):
        what = "given back" if given_minor > 0 else "came back"
        return DiscrepancyType.STATUS, f"{what} at the PSP, and {ours.state.value} here"
    if not ours.is_given or given_minor == ours.amount_minor:
        return None
    return _other_refund(ours, lines)


def _given_minor(ours: OurRefund, lines: PspLines) -> int:
    """Return what the PSP's books say is with the shopper by now.

    A return can stand alone: Ogone has one row an operation, and the day of the refund, read again,
    has it as returned. Nor is a refund's line known of a day that was never read.
    """
    is_alone = not lines.count and lines.gross_minor == ours.amount_minor
    return 0 if is_alone else -lines.gross_minor


def _other_refund(ours: OurRefund, lines: PspLines) -> tuple[DiscrepancyType, str]:
    if lines.count > 1 and -lines.gross_minor > ours.amount_minor:
        return DiscrepancyType.DUPLICATE, f"refunded {lines.count} times in the PSP's books"
    return DiscrepancyType.AMOUNT, "the PSP's books have another amount than was refunded here"


@dataclass(frozen=True, slots=True)
class BookedLine:
    """One line that is looked at for itself."""

    entry: SettlementEntry
    repeats: int = 0
    """How often the report has the same entry again."""


def judge_line(line: BookedLine) -> Finding | None:
    """Look at one line for itself."""
    verdict = _line_verdict(line)
    if verdict is None:
        return None
    kind, description, psp_minor = verdict
    entry = line.entry
    return Finding(
        type=kind,
        subject=Subject(SubjectKind.LINE, entry.entry_id),
        currency=entry.currency,
        ours_minor=None,
        psp_minor=psp_minor,
        description=description,
        occurred_time=entry.occurred_time,
        psp={
            "entry": entry.entry_id,
            "category": entry.raw_category,
            "gross_minor": str(entry.gross_minor),
            "fee_minor": str(entry.fee_minor),
            "net_minor": str(entry.net_minor),
            "currency": entry.currency,
            "payment": entry.payment_reference,
            "refund": entry.refund_reference,
            "description": entry.description,
        },
    )


def _line_verdict(line: BookedLine) -> tuple[DiscrepancyType, str, int] | None:
    entry = line.entry
    if line.repeats:
        return (
            DiscrepancyType.DUPLICATE,
            f"the report has this entry {line.repeats + 1} times; it is counted once",
            entry.gross_minor * line.repeats,
        )
    if entry.category is SettlementCategory.UNKNOWN:
        description = f'"{entry.raw_category}" is no category that is known here'
        return DiscrepancyType.UNKNOWN_CATEGORY, description, entry.net_minor
    unexplained = _unexplained_fee(entry)
    if unexplained is not None:
        return (DiscrepancyType.UNEXPLAINED_FEE, *unexplained)
    if entry.category in CHARGING | REFUNDING and subject_of(entry).kind is SubjectKind.LINE:
        description = f"a {entry.category.value} that names neither payment nor refund"
        return DiscrepancyType.MISSING_HERE, description, entry.gross_minor
    return None


def _unexplained_fee(entry: SettlementEntry) -> tuple[str, int] | None:
    if entry.net_minor != entry.gross_minor - entry.fee_minor:
        return "gross less fee is not net", entry.gross_minor - entry.net_minor
    if entry.category is SettlementCategory.CHARGE and entry.fee_minor > abs(entry.gross_minor):
        return "the fee is above the charge", entry.fee_minor
    says_what_for = entry.description or entry.payment_reference
    if entry.category is SettlementCategory.FEE and not says_what_for:
        return "a fee that says not what for", entry.net_minor
    return None


def settlements(ours: OurRefund, lines: PspLines) -> tuple[Posting, ...]:
    """Return what a refund whose sides agree moves on the account, posted before or not.

    A return that stands alone moves both ways: perhaps the refund was settled before its line
    became the return's. Where the payment names no shopper the account is found by the order, as
    the credit's was.
    """
    refund = ours.refund
    if not (refund.psp_reference and ours.moves_account):
        return ()
    settled = posting_for_settled_refund(refund, ours.customer_id, lines.first_time)
    if not lines.failures:
        return (settled,)
    return settled, posting_for_returned_refund(refund, ours.customer_id, lines.last_time)


def healing_reason(kind: DiscrepancyType, lines: PspLines | None, after: Finding | None) -> str:
    """Say why a difference is none any more; `after` is what there is instead, if anything."""
    if after is not None:
        return f"it is another difference by now: {after.type.value}"
    if lines is None:
        return "neither side has it any more"
    if kind is DiscrepancyType.MISSING_AT_PSP:
        return f"the PSP's line came: {lines.first_entry}"
    if kind is DiscrepancyType.MISSING_HERE:
        return "it is known here by now"
    return "both sides agree by now"


def _moved(ours: OurPayment | OurRefund | None, lines: PspLines | None) -> datetime:
    if lines is not None:
        return lines.first_time
    if ours is None:
        raise ValueError("a finding of nothing on either side")
    return ours.moved_time


def _payment_evidence(ours: OurPayment) -> dict[str, str]:
    return {
        "payment_id": ours.payment_id,
        "order_id": ours.order_id,
        "state": ours.state.value,
        "captured_minor": str(ours.captured_minor),
        "currency": ours.currency,
    }


def _refund_evidence(ours: OurRefund) -> dict[str, str]:
    return {
        "refund_id": ours.refund.id,
        "payment_id": ours.refund.payment_id,
        "order_id": ours.refund.order_id,
        "state": ours.state.value,
        "amount_minor": str(ours.amount_minor),
        "currency": ours.currency,
    }
