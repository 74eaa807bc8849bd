"""What a refund file holds, line by line, and what becomes of each line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from gateway.domain.refund_batch import RefundBatch
from gateway.domain.refund_movement import Standing
from gateway.domain.requests import RequestKey, fingerprint_of
from gateway.refunds.commands import RefundedPayment, RefundReason
from psp.money import Money

MOST_REFUSALS: Final = 1000
"""Refusals told one by one; the rest is counted, and stands in the result file."""


class LineRefusal(StrEnum):
    """Why a line, or the movement of one, is not carried out.

    The names of `paygate.v1.RefundLineRefusalReason`; that file says what each means.
    """

    MALFORMED = "malformed"
    WRONG_ENCODING = "wrong_encoding"
    INVALID_AMOUNT = "invalid_amount"
    MOVEMENT_REUSED = "movement_reused"
    UNKNOWN_ACCOUNT = "unknown_account"
    UNKNOWN_PAYMENT = "unknown_payment"
    OTHER_ORDER = "other_order"
    WRONG_CURRENCY = "wrong_currency"
    EXCEEDS_REMAINING = "exceeds_remaining"
    PAYMENT_STATE = "payment_state"
    PSP_REJECTED = "psp_rejected"


class LineOutcome(StrEnum):
    """What became of a line when it was read."""

    ACCEPTED = "accepted"
    DUPLICATE = "duplicate"
    """Its movement was accepted before, from a line that meant the same: nothing changes."""
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class MovementLine:
    """One line that could be read."""

    number: int
    """In the file, the header being 1."""
    movement_id: str
    payment: RefundedPayment
    amount: Money
    reason: RefundReason
    country_code: str
    digest: str
    """Equal for lines that mean the same, however they are written."""


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """Why nothing was done for a line."""

    number: int
    movement_id: str
    """Empty if the line names none that could be read."""
    reason: LineRefusal
    message: str
    """What is wrong and what to do, in one sentence."""


@dataclass(frozen=True, slots=True)
class BatchOptions:
    """See `paygate.v1.SubmitRefundBatchOptions`."""

    key: RequestKey
    file_name: str

    @property
    def fingerprint(self) -> str:
        """Equal for equal options; the file itself is told apart by its digest."""
        return fingerprint_of({"file_name": self.file_name})


@dataclass(frozen=True, slots=True)
class SubmittedBatch:
    """A batch whose file was read to its end."""

    batch: RefundBatch
    refusals: Sequence[RefusedLine]
    """The first `MOST_REFUSALS`."""


@dataclass(frozen=True, slots=True)
class LineResult:
    """One line of a result: what became of it when it was read, and how its movement stands."""

    number: int
    movement_id: str
    outcome: LineOutcome
    standing: Standing
    refund_id: str
    psp_reference: str
    reason: str
    """Why it was refused or failed: a code, and after a colon the words; empty otherwise."""
