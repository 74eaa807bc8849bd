"""What a request was answered, kept as JSON so that the same request gets the same answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Final

from pydantic import TypeAdapter

from gateway.domain.payment import Payment
from gateway.domain.refund import Refund
from gateway.domain.requests import JsonAnswer, StoredRequest
from gateway.errors import PaygateError, Reason, StateViolation

_PAYMENT: Final = TypeAdapter(Payment)
_PAYMENT_KEY: Final = "payment"
_REFUND: Final = TypeAdapter(Refund)
_REFUND_KEY: Final = "refund"
_REFUSAL_KEY: Final = "refusal"


def payment_answer(payment: Payment) -> JsonAnswer:
    """Write a payment as it stood when it was answered."""
    return {_PAYMENT_KEY: _PAYMENT.dump_python(payment, mode="json")}


def refund_answer(refund: Refund) -> JsonAnswer:
    """Write a refund as it stood when it was answered."""
    return {_REFUND_KEY: _REFUND.dump_python(refund, mode="json")}


def refusal_answer(refusal: PaygateError) -> JsonAnswer:
    """Write a refusal that the same request will always meet."""
    return {
        _REFUSAL_KEY: {
            "reason": refusal.reason.value,
            "message": refusal.message,
            "metadata": refusal.metadata,
            "states": [asdict(state) for state in refusal.states],
        }
    }


def answered_payment(answer: JsonAnswer) -> Payment:
    """Return the payment that was answered; raises the `PaygateError` if it was a refusal."""
    _raise_refusal(answer)
    return _PAYMENT.validate_python(answer[_PAYMENT_KEY])


def answered_refund(answer: JsonAnswer) -> Refund:
    """Return the refund that was answered; raises the `PaygateError` if it was a refusal."""
    _raise_refusal(answer)
    return _REFUND.validate_python(answer[_REFUND_KEY])


def _raise_refusal(answer: JsonAnswer) -> None:
    refusal: Any = answer.get(_REFUSAL_KEY)
    if isinstance(refusal, Mapping):
        raise PaygateError(
            Reason(refusal["reason"]),
            refusal["message"],
            metadata=refusal["metadata"],
            states=[StateViolation(**state) for state in refusal["states"]],
        )


def require_same(stored: StoredRequest, fingerprint: str) -> None:
    """Raise `PaygateError` if a stored request is another one than that of `fingerprint`."""
    if stored.fingerprint != fingerprint:
        raise PaygateError(
            Reason.REQUEST_ID_REUSED,
            f"request_id {stored.key.request_id} was used for another {stored.key.method} "
            f"(of {stored.resource_id}): make a new UUID for a new request",
            metadata={"request_id": stored.key.request_id, "resource_id": stored.resource_id},
        )


def still_running(stored: StoredRequest, now: datetime, retry_after_s: float) -> PaygateError:
    """Return the refusal of a request whose first sending is still under way."""
    age_s = (now - stored.create_time).total_seconds()
    return PaygateError(
        Reason.REQUEST_IN_PROGRESS,
        f"the request with this request_id began {age_s:.1f} s ago and still runs: "
        "send it again in a moment",
        metadata={"request_id": stored.key.request_id, "resource_id": stored.resource_id},
        retry_after_s=retry_after_s,
    )
