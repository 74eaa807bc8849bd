"""An operation: one change we ask of a PSP, written down before it is sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.domain.requests import RequestKey


class OperationKind(StrEnum):
    """What is asked of the PSP."""

    CREATE = "create"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"
    """Of a part or all of what was captured; `Refund` says how that ends."""


class OperationState(StrEnum):
    """What is known of it."""

    PENDING = "pending"
    """Committed; perhaps sent. A process that died here leaves this, and the resolver takes it."""
    UNKNOWN = "unknown"
    """Sent, and no trustworthy answer came."""
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """Surely did not happen."""


OPEN_STATES: Final = frozenset({OperationState.PENDING, OperationState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class Operation:
    """One intent towards a PSP. At most one of a payment is open at a time."""

    id: str
    payment_id: str
    kind: OperationKind
    psp_account: str
    amount_minor: int
    currency: str
    idempotency_key: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What else is needed to send the very same request again; no secrets."""
    state: OperationState = OperationState.PENDING
    error: str = ""
    attempts: int = 0
    request: RequestKey | None = None
    """The request it serves; None for the gateway's own decisions."""
    create_time: datetime | None = None
    next_check_time: datetime | None = None
    """When the resolver may look at it; while the first sender runs, its lease."""

    def claimed(self) -> Operation:
        """Return it as the row stands after somebody took it on."""
        return replace(self, attempts=self.attempts + 1)
