"""What callers report of orders, already parsed: values that cannot be malformed."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

from gateway.domain.posting import Posting
from gateway.domain.requests import RequestKey, fingerprint_of
from legacy_bridge.port import AccountMovement
from psp.money import Money


@dataclass(frozen=True, slots=True)
class ReportInvoicedCommand:
    """See `paygate.v1.ReportInvoicedRequest`."""

    key: RequestKey
    order_id: str
    invoice_id: str
    amount: Money
    customer_id: str = ""
    """Empty: the order's."""
    payment_id: str = ""
    """Empty: the order's."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(
            {
                "order_id": self.order_id,
                "invoice_id": self.invoice_id,
                "amount": (self.amount.amount_minor, self.amount.currency),
                "customer_id": self.customer_id,
                "payment_id": self.payment_id,
            }
        )

    @property
    def posting_key(self) -> str:
        """Names the movement."""
        return f"invoice:{self.invoice_id}"


@dataclass(frozen=True, slots=True)
class ReportParcelCommand:
    """See `paygate.v1.ReportParcelCreatedRequest`."""

    key: RequestKey
    order_id: str
    parcel_id: str
    amount: Money

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(
            {
                "order_id": self.order_id,
                "parcel_id": self.parcel_id,
                "amount": (self.amount.amount_minor, self.amount.currency),
            }
        )

    @property
    def posting_key(self) -> str:
        """Names the movement."""
        return f"parcel:{self.parcel_id}"


ReportCommand = ReportInvoicedCommand | ReportParcelCommand


@dataclass(frozen=True, slots=True)
class StatementLine:
    """One movement of a shopper's account."""

    movement: AccountMovement
    balance_minor: int
    """In its currency, after it: above zero if we owe the shopper, goods or money."""


@dataclass(frozen=True, slots=True)
class Statement:
    """A shopper's account as the back office has it, and what is still on its way there."""

    lines: AsyncIterator[StatementLine]
    open_postings: Sequence[Posting]
    """Due, or refused."""
