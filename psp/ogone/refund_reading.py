"""Refunds in an order's history, and in the reply to one, as the port's: pure functions.

Maintenance keeps no reference of ours: a refund is known by its operation, PAYID/PAYIDSUB.
"""

from __future__ import annotations

from collections.abc import Iterable

from psp.money import Money
from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.failures import refund_failure_of
from psp.ogone.history import OrderHistory
from psp.ogone.money import from_ogone_amount
from psp.ogone.operations import amount_minor, is_in_doubt, meaning_at, refunds_of
from psp.port import PspRefund, RefundPayment, RefundStatus


def read_refunds(history: OrderHistory) -> tuple[PspRefund, ...]:
    """Return an order's refunds, the oldest first; raises `AmountError` if one has no amount."""
    return tuple(
        _refund(
            history,
            each.number,
            each.answer,
            each.status,
            Money(amount_minor(history.operations, each.answer), history.payment.currency),
        )
        for each in refunds_of(history.operations)
    )


def has_doubtful(history: OrderHistory) -> bool:
    """Whether something after the capture may be a refund that does not show as one yet."""
    numbers = range(len(history.operations))
    return any(is_in_doubt(history.operations, number) for number in numbers)


def done_before(refunds: Iterable[PspRefund], request: RefundPayment) -> PspRefund | None:
    """Return the refund that this request made before, or None if there is none.

    It has the request's amount and is nobody else's. Of several that may be it, one that did not
    fail comes first, then the oldest: money that moves must not be taken for money that does not.
    """
    amount = request.amount
    candidates = [
        each
        for each in refunds
        if (each.amount_minor, each.currency) == (amount.amount_minor, amount.currency)
        and each.psp_reference not in request.known_references
    ]
    return min(candidates, key=lambda each: each.status is RefundStatus.FAILED, default=None)


def read_reply(history: OrderHistory, request: RefundPayment, answer: Answer) -> PspRefund | None:
    """Read what a refund was answered; None if the reply does not say which operation it is.

    Raises `UnreadableAnswerError` or `AmountError` if it is about anything else. It may leave the
    sum out: then it is the one that was asked for.
    """
    status, number = meaning_at(answer).refund, answer.text("PAYIDSUB")
    if status is None:
        raise UnreadableAnswerError(f"status {answer.status!r} is none of a refund")
    expected = {
        "PAYID": history.payid,
        "ORDERID": request.psp_reference,
        "CURRENCY": request.amount.currency,
    }
    if any(answer.text(name) not in {"", value} for name, value in expected.items()):
        raise UnreadableAnswerError("it is about another payment")
    said = answer.text("AMOUNT")
    if said and from_ogone_amount(said, request.amount.currency) != request.amount.amount_minor:
        raise UnreadableAnswerError("it is about another amount")
    if not number:
        return None
    if not (number.isascii() and number.isdigit()) or int(number) < len(history.operations):
        raise UnreadableAnswerError(f"operation {number!r} was there before, or is none")
    return _refund(history, int(number), answer, status, request.amount)


def _refund(
    history: OrderHistory, number: int, answer: Answer, status: RefundStatus, amount: Money
) -> PspRefund:
    return PspRefund(
        psp_reference=f"{history.payid}/{number}",
        payment_reference=history.payment.psp_reference,
        status=status,
        raw_status=answer.status,
        currency=amount.currency,
        amount_minor=amount.amount_minor,
        failure=refund_failure_of(answer) if status is RefundStatus.FAILED else None,
    )
