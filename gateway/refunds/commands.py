"""What callers ask of refunds, already parsed: values that cannot be malformed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from gateway.domain.refund import Refund
from gateway.domain.requests import RequestKey, fingerprint_of
from psp.money import Money


class RefundReason(StrEnum):
    """Why money goes back; the words of `psp.port.RefundPayment.reason`."""

    REQUESTED_BY_CUSTOMER = "requested_by_customer"
    DUPLICATE = "duplicate"
    FRAUDULENT = "fraudulent"


@dataclass(frozen=True, slots=True)
class RefundedPayment:
    """Which payment: by its id here, or, if it was made before the gateway was, by the PSP's."""

    payment_id: str = ""
    psp_account: str = ""
    psp_reference: str = ""
    order_id: str = ""
    """Of a payment that is named by the PSP's reference: the order it paid."""


@dataclass(frozen=True, slots=True)
class CreateRefundCommand:
    """See `paygate.v1.CreateRefundRequest`."""

    key: RequestKey
    payment: RefundedPayment
    amount: Money | None = None
    """None: all that is left."""
    reason: RefundReason = RefundReason.REQUESTED_BY_CUSTOMER

    @property
    def fingerprint(self) -> str:
        """Equal for equal requests."""
        payment = self.payment
        return fingerprint_of(
            {
                "payment_id": payment.payment_id,
                "psp_account": payment.psp_account,
                "psp_reference": payment.psp_reference,
                "order_id": payment.order_id,
                "amount": self.amount and (self.amount.amount_minor, self.amount.currency),
                "reason": self.reason,
            }
        )


@dataclass(frozen=True, slots=True)
class RefundPage:
    """Refunds, newest first."""

    refunds: Sequence[Refund]
    has_more: bool
    """Whether older ones follow; ask on with the last one's id as `before_id`."""
