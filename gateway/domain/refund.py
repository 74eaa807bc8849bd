"""A refund: captured money on its way back to the shopper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psp.money import Money
from psp.port import PspFailure


class RefundState(StrEnum):
    """Where a refund stands."""

    OUTCOME_UNKNOWN = "outcome_unknown"
    """It was sent, or was about to be, and the PSP has not said what became of it."""
    PENDING = "pending"
    """The PSP accepted it and pays later."""
    REQUIRES_ACTION = "requires_action"
    """The PSP accepted it and waits for the shopper, or for us."""
    SUCCEEDED = "succeeded"
    """On its way to the shopper's bank. It can still fail there later."""
    FAILED = "failed"
    """The money is, or comes, back with us."""


class RefundCause(StrEnum):
    """Who wanted it."""

    REQUESTED = "requested"
    """A caller of CreateRefund."""
    FILE = "file"
    """A line of the back office's refund file."""
    ORDER = "order"
    """The gateway itself: the money came for an order that cannot take it."""
    PSP = "psp"
    """Made at the PSP: by the PSP itself, or by hand in its back office."""


@dataclass(frozen=True, slots=True)
class Refund:
    """One refund. Everything but state, reference and failure is set once."""

    id: str
    payment_id: str
    order_id: str
    amount: Money
    state: RefundState
    cause: RefundCause
    reason: str
    """The PSP's word for it: requested_by_customer, duplicate or fraudulent."""
    psp_account: str
    psp_reference: str
    """Empty until the PSP answered."""
    failure: PspFailure | None
    create_time: datetime
    update_time: datetime
    version: int

    @property
    def counts(self) -> bool:
        """Whether its money is away, on its way, or perhaps so."""
        return self.state is not RefundState.FAILED

    @property
    def came_back(self) -> bool:
        """Whether the PSP gave it up, or refused it: the same again would end the same.

        One that the PSP made has had its try, whatever the failure says of another one. Only what
        never got there is asked for again.
        """
        retryable = self.failure is not None and self.failure.retryable
        return self.state is RefundState.FAILED and (bool(self.psp_reference) or not retryable)

    @property
    def is_unanswered(self) -> bool:
        """Whether it was written down, and the PSP has not shown it yet."""
        return self.state is RefundState.OUTCOME_UNKNOWN and not self.psp_reference


@dataclass(frozen=True, slots=True)
class RefundFilter:
    """Which refunds to list; an empty field does not narrow."""

    payment_id: str = ""
    order_id: str = ""
    state: RefundState | None = None
    psp_account: str = ""


def came_back(refunds: Iterable[Refund]) -> frozenset[str]:
    """Return the payments whose money the gateway gave back by itself, and the PSP returned."""
    return frozenset(
        refund.payment_id
        for refund in refunds
        if refund.cause is RefundCause.ORDER and refund.came_back
    )
