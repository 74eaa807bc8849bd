"""An order at Ogone as the port's payment: a pure function of what the queries answered.

The status of an order says where it stands; what was authorised, taken and given back is said by
its operations, each of which has its own status and amount: PAYID/0 is the authorisation or sale,
the later ones are captures, cancels and refunds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.failures import ABANDONED, failure_of
from psp.ogone.money import from_ogone_amount
from psp.ogone.statuses import CAPTURES, CAPTURES_BEGUN, REFUNDS, meaning_of
from psp.port import PspFailure, PspPayment, PspStatus

_BY_SHOPPER = "1"


def read_payment(order_id: str, current: Answer, operations: Sequence[Answer]) -> PspPayment:
    """Read an order: `current` says where it stands, `operations` hold its sums, first to last.

    Raises `UnreadableAnswerError` or `AmountError` if it is another order, or lacks its status, its
    currency or an amount that counts.
    """
    if not current.status or current.text("ORDERID") not in {"", order_id}:
        raise UnreadableAnswerError("the answer is not about this order, or has no status")
    meaning = meaning_of(current.status, current.error_code)
    amount_minor = _amount_minor(operations, operations[0])
    authorized = meaning.authorized or any(
        meaning_of(each.status, each.error_code).authorized for each in operations
    )
    return PspPayment(
        psp_reference=order_id,
        status=meaning.status,
        raw_status=current.status,
        currency=currency_of(operations),
        amount_minor=amount_minor,
        authorized_minor=amount_minor if authorized else 0,
        captured_minor=_taken_minor(operations, CAPTURES) if meaning.captured else 0,
        refunded_minor=_returned_minor(operations) if meaning.captured else 0,
        failure=_failure(current, meaning.status),
        payment_id=order_id,
        pending=meaning.pending,
    )


def taken_minor(operations: Sequence[Answer]) -> int:
    """Return what a capture took, or was accepted and will take; see `read_payment` for errors."""
    return _taken_minor(operations, CAPTURES_BEGUN)


def currency_of(operations: Sequence[Answer]) -> str:
    """Return the currency of an order, which none of its operations can change."""
    currencies = {each.text("CURRENCY").upper() for each in operations} - {""}
    if len(currencies) != 1:
        raise UnreadableAnswerError("the answer has no currency, or more than one")
    return currencies.pop()


def _taken_minor(operations: Sequence[Answer], statuses: Collection[str]) -> int:
    captures = [each for each in operations[1:] if each.status in statuses]
    # Without a capture of its own it was a sale, which takes all that it authorises.
    return sum(_amount_minor(operations, each) for each in captures or operations[:1])


def _returned_minor(operations: Sequence[Answer]) -> int:
    returned = [each for each in operations if each.status in REFUNDS]
    return sum(_amount_minor(operations, each) for each in returned)


def _amount_minor(operations: Sequence[Answer], operation: Answer) -> int:
    return from_ogone_amount(operation.text("AMOUNT"), currency_of(operations))


def _failure(current: Answer, status: PspStatus) -> PspFailure | None:
    if current.status == _BY_SHOPPER:
        return ABANDONED
    return failure_of(current) if status is PspStatus.FAILED else None
