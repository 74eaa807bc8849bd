"""The journal: what happened to a payment, one line each, never changed afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from gateway.domain.payment import PaymentState
from psp.port import ReviewStatus


class EventType(StrEnum):
    """What a journal line tells."""

    PAYMENT_CREATED = "payment_created"
    PAYMENT_ADOPTED = "payment_adopted"
    """It was made before the gateway was, and is known here from now on."""
    CAPTURE_REQUESTED = "capture_requested"
    CANCEL_REQUESTED = "cancel_requested"
    REFUND_REQUESTED = "refund_requested"
    OPERATION_FAILED = "operation_failed"
    """The PSP refused a capture or cancellation, or it surely never got there."""
    OPERATION_UNKNOWN = "operation_unknown"
    STATE_CHANGED = "state_changed"
    STATUS_CORRECTED = "status_corrected"
    """The PSP's word contradicts what we held; its word is taken."""
    REVIEW_CHANGED = "review_changed"
    FAILURE_RECORDED = "failure_recorded"
    """An attempt failed and the state stayed, e.g. a decline after which the shopper may retry."""
    AMOUNTS_CHANGED = "amounts_changed"
    REFUND_CHANGED = "refund_changed"
    """A refund has a new state, or one turned up that was made at the PSP."""
    PSP_MISMATCH = "psp_mismatch"
    """An alarm: the PSP's amount or currency is not ours. Nothing was taken over."""
    ORDER_RELEASED = "order_released"
    ORDER_HELD = "order_held"
    ORDER_CANCELED = "order_canceled"
    ORDER_CONFLICT = "order_conflict"
    """An alarm: money that an order cannot take, or goods that went out unpaid or under doubt."""


@dataclass(frozen=True, slots=True)
class JournalEntry:
    """One line: what happened, and how the payment stood right after."""

    id: str
    payment_id: str
    order_id: str
    sequence: int
    """1, 2, 3, … without gaps for each payment."""
    type: EventType
    state: PaymentState
    review: ReviewStatus
    currency: str
    captured_minor: int
    refunded_minor: int
    create_time: datetime
    details: Mapping[str, str] = field(default_factory=dict)
