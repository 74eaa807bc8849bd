"""How one attempt at an operation ended, and what that makes of the payment: pure and total."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from gateway.domain.journal import EventType
from gateway.domain.operation import Operation, OperationKind, OperationState
from gateway.domain.operation_rules import settled_by, settled_by_state
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.transitions import (
    Change,
    Event,
    apply_psp_payment,
    mark_operation_failed,
    mark_unknown,
    record,
)
from psp.errors import PspError
from psp.port import FailureCategory, PspFailure, PspPayment

_MISMATCH: Final = "the PSP's payment is not ours: see the journal"


@dataclass(frozen=True, slots=True)
class Answered:
    """The PSP answered."""

    word: PspPayment


@dataclass(frozen=True, slots=True)
class NotDone:
    """It surely did not happen."""

    error: PspError
    refused: bool
    """The PSP read it and refused: the same again would be refused again."""
    word: PspPayment | None = None
    """What the PSP says of the payment since, if it could be asked."""


@dataclass(frozen=True, slots=True)
class Unknown:
    """It may have happened."""

    detail: str
    word: PspPayment | None = field(default=None)
    """What the PSP says of the payment, if that leaves the question open."""


Outcome = Answered | NotDone | Unknown


@dataclass(frozen=True, slots=True)
class Settlement:
    """What to store after an attempt."""

    change: Change
    state: OperationState
    """SUCCEEDED or FAILED: settled. UNKNOWN: to be asked about again."""
    error: str = ""

    @property
    def is_settled(self) -> bool:
        """Whether the operation is over."""
        return self.state is not OperationState.UNKNOWN


def settlement(
    payment: Payment, operation: Operation, outcome: Outcome, now: datetime
) -> Settlement:
    """Judge an attempt. `payment` must have been read before the PSP was asked."""
    if isinstance(outcome, Answered):
        return _answered(payment, operation, outcome.word, now)
    if isinstance(outcome, NotDone):
        return _not_done(payment, operation, outcome, now)
    return _unknown(payment, operation, outcome.detail, outcome.word, now)


def _answered(
    payment: Payment, operation: Operation, word: PspPayment, now: datetime
) -> Settlement:
    change = apply_psp_payment(payment, word, now)
    if any(entry.type is EventType.PSP_MISMATCH for entry in change.entries):
        # Told once; the operation stays open so that nothing else is asked of this payment.
        told = operation.error == _MISMATCH
        kept = Change(payment, ()) if told else change
        return Settlement(kept, OperationState.UNKNOWN, _MISMATCH)
    state = settled_by(operation, word)
    if state is None:
        detail = f"the PSP answered {word.raw_status}"
        return _unknown(payment, operation, detail, word, now)
    return Settlement(change, state, "" if state is OperationState.SUCCEEDED else word.raw_status)


def _not_done(
    payment: Payment, operation: Operation, outcome: NotDone, now: datetime
) -> Settlement:
    detail = str(outcome.error)
    if operation.kind is OperationKind.CREATE:
        return Settlement(
            _never_created(payment, operation, outcome.error, now), OperationState.FAILED, detail
        )
    if outcome.word is not None:
        return _refused_with_truth(payment, operation, outcome.word, detail, now)
    if payment.state is PaymentState.OUTCOME_UNKNOWN:
        # Not done now; but only the PSP's word brings a payment back from unknown.
        return Settlement(Change(payment, ()), OperationState.UNKNOWN, detail)
    change = mark_operation_failed(payment, operation.id, detail, now)
    return Settlement(change, OperationState.FAILED, detail)


def _refused_with_truth(
    payment: Payment, operation: Operation, word: PspPayment, detail: str, now: datetime
) -> Settlement:
    if settled_by(operation, word) is OperationState.SUCCEEDED:
        return _answered(payment, operation, word, now)
    failed = mark_operation_failed(payment, operation.id, detail, now)
    change = _then(failed, apply_psp_payment(failed.payment, word, now))
    return Settlement(change, OperationState.FAILED, detail)


def _unknown(
    payment: Payment, operation: Operation, detail: str, word: PspPayment | None, now: datetime
) -> Settlement:
    heard = settled_by_state(operation.kind, payment.state)
    if heard is not None:
        # The PSP spoke by another way meanwhile, and what is known never becomes unknown again.
        return Settlement(
            Change(payment, ()), heard, detail if heard is OperationState.FAILED else ""
        )
    known = payment
    if word is not None and not payment.psp_reference:
        # Not yet its state, but where to ask from now on.
        known = replace(payment, psp_reference=word.psp_reference)
    if payment.state is PaymentState.OUTCOME_UNKNOWN and known is payment and operation.error:
        return Settlement(Change(payment, ()), OperationState.UNKNOWN, detail)
    change = mark_unknown(known, operation.id, detail, now)
    return Settlement(change, OperationState.UNKNOWN, detail)


def _never_created(
    payment: Payment, operation: Operation, error: PspError, now: datetime
) -> Change:
    failure = PspFailure(
        category=FailureCategory.NEVER_CREATED,
        code=error.code,
        message=error.detail,
        retryable=True,
    )
    failed = replace(payment, state=PaymentState.FAILED, failure=failure)
    details = {"operation": operation.id, "detail": str(error), "from": payment.state}
    return record(failed, [Event(EventType.STATE_CHANGED, details)], now)


def _then(first: Change, second: Change) -> Change:
    return Change(second.payment, (*first.entries, *second.entries))
