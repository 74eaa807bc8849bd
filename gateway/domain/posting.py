"""Postings: movements of the financial account on their way to the back office, and their sums."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from legacy_bridge.port import AccountMovement, MovementKind
from psp.money import Money

ORDER_UNKNOWN: Final = "the back office does not know the order yet"
"""Why a posting waits whose order's draft may still come: nobody needs to be woken for it."""


class PostingState(StrEnum):
    """Where a posting stands."""

    DUE = "due"
    """Written down; the back office has it, or will."""
    POSTED = "posted"
    """In the back office, once."""
    REFUSED = "refused"
    """The back office holds another movement under this key: somebody has to look."""
    NO_ACCOUNT = "no_account"
    """The order is a guest's, who has no account: there is nowhere to post it."""


@dataclass(frozen=True, slots=True)
class Posting:
    """One movement, written in the same commit as what causes it."""

    key: str
    """Names the movement, here and in the back office."""
    customer_id: str
    """Empty: the back office is asked whose order it is, when the movement is posted."""
    order_id: str
    kind: MovementKind
    amount: Money
    reference: str
    """What it is about: a payment, a parcel, a refund."""
    booking_time: datetime
    state: PostingState = PostingState.DUE
    attempts: int = 0
    """Those that failed."""
    last_error: str = ""

    @property
    def movement(self) -> AccountMovement:
        """What is posted; raises `ValueError` as long as it is not known to whose account."""
        return AccountMovement(
            key=self.key,
            customer_id=self.customer_id,
            order_id=self.order_id,
            kind=self.kind,
            amount=self.amount,
            reference=self.reference,
            booking_time=self.booking_time,
        )


@dataclass(frozen=True, slots=True)
class AccountOrder:
    """How much of an order was reported; two reports of it at once are told apart by it."""

    order_id: str
    currency: str
    invoiced_minor: int
    shipped_minor: int
    version: int
    """Grows by one with every report; 0: nothing was reported yet."""

    @property
    def left_to_ship(self) -> Money:
        """What was invoiced and is not in a parcel yet."""
        return Money(self.invoiced_minor - self.shipped_minor, self.currency)
