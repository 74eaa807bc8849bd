"""The third PSP's words in the port's: payments, and webhooks."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final, cast

from psp.errors import InvalidEventError
from psp.port import (
    FailureCategory,
    NextAction,
    NextActionKind,
    PspEvent,
    PspEventSubject,
    PspFailure,
    PspPayment,
    PspRefund,
    PspStatus,
    RefundStatus,
)
from tests.support.third_psp.client import JsonDict

SIGNATURE: Final = "X-Signature"

_STATUSES: Final[Mapping[str, PspStatus]] = MappingProxyType(
    {
        "open": PspStatus.AWAITING_CUSTOMER,
        "authorised": PspStatus.AUTHORIZED,
        "captured": PspStatus.CAPTURED,
        "cancelled": PspStatus.CANCELED,
        "declined": PspStatus.FAILED,
    }
)
"""What is not listed is unknown, never failed."""
_REFUND_STATUSES: Final[Mapping[str, RefundStatus]] = MappingProxyType(
    {
        "accepted": RefundStatus.PENDING,
        "paid": RefundStatus.SUCCEEDED,
        "returned": RefundStatus.FAILED,
    }
)
_RETURNED: Final = PspFailure(
    FailureCategory.PROCESSING_ERROR,
    "returned",
    "The shopper's bank sent the money back.",
    retryable=True,
)
_CATEGORIES: Final[Mapping[str, FailureCategory]] = MappingProxyType(
    {
        "no_funds": FailureCategory.INSUFFICIENT_FUNDS,
        "not_authenticated": FailureCategory.AUTHENTICATION_FAILED,
    }
)


def read_payment(told: JsonDict) -> PspPayment:
    """Read a payment as every answer shows it."""
    amount, code = int(str(told["amount"])), str(told["reason"])
    status = _STATUSES.get(str(told["state"]), PspStatus.UNKNOWN)
    return PspPayment(
        psp_reference=str(told["id"]),
        status=status,
        raw_status=str(told["state"]),
        currency=str(told["currency"]),
        amount_minor=amount,
        authorized_minor=int(str(told["authorised"])),
        captured_minor=int(str(told["captured"])),
        refunded_minor=sum(
            refund.amount_minor
            for refund in read_refunds(told)
            if refund.status is not RefundStatus.FAILED
        ),
        failure=_failure(code) if code else None,
        next_action=NextAction(NextActionKind.REDIRECT, url=str(told["page"]))
        if status is PspStatus.AWAITING_CUSTOMER
        else None,
        payment_id=str(told["id"]),
    )


def read_refunds(told: JsonDict) -> tuple[PspRefund, ...]:
    """Read the refunds of a payment, the oldest first: it numbers them, and keeps no id of ours."""
    return tuple(
        _read_refund(told, number, refund)
        for number, refund in enumerate(cast("list[JsonDict]", told["refunds"]), start=1)
    )


def read_event(headers: Mapping[str, str], body: bytes, secret: str) -> PspEvent:
    """Verify and read a webhook; raises `InvalidEventError`."""
    given = next((value for name, value in headers.items() if name.lower() == "x-signature"), "")
    if not hmac.compare_digest(given.encode(), signature(body, secret).encode()):
        raise InvalidEventError("the signature does not match")
    event = json.loads(body)
    return PspEvent(
        event_id=event["event"],
        event_type=event["state"],
        subject=PspEventSubject.PAYMENT,
        psp_reference=event["id"],
        payment_id=event["id"],
        occurred_time=datetime.fromtimestamp(event["at"], UTC),
    )


def signature(body: bytes, secret: str) -> str:
    """Return how a webhook is signed."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _read_refund(told: JsonDict, number: int, refund: JsonDict) -> PspRefund:
    status = _REFUND_STATUSES.get(str(refund["state"]), RefundStatus.UNKNOWN)
    return PspRefund(
        psp_reference=f"{told['id']}/{number}",
        payment_reference=str(told["id"]),
        status=status,
        raw_status=str(refund["state"]),
        currency=str(told["currency"]),
        amount_minor=int(str(refund["amount"])),
        failure=_RETURNED if status is RefundStatus.FAILED else None,
    )


def _failure(code: str) -> PspFailure:
    category = _CATEGORIES.get(code, FailureCategory.DECLINED)
    return PspFailure(category, code, "The payment was declined.", retryable=False)
