"""Why a shopper's attempt failed: Ogone's codes in the port's categories."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from psp.ogone.answers import Answer
from psp.ogone.errors import RETRYABLE
from psp.ogone.wording import redacted
from psp.port import FailureCategory, PspFailure

_C = FailureCategory

# Ogone, "Possible errors". What is not listed is judged by how it begins.
_CATEGORIES: Final[Mapping[str, FailureCategory]] = MappingProxyType(
    {
        "30001001": _C.DECLINED,
        "30051001": _C.DECLINED,
        "30511001": _C.INSUFFICIENT_FUNDS,
        "30331001": _C.EXPIRED_CARD,
        **dict.fromkeys(("40001134", "40001135", "40001136", "40001137"), _C.AUTHENTICATION_FAILED),
    }
)
_BY_START: Final[Mapping[str, FailureCategory]] = MappingProxyType(
    {"00": _C.PROCESSING_ERROR, "2": _C.PROCESSING_ERROR, "4": _C.PROCESSING_ERROR}
    | {"5": _C.INCORRECT_DATA}
)

ABANDONED: Final = PspFailure(
    category=_C.ABANDONED,
    code="1",
    message="The shopper left the payment page.",
    retryable=False,
)
"""Status 1: there is no error code, only the status."""


def failure_of(answer: Answer) -> PspFailure:
    """Read the reason of a payment that failed, from any reply that shows it."""
    code = answer.error_code
    by_start = (category for start, category in _BY_START.items() if code.startswith(start))
    return PspFailure(
        category=_CATEGORIES.get(code) or next(by_start, _C.DECLINED),
        code=code or answer.status,
        message=redacted(answer.error_text) or "The payment was declined.",
        retryable=code in RETRYABLE,
    )
