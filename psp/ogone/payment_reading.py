"""An order at Ogone as the port's payment: a pure function of what the queries answered.

The status of an order says where it stands; what was authorised, taken and given back is said by
its operations, each of which has its own status and amount.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.failures import ABANDONED, failure_of
from psp.ogone.operations import (
    amount_minor,
    captured_minor,
    currency_of,
    given_back_minor,
    is_captured_before,
    is_in_doubt,
    meaning_at,
)
from psp.ogone.statuses import Meaning, meaning_of
from psp.port import PspFailure, PspPayment, PspStatus

_BY_SHOPPER: Final = "1"
_CAPTURED: Final = Meaning(PspStatus.CAPTURED, authorized=True, captured=True)


def read_payment(order_id: str, current: Answer, operations: Sequence[Answer]) -> PspPayment:
    """Read an order: `current` says where it stands, `operations` hold its sums, first to last.

    Raises `UnreadableAnswerError` or `AmountError` if it is another order, or lacks its status, its
    currency or an amount that counts.
    """
    if not current.status or current.text("ORDERID") not in {"", order_id}:
        raise UnreadableAnswerError("the answer is not about this order, or has no status")
    meaning = _meaning(current, operations)
    whole_minor = amount_minor(operations, operations[0])
    authorized = meaning.authorized or any(meaning_at(each).authorized for each in operations)
    return PspPayment(
        psp_reference=order_id,
        status=meaning.status,
        raw_status=current.status,
        currency=currency_of(operations),
        amount_minor=whole_minor,
        authorized_minor=whole_minor if authorized else 0,
        captured_minor=captured_minor(operations) if meaning.captured else 0,
        refunded_minor=given_back_minor(operations) if meaning.captured else 0,
        failure=_failure(current, meaning.status),
        payment_id=order_id,
        pending=meaning.pending,
    )


def _meaning(current: Answer, operations: Sequence[Answer]) -> Meaning:
    """Return what the order's status means, once its history is known as well."""
    meaning, last = meaning_of(current.status, current.error_code), len(operations) - 1
    if is_in_doubt(operations, last):
        # What was taken stays taken; what is being done with it is not known yet.
        return replace(_CAPTURED, status=PspStatus.UNKNOWN)
    if meaning.refund is not None and is_captured_before(operations, last):
        # Also of a deletion, which would otherwise be a cancel: the money had been taken.
        return _CAPTURED
    return meaning


def _failure(current: Answer, status: PspStatus) -> PspFailure | None:
    if current.status == _BY_SHOPPER:
        return ABANDONED
    return failure_of(current) if status is PspStatus.FAILED else None
