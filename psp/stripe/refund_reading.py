"""A Refund as the port's refund: a pure function of Stripe's answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from psp.port import FailureCategory, PspFailure, PspRefund, RefundStatus
from psp.stripe.fields import (
    JsonObject,
    nested,
    reference,
    require_object,
    required_number,
    required_text,
    text,
)
from psp.stripe.money import from_stripe_amount

REFUND_ID: Final = "paygate_refund_id"
"""Metadata that names the refund by our id; a refund without it is somebody else's."""

# Stripe API, Refund `status`. What is not listed is unknown, never failed: it may have paid.
_STATUSES: Final[Mapping[str, RefundStatus]] = {
    "pending": RefundStatus.PENDING,
    "requires_action": RefundStatus.REQUIRES_ACTION,
    "succeeded": RefundStatus.SUCCEEDED,
    "failed": RefundStatus.FAILED,
    "canceled": RefundStatus.FAILED,
}

_C = FailureCategory

# Stripe API, Refund `failure_reason`: what it was, in words, and whether the same may work later.
_FAILURES: Final[Mapping[str, tuple[FailureCategory, str, bool]]] = {
    "lost_or_stolen_card": (_C.DECLINED, "The shopper's card was lost or stolen.", False),
    "expired_or_canceled_card": (
        _C.EXPIRED_CARD,
        "The shopper's card has expired or was canceled.",
        False,
    ),
    "charge_for_pending_refund_disputed": (
        _C.DECLINED,
        "The shopper disputed the payment while the refund was pending.",
        False,
    ),
    "insufficient_funds": (
        _C.INSUFFICIENT_FUNDS,
        "The account's balance at Stripe did not cover the refund.",
        True,
    ),
    "declined": (_C.DECLINED, "The shopper's bank did not take the refund.", False),
    "merchant_request": (_C.ABANDONED, "The refund was canceled at the merchant's request.", True),
    "unknown": (_C.PROCESSING_ERROR, "The refund failed; Stripe does not know why.", True),
}
_UNNAMED_FAILURE: Final = (_C.PROCESSING_ERROR, "The refund failed.", True)

# Stripe API, Refund `pending_reason`. `processing` is the usual course, and no obstacle.
_OBSTACLES: Final[Mapping[str, tuple[FailureCategory, str]]] = {
    "insufficient_funds": (
        _C.INSUFFICIENT_FUNDS,
        "The account's balance at Stripe does not cover the refund yet.",
    ),
    "charge_pending": (_C.PROCESSING_ERROR, "The payment itself is not settled yet."),
}

_UNCAPTURED: Final = "expired_uncaptured_charge"


def refund_status(raw_status: str) -> RefundStatus:
    """Map a status; one that we do not know is `UNKNOWN`."""
    return _STATUSES.get(raw_status, RefundStatus.UNKNOWN)


def read_refund(answer: object, psp_reference: str) -> PspRefund:
    """Read a Refund of the payment `psp_reference`.

    Raises `UnreadableAnswerError` or `AmountError` if it is none, or lacks id, currency or amount.
    """
    refund = require_object(answer, "refund")
    currency = required_text(refund, "currency").upper()
    raw_status = text(refund, "status")  # Stripe API: nullable
    status = refund_status(raw_status)
    return PspRefund(
        psp_reference=required_text(refund, "id"),
        payment_reference=reference(refund, "payment_intent") or psp_reference,
        status=status,
        raw_status=raw_status,
        currency=currency,
        amount_minor=from_stripe_amount(required_number(refund, "amount"), currency),
        refund_id=text(nested(refund, "metadata"), REFUND_ID),
        failure=_failure(refund, status),
    )


def gives_money_back(refund: JsonObject) -> bool:
    """Return whether money was taken before: a lapsed authorisation is listed as a refund too."""
    return text(refund, "reason") != _UNCAPTURED


def _failure(refund: JsonObject, status: RefundStatus) -> PspFailure | None:
    if status is RefundStatus.FAILED:
        code = text(refund, "failure_reason") or text(refund, "status")
        category, message, retryable = _FAILURES.get(code, _UNNAMED_FAILURE)
        return PspFailure(category, code, message, retryable)
    obstacle = text(refund, "pending_reason")
    if status is not RefundStatus.PENDING or obstacle not in _OBSTACLES:
        return None
    category, message = _OBSTACLES[obstacle]
    # Stripe goes on by itself; another refund would be a second one.
    return PspFailure(category, obstacle, message, retryable=False)
