"""What callers ask of payments, already parsed: values that cannot be malformed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.journal import JournalEntry
from gateway.domain.payment import Payment
from gateway.domain.requests import RequestKey, fingerprint_of
from psp.money import Money
from psp.port import NextAction, PaymentMethod


class CancelReason(StrEnum):
    """Why a payment is canceled; the words of `psp.port.CancelPayment.reason`."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    ABANDONED = "abandoned"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"


@dataclass(frozen=True, slots=True)
class CreatePaymentCommand:
    """See `paygate.v1.CreatePaymentRequest`."""

    key: RequestKey
    order_id: str
    customer_id: str
    """Empty for a guest."""
    country_code: str
    method: PaymentMethod
    amount: Money
    alias_id: str = ""
    save_alias: bool = False
    return_url: str = ""
    off_session: bool = False

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of(
            {
                "order_id": self.order_id,
                "customer_id": self.customer_id,
                "country_code": self.country_code,
                "method": self.method,
                "amount": (self.amount.amount_minor, self.amount.currency),
                "alias_id": self.alias_id,
                "save_alias": self.save_alias,
                "return_url": self.return_url,
                "off_session": self.off_session,
            }
        )


@dataclass(frozen=True, slots=True)
class CapturePaymentCommand:
    """See `paygate.v1.CapturePaymentRequest`."""

    key: RequestKey
    payment_id: str
    amount: Money | None = None
    """None: all that is authorised."""

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        amount = self.amount and (self.amount.amount_minor, self.amount.currency)
        return fingerprint_of({"payment_id": self.payment_id, "amount": amount})


@dataclass(frozen=True, slots=True)
class CancelPaymentCommand:
    """See `paygate.v1.CancelPaymentRequest`."""

    key: RequestKey
    payment_id: str
    reason: CancelReason = CancelReason.REQUESTED_BY_CUSTOMER

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        return fingerprint_of({"payment_id": self.payment_id, "reason": self.reason})


@dataclass(frozen=True, slots=True)
class CreatedPayment:
    """What CreatePayment answers. `next_action` holds a secret and is never stored."""

    payment: Payment
    next_action: NextAction | None = None


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """Payments, newest first."""

    payments: Sequence[Payment]
    has_more: bool
    """Whether older ones follow; ask on with the last one's id as `before_id`."""


@dataclass(frozen=True, slots=True)
class EventPage:
    """A payment's journal, oldest first."""

    entries: Sequence[JournalEntry]
    has_more: bool
    """Whether later ones follow; ask on with the last one's sequence."""


@dataclass(frozen=True, slots=True)
class WatchStep:
    """One journal line of a followed payment, and the payment as it is when this is told."""

    entry: JournalEntry
    payment: Payment
