"""PaymentIntent statuses in the port's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.port import PspStatus

# Stripe API, PaymentIntent `status`. With the status, the sum that must back it: without it the
# answer contradicts itself, and nothing is decided on it.
_STATUSES: Final[Mapping[str, tuple[PspStatus, str]]] = {
    "requires_payment_method": (PspStatus.AWAITING_CUSTOMER, ""),
    "requires_confirmation": (PspStatus.AWAITING_CUSTOMER, ""),
    "requires_action": (PspStatus.AWAITING_CUSTOMER, ""),
    "processing": (PspStatus.PROCESSING, ""),
    "requires_capture": (PspStatus.AUTHORIZED, "amount_capturable"),
    "succeeded": (PspStatus.CAPTURED, "amount_received"),
    "canceled": (PspStatus.CANCELED, ""),
}

ATTEMPT_SUCCEEDED: Final = frozenset(
    {PspStatus.AUTHORIZED, PspStatus.CAPTURED, PspStatus.PROCESSING}
)
"""While the payment is in one of these, an earlier failed attempt is history."""


def psp_status(raw_status: str, amount_capturable: int, amount_received: int) -> PspStatus:
    """Map a status; one that we do not know is `UNKNOWN`, never a failure.

    A failed attempt leads back to `requires_payment_method`: the shopper may try again, so it is
    `AWAITING_CUSTOMER` with a failure beside it.
    """
    status, backing = _STATUSES.get(raw_status, (PspStatus.UNKNOWN, ""))
    sums = {"amount_capturable": amount_capturable, "amount_received": amount_received}
    if backing and sums[backing] <= 0:
        return PspStatus.UNKNOWN
    return status
