"""PaymentIntent statuses in our words."""

from __future__ import annotations

import pytest

from psp.port import PspStatus
from psp.stripe.statuses import psp_status


@pytest.mark.parametrize(
    "raw_status, capturable, received, expected",
    [
        ("requires_payment_method", 0, 0, PspStatus.AWAITING_CUSTOMER),
        ("requires_confirmation", 0, 0, PspStatus.AWAITING_CUSTOMER),
        ("requires_action", 0, 0, PspStatus.AWAITING_CUSTOMER),
        ("processing", 0, 0, PspStatus.PROCESSING),
        ("requires_capture", 100, 0, PspStatus.AUTHORIZED),
        ("succeeded", 0, 100, PspStatus.CAPTURED),
        ("canceled", 0, 0, PspStatus.CANCELED),
    ],
)
def test_every_documented_status_is_known(
    raw_status: str, capturable: int, received: int, expected: PspStatus
) -> None:
    """Stripe's documented statuses map to ours."""
    assert expected == psp_status(raw_status, capturable, received)


@pytest.mark.parametrize("raw_status", ["requires_reauthorization", "expired", "brand_new", ""])
def test_an_unknown_status_is_unknown(raw_status: str) -> None:
    """A status we have not met is neither paid nor failed."""
    assert psp_status(raw_status, 100, 100) is PspStatus.UNKNOWN


@pytest.mark.parametrize("raw_status", ["requires_capture", "succeeded"])
def test_a_paid_status_without_money_is_unknown(raw_status: str) -> None:
    """Nothing is called authorised or captured while its sum is zero."""
    assert psp_status(raw_status, 0, 0) is PspStatus.UNKNOWN
