"""What may be refunded, how a refund begins, what the PSP's word makes of it: pure and total."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.beginnings import begin_operation
from gateway.domain.journal import EventType
from gateway.domain.operation import Operation, OperationKind, OperationState
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.permissions import operation_in_progress
from gateway.domain.refund import Refund, RefundCause, RefundState
from gateway.domain.requests import RequestKey
from gateway.domain.transitions import Change, Event, record
from gateway.errors import PaygateError, Reason, StateViolation
from gateway.ids import new_id
from psp.errors import PspError
from psp.money import Money
from psp.port import FailureCategory, PspFailure, PspRefund, RefundPayment, RefundStatus

REFUND_ID: Final = "refund_id"
REASON: Final = "reason"
"""Names in the parameters of a refund's operation."""

STATE_OF_STATUS: Final[dict[RefundStatus, RefundState]] = {
    RefundStatus.PENDING: RefundState.PENDING,
    RefundStatus.REQUIRES_ACTION: RefundState.REQUIRES_ACTION,
    RefundStatus.SUCCEEDED: RefundState.SUCCEEDED,
    RefundStatus.FAILED: RefundState.FAILED,
    # It is there, and what becomes of it is not known: the money counts as away.
    RefundStatus.UNKNOWN: RefundState.OUTCOME_UNKNOWN,
}

OPERATION_OF_STATUS: Final[dict[RefundStatus, OperationState]] = {
    # The operation is to have the PSP accept the refund. How the refund ends is told by events.
    RefundStatus.PENDING: OperationState.SUCCEEDED,
    RefundStatus.REQUIRES_ACTION: OperationState.SUCCEEDED,
    RefundStatus.SUCCEEDED: OperationState.SUCCEEDED,
    RefundStatus.FAILED: OperationState.FAILED,
    RefundStatus.UNKNOWN: OperationState.UNKNOWN,
}


def refundable_minor(payment: Payment, refunds: Iterable[Refund]) -> int:
    """Return what is left to refund of what was captured, in minor units.

    The PSP's own sum and the sum of the refunds known here are both heard, since either may be
    behind: the larger one counts.
    """
    known = sum(refund.amount.amount_minor for refund in refunds if refund.counts)
    return max(0, payment.captured_minor - max(payment.refunded_minor, known))


def amount_to_refund(payment: Payment, refunds: Iterable[Refund], wanted: Money | None) -> Money:
    """Return what a refund gives back: what is wanted, or all that is left.

    Raises `PaygateError` if nothing was captured, or not so much is left.
    """
    if payment.state is PaymentState.OUTCOME_UNKNOWN:
        raise operation_in_progress(payment.id)
    left = payment.amount.with_amount(refundable_minor(payment, refunds))
    if payment.state is not PaymentState.CAPTURED or left.amount_minor == 0:
        held = f"{payment.id} is {payment.state} with nothing left to refund"
        if payment.state is not PaymentState.CAPTURED:
            held = f"{payment.id} is {payment.state}: only captured money can be refunded"
        raise PaygateError(
            Reason.PAYMENT_STATE,
            held,
            metadata={"payment_id": payment.id, "state": payment.state.value},
            states=[StateViolation("PAYMENT_STATE", f"payments/{payment.id}", held)],
        )
    if wanted is None:
        return left
    if wanted.currency != left.currency or wanted.amount_minor > left.amount_minor:
        raise PaygateError(
            Reason.AMOUNT_EXCEEDS_REMAINING,
            f"{wanted} was to be refunded, but {left} is left: ask for at most that",
            metadata={"remaining_minor": str(left.amount_minor), "currency_code": left.currency},
        )
    return wanted


@dataclass(frozen=True, slots=True)
class RefundBeginning:
    """What to commit before the PSP is asked."""

    change: Change
    operation: Operation
    refund: Refund


def begin_refund(
    payment: Payment,
    amount: Money,
    cause: RefundCause,
    reason: str,
    request: RequestKey | None,
    now: datetime,
    lease: timedelta,
) -> RefundBeginning:
    """Begin a refund. Until the PSP answers its state is "unknown": it is about to be sent."""
    refund = Refund(
        id=new_id("ref"),
        payment_id=payment.id,
        order_id=payment.order_id,
        amount=amount,
        state=RefundState.OUTCOME_UNKNOWN,
        cause=cause,
        reason=reason,
        psp_account=payment.psp_account,
        psp_reference="",
        failure=None,
        create_time=now,
        update_time=now,
        version=1,
    )
    parameters = {REFUND_ID: refund.id, REASON: reason}
    operation = begin_operation(
        payment, OperationKind.REFUND, amount, parameters, request, now, lease
    )
    details = {
        "operation": operation.id,
        REFUND_ID: refund.id,
        "amount_minor": str(amount.amount_minor),
        "cause": cause.value,
    }
    change = record(payment, [Event(EventType.REFUND_REQUESTED, details)], now)
    return RefundBeginning(change, operation, refund)


