"""A payment: what the gateway knows of it, and which states may follow which."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from psp.money import Money
from psp.port import (
    CapturePolicy,
    PaymentMethod,
    PspFailure,
    PspStatus,
    ReviewStatus,
)


class PaymentState(StrEnum):
    """Where a payment stands. Review, captured and refunded sums are dimensions beside it."""

    AWAITING_CUSTOMER = "awaiting_customer"
    PROCESSING = "processing"
    AUTHORIZED = "authorized"
    CAPTURED = "captured"
    CANCELED = "canceled"
    FAILED = "failed"
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Something was sent, or was about to be, and the PSP has not said what became of it."""


FINAL_STATES: Final = frozenset({PaymentState.CAPTURED, PaymentState.CANCELED, PaymentState.FAILED})

_S = PaymentState
ALLOWED_TRANSITIONS: Final[dict[PaymentState, frozenset[PaymentState]]] = {
    _S.AWAITING_CUSTOMER: frozenset(
        {_S.PROCESSING, _S.AUTHORIZED, _S.CAPTURED, _S.CANCELED, _S.FAILED, _S.OUTCOME_UNKNOWN}
    ),
    # A PSP may hand the shopper the next attempt after one that it worked on and that failed.
    _S.PROCESSING: frozenset(
        {
            _S.AWAITING_CUSTOMER,
            _S.AUTHORIZED,
            _S.CAPTURED,
            _S.CANCELED,
            _S.FAILED,
            _S.OUTCOME_UNKNOWN,
        }
    ),
    # A PSP may accept a capture and carry it out later.
    _S.AUTHORIZED: frozenset(
        {_S.PROCESSING, _S.CAPTURED, _S.CANCELED, _S.FAILED, _S.OUTCOME_UNKNOWN}
    ),
    _S.CAPTURED: frozenset(),
    _S.CANCELED: frozenset(),
    _S.FAILED: frozenset(),
    _S.OUTCOME_UNKNOWN: frozenset(
        {_S.AWAITING_CUSTOMER, _S.PROCESSING, _S.AUTHORIZED, _S.CAPTURED, _S.CANCELED, _S.FAILED}
    ),
}
"""What may follow what. Anything else is a correction by the PSP's word, journaled as one."""

STATE_OF_PSP_STATUS: Final[dict[PspStatus, PaymentState | None]] = {
    PspStatus.AWAITING_CUSTOMER: _S.AWAITING_CUSTOMER,
    PspStatus.PROCESSING: _S.PROCESSING,
    PspStatus.AUTHORIZED: _S.AUTHORIZED,
    PspStatus.CAPTURED: _S.CAPTURED,
    PspStatus.CANCELED: _S.CANCELED,
    PspStatus.FAILED: _S.FAILED,
    # A status we cannot read teaches nothing: the payment keeps the state it has.
    PspStatus.UNKNOWN: None,
}


@dataclass(frozen=True, slots=True)
class Payment:
    """One payment. `psp_account` is set once and never changes; sums share `amount`'s currency."""

    id: str
    order_id: str
    customer_id: str
    country_code: str
    method: PaymentMethod
    amount: Money
    authorized_minor: int
    captured_minor: int
    refunded_minor: int
    state: PaymentState
    review: ReviewStatus
    capture_policy: CapturePolicy
    psp_account: str
    psp_reference: str
    failure: PspFailure | None
    capture_before: datetime | None
    config_digest: str
    """Of the configuration that routed it; empty if it was made before the gateway was."""
    last_sequence: int
    """Sequence of its newest journal entry."""
    create_time: datetime
    update_time: datetime
    version: int
    """Grows by one with every change; a writer that read an older one is refused."""
    review_reference: str = ""
    """The PSP's id of the fraud review; it stays when the PSP stops naming it."""

    @property
    def currency(self) -> str:
        """Currency of every sum."""
        return self.amount.currency

    @property
    def capturable_minor(self) -> int:
        """What a capture may still take: one capture, all of it or a part."""
        if self.state is not PaymentState.AUTHORIZED or self.captured_minor:
            return 0
        return self.authorized_minor

    @property
    def is_adopted(self) -> bool:
        """Whether it was made before the gateway was: no routing of ours chose its PSP."""
        return not self.config_digest

    @property
    def is_final(self) -> bool:
        """Whether nothing more is expected of it, fraud review included."""
        return self.state in FINAL_STATES and self.review is not ReviewStatus.OPEN


@dataclass(frozen=True, slots=True)
class PaymentFilter:
    """Which payments to list; an empty field does not narrow."""

    order_id: str = ""
    customer_id: str = ""
    state: PaymentState | None = None
    psp_account: str = ""
