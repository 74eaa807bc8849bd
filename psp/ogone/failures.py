"""Why an attempt to pay, or a refund, failed: Ogone's codes in the port's categories."""

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


# By the refund's status (Ogone, "Transaction statuses"): its error code is the acquirer's, if any.
REFUND_FAILURES: Final[Mapping[str, tuple[FailureCategory, str]]] = MappingProxyType(
    {
        "73": (_C.PROCESSING_ERROR, "The deletion of the payment was refused."),
        "83": (_C.DECLINED, "The acquirer refused the refund."),
        "84": (_C.DECLINED, "The refund is disputed, or was refused later: look into it by hand."),
        "94": (_C.DECLINED, "The acquirer declined the refund."),
        "96": (_C.PROCESSING_ERROR, "The refund was reversed: the money is back with us."),
    }
)
"""Category and message of every status in which a refund failed."""


def refund_failure_of(answer: Answer) -> PspFailure:
    """Read why a refund failed; the shopper has nothing to try again."""
    category, message = REFUND_FAILURES[answer.status]
    return PspFailure(category, answer.error_code or answer.status, message, retryable=False)


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