def refund_of(payment: Payment, operation: Operation, others: Iterable[Refund]) -> RefundPayment:
    """Return the request that refunds: the same values each time it is sent."""
    own = operation.parameters[REFUND_ID]
    return RefundPayment(
        refund_id=own,
        psp_reference=payment.psp_reference,
        amount=Money(operation.amount_minor, operation.currency),
        idempotency_key=operation.idempotency_key,
        reason=operation.parameters[REASON],
        known_references=frozenset(
            refund.psp_reference for refund in others if refund.id != own and refund.psp_reference
        ),
    )


def found_among(
    wanted: Refund, words: Sequence[PspRefund], others: Iterable[Refund]
) -> PspRefund | None:
    """Find our refund among those that the PSP shows; None if it does not show it.

    By its reference, else by ours. A PSP that keeps none of ours has made it if it shows one of
    this amount that belongs to nobody else: a payment's refunds are asked for one after another.
    Of several, one that did not fail comes first, then the oldest: as the PSP's adapter chooses.
    """
    for word in words:
        if wanted.psp_reference == word.psp_reference or wanted.id == word.refund_id:
            return word
    taken = {refund.psp_reference for refund in others if refund.id != wanted.id}
    nameless = [
        word
        for word in words
        if not word.refund_id
        and word.psp_reference not in taken
        and Money(word.amount_minor, word.currency) == wanted.amount
    ]
    if wanted.psp_reference:
        return None
    return min(nameless, key=lambda word: word.status is RefundStatus.FAILED, default=None)


def heard(refund: Refund, word: PspRefund, now: datetime) -> Refund:
    """Take over what the PSP says of a refund; the same refund if it says nothing new."""
    state = STATE_OF_STATUS[word.status]
    if word.status is RefundStatus.UNKNOWN and refund.psp_reference:
        state = refund.state  # a status that cannot be read teaches nothing
    after = replace(refund, state=state, psp_reference=word.psp_reference, failure=word.failure)
    return (
        refund if after == refund else replace(after, update_time=now, version=refund.version + 1)
    )


def made_elsewhere(payment: Payment, word: PspRefund, now: datetime) -> Refund:
    """Take in a refund that the PSP shows and nobody here asked for."""
    return Refund(
        id=new_id("ref"),
        payment_id=payment.id,
        order_id=payment.order_id,
        amount=Money(word.amount_minor, word.currency),
        state=STATE_OF_STATUS[word.status],
        cause=RefundCause.PSP,
        reason="",
        psp_account=payment.psp_account,
        psp_reference=word.psp_reference,
        failure=word.failure,
        create_time=now,
        update_time=now,
        version=1,
    )


def is_of_before(payment: Payment, refund: Refund) -> bool:
    """Whether a refund was made before the gateway knew its payment, and came along with it.

    It moves nothing on the shopper's account: whoever kept that before has moved it.
    """
    came_along = refund.cause is RefundCause.PSP and refund.create_time == payment.create_time
    return payment.is_adopted and came_along


def mismatch(refund: Refund, payment: Payment, word: PspRefund) -> dict[str, str]:
    """Say in what the PSP's refund is not the one that was asked for; empty if it is."""
    checks = {
        "payment_reference": (payment.psp_reference, word.payment_reference),
        "currency": (refund.amount.currency, word.currency),
        "amount_minor": (refund.amount.amount_minor, word.amount_minor),
    }
    wrong = {
        name: f"ours {ours}, PSP {theirs}"
        for name, (ours, theirs) in checks.items()
        if ours != theirs
    }
    return wrong and {**wrong, REFUND_ID: refund.id, "psp_reference": word.psp_reference}


def never_done(refund: Refund, error: PspError, *, refused: bool, now: datetime) -> Refund:
    """Return a refund that the PSP refused, or that never got there and may be asked for anew."""
    failure = PspFailure(
        FailureCategory.NEVER_CREATED, error.code, error.detail, retryable=not refused
    )
    return replace(
        refund,
        state=RefundState.FAILED,
        failure=failure,
        update_time=now,
        version=refund.version + 1,
    )


def refund_event(before: Refund | None, after: Refund) -> Event:
    """Return the journal line that tells of a refund's new state."""
    details = {
        REFUND_ID: after.id,
        "refund_state": after.state.value,
        "amount_minor": str(after.amount.amount_minor),
        "cause": after.cause.value,
    }
    if before is not None:
        details["from"] = before.state.value
    if after.failure is not None:
        details["psp_code"] = after.failure.code
    return Event(EventType.REFUND_CHANGED, details)


def as_listed(payment: Payment, words: Iterable[PspRefund]) -> Payment:
    """Take what was refunded over from the PSP's whole list: it falls again where one failed."""
    given = sum(
        word.amount_minor
        for word in words
        if word.currency == payment.currency and word.status is not RefundStatus.FAILED
    )
    return replace(payment, refunded_minor=min(payment.captured_minor, given))


def with_refunds(payment: Payment, refunds: Iterable[Refund]) -> Payment:
    """Count the refunds known here into what was refunded, as the PSP will in its next word."""
    known = sum(refund.amount.amount_minor for refund in refunds if refund.counts)
    refunded = min(payment.captured_minor, max(payment.refunded_minor, known))
    return replace(payment, refunded_minor=refunded)
