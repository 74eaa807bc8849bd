"""A movement of the back office's refund file: money to be given back, once and for ever."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.domain.refund import RefundState
from psp.money import Money


class MovementState(StrEnum):
    """Where a movement stands; once it is sent, its refund says more."""

    WAITING = "waiting"
    """Accepted: it is sent when its turn comes."""
    SENT = "sent"
    """It has its refund, which was written down in the same commit."""
    REFUSED = "refused"
    """It surely was not done, and the same again would end the same. Final."""


class Standing(StrEnum):
    """Where a movement stands, its refund included."""

    WAITING = "waiting"
    SENT = "sent"
    """About to be sent, or sent and unanswered."""
    PENDING = "pending"
    REQUIRES_ACTION = "requires_action"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    """The PSP made the refund, and it failed, perhaps long after it had succeeded."""
    REFUSED = "refused"


UNANSWERED: Final = frozenset({Standing.WAITING, Standing.SENT})
"""Of which the PSP has not said yet whether it takes it."""

_STANDING_OF_REFUND: Final[Mapping[RefundState, Standing]] = MappingProxyType(
    {
        RefundState.OUTCOME_UNKNOWN: Standing.SENT,
        RefundState.PENDING: Standing.PENDING,
        RefundState.REQUIRES_ACTION: Standing.REQUIRES_ACTION,
        RefundState.SUCCEEDED: Standing.SUCCEEDED,
        RefundState.FAILED: Standing.FAILED,
    }
)
_STANDING_WITHOUT: Final[Mapping[MovementState, Standing]] = MappingProxyType(
    {
        MovementState.WAITING: Standing.WAITING,
        MovementState.SENT: Standing.SENT,
        MovementState.REFUSED: Standing.REFUSED,
    }
)


def standing(state: MovementState, refund: RefundState | None) -> Standing:
    """Say where a movement stands, given its refund's state if it has one."""
    if state is MovementState.SENT and refund is not None:
        return _STANDING_OF_REFUND[refund]
    return _STANDING_WITHOUT[state]


@dataclass(frozen=True, slots=True)
class Movement:
    """One movement as it was accepted. Everything up to `digest` never changes."""

    movement_id: str
    """The back office's name for it: whatever comes under it later is this movement."""
    batch_id: str
    line_number: int
    order_id: str
    payment_id: str
    """Ours; empty for a payment that was made before the gateway was."""
    psp_account: str
    """Where the money goes back."""
    psp_reference: str
    """What the PSP calls a payment that was made before the gateway was."""
    amount: Money
    reason: str
    """A value of `gateway.refunds.commands.RefundReason`."""
    country_code: str
    digest: str
    """Equal for lines that mean the same."""
    create_time: datetime
    state: MovementState = MovementState.WAITING
    refund_id: str = ""
    attempts: int = 0
    """Those that came to nothing."""

    @property
    def payment_key(self) -> str:
        """Names its payment: movements of one payment go one after the other."""
        return self.payment_id or self.psp_reference

    def at(self, psp_account: str) -> Movement:
        """Return it with the account that its payment turned out to have."""
        return replace(self, psp_account=psp_account)


@dataclass(frozen=True, slots=True)
class OverdueMovement:
    """Money that was to be given back, and of which nobody has confirmed that it was."""

    movement_id: str
    """Empty for a refund that no file asked for."""
    refund_id: str
    """Empty for a movement that was never sent."""
    psp_account: str
    psp_reference: str
    """Of the refund; empty until the PSP answered."""
    order_id: str
    amount: Money
    standing: Standing
    since: datetime
    """When it was accepted, or asked for."""

    def age(self, now: datetime) -> timedelta:
        """How long it has been open."""
        return now - self.since
