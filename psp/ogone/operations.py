"""The operations of an order, first to last: what each moved, and which gave money back.

A reply does not name the operation that it shows: its place and its status tell what it is. PAYID/0
is the authorisation or sale, the later ones are captures, cancels and refunds.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.money import from_ogone_amount
from psp.ogone.statuses import CAPTURES, CAPTURES_BEGUN, GIVEN_BACK, Meaning, meaning_of
from psp.port import PendingChange, PspStatus, RefundStatus


@dataclass(frozen=True, slots=True)
class RefundOperation:
    """One operation that gives money back, or was to."""

    number: int
    """Its PAYIDSUB."""
    answer: Answer
    status: RefundStatus


def currency_of(operations: Sequence[Answer]) -> str:
    """Return the currency of an order, which none of its operations can change.

    Raises `UnreadableAnswerError` if they name none, or more than one.
    """
    currencies = {each.text("CURRENCY").upper() for each in operations} - {""}
    if len(currencies) != 1:
        raise UnreadableAnswerError("the answer has no currency, or more than one")
    return currencies.pop()


def amount_minor(operations: Sequence[Answer], operation: Answer) -> int:
    """Return an operation's amount; raises `AmountError` without one, or see `currency_of`."""
    return from_ogone_amount(operation.text("AMOUNT"), currency_of(operations))


def captured_minor(operations: Sequence[Answer]) -> int:
    """Return what a capture took."""
    return _taken_minor(operations, CAPTURES)


def taken_minor(operations: Sequence[Answer]) -> int:
    """Return what a capture took, or was accepted and will take."""
    return _taken_minor(operations, CAPTURES_BEGUN)


def given_back_minor(operations: Sequence[Answer]) -> int:
    """Return what was given back, is on its way, or may be: only a refund that failed is not."""
    returned = [each for each in refunds_of(operations) if each.status in GIVEN_BACK]
    return sum(amount_minor(operations, each.answer) for each in returned)


def refunds_of(operations: Sequence[Answer]) -> tuple[RefundOperation, ...]:
    """Return the operations that give money back, the oldest first.

    A payment can also be deleted before it was captured: that gives nothing back.
    """
    return tuple(
        RefundOperation(number, each, meaning.refund)
        for number, each in enumerate(operations)
        for meaning in (meaning_at(each),)
        if number and meaning.refund is not None
        if meaning.captured or is_captured_before(operations, number)
    )


def is_in_doubt(operations: Sequence[Answer], number: int) -> bool:
    """Whether an operation after a capture may be a refund, and does not say so yet.

    Its status is being worked on (97-99, 0), or one that we do not know.
    """
    meaning = meaning_at(operations[number])
    if meaning.refund is not None or not is_captured_before(operations, number):
        return False
    in_work = meaning.status is PspStatus.PROCESSING and meaning.pending is PendingChange.NONE
    return in_work or (meaning.status is PspStatus.UNKNOWN and not meaning.uncertain)


def is_captured_before(operations: Sequence[Answer], number: int) -> bool:
    """Whether money was taken before this operation."""
    return any(each.status in CAPTURES for each in operations[:number])


def meaning_at(operation: Answer) -> Meaning:
    """Return what an operation's own status means."""
    return meaning_of(operation.status, operation.error_code)


def _taken_minor(operations: Sequence[Answer], statuses: Collection[str]) -> int:
    captures = [each for each in operations[1:] if each.status in statuses]
    # Without a capture of its own it was a sale, which takes all that it authorises.
    return sum(amount_minor(operations, each) for each in captures or operations[:1])
