"""What is asked of a PSP for an operation, and what its word says about that: pure and total."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from gateway.domain.operation import Operation, OperationKind, OperationState
from gateway.domain.pauses import Pauses
from gateway.domain.payment import FINAL_STATES, Payment, PaymentState
from psp.money import Money
from psp.port import (
    CancelPayment,
    CapturePayment,
    CreatePayment,
    PendingChange,
    PspPayment,
    PspStatus,
)

PSP_CUSTOMER: Final = "psp_customer"
PSP_ALIAS: Final = "psp_alias"
SAVE_ALIAS: Final = "save_alias"
OFF_SESSION: Final = "off_session"
RETURN_URL: Final = "return_url"
REASON: Final = "reason"
"""Names in `Operation.parameters`."""

SETTLING_TIME: Final = timedelta(minutes=15)
"""How long after its last sending a request may still arrive at the PSP; absence proves nothing
before that."""
CLOCK_SKEW: Final = timedelta(minutes=5)
"""How far the PSP's clock may be from ours."""
CHECKS: Final = Pauses(first=timedelta(seconds=1), longest=timedelta(minutes=5))
"""How often the resolver asks about an operation whose outcome is not known."""
CREATION_RESENDING: Final = timedelta(minutes=10)
"""How long a creation is sent again. Later the shopper may have paid otherwise, and a payment that
would be made then is made for nothing; the PSP's own list tells what became of the earlier ones."""

_S, _P = OperationState, PspStatus


def flag(value: bool) -> str:  # noqa: FBT001 - the flag itself
    """Write a truth into `Operation.parameters`."""
    return "yes" if value else ""


def creation_of(payment: Payment, operation: Operation) -> CreatePayment:
    """Return the request that creates a payment: the same values each time it is sent."""
    given = operation.parameters
    return CreatePayment(
        payment_id=payment.id,
        order_id=payment.order_id,
        amount=payment.amount,
        method=payment.method,
        country_code=payment.country_code,
        capture_policy=payment.capture_policy,
        idempotency_key=operation.idempotency_key,
        psp_customer=given.get(PSP_CUSTOMER, ""),
        psp_alias=given.get(PSP_ALIAS, ""),
        shopper_present=not given.get(OFF_SESSION),
        save_alias=bool(given.get(SAVE_ALIAS)),
        return_url=given.get(RETURN_URL, ""),
    )


def capture_of(payment: Payment, operation: Operation) -> CapturePayment:
    """Return the request that captures: the same values each time it is sent."""
    return CapturePayment(
        psp_reference=payment.psp_reference,
        amount=Money(operation.amount_minor, operation.currency),
        idempotency_key=operation.idempotency_key,
    )


def cancel_of(payment: Payment, operation: Operation) -> CancelPayment:
    """Return the request that cancels: the same values each time it is sent."""
    return CancelPayment(
        psp_reference=payment.psp_reference,
        idempotency_key=operation.idempotency_key,
        reason=operation.parameters[REASON],
    )


_SETTLED_BY_STATUS: Final[dict[OperationKind, dict[PspStatus, OperationState | None]]] = {
    # Whatever the payment's status, it exists; a status that we cannot read is asked for again.
    OperationKind.CREATE: {
        status: None if status is _P.UNKNOWN else _S.SUCCEEDED for status in PspStatus
    },
    OperationKind.CAPTURE: {
        _P.AWAITING_CUSTOMER: _S.FAILED,
        _P.PROCESSING: None,
        _P.AUTHORIZED: None,
        _P.CAPTURED: _S.SUCCEEDED,
        _P.CANCELED: _S.FAILED,
        _P.FAILED: _S.FAILED,
        _P.UNKNOWN: None,
    },
    OperationKind.CANCEL: {
        _P.AWAITING_CUSTOMER: None,
        _P.PROCESSING: None,
        _P.AUTHORIZED: None,
        _P.CAPTURED: _S.FAILED,
        _P.CANCELED: _S.SUCCEEDED,
        _P.FAILED: _S.FAILED,
        _P.UNKNOWN: None,
    },
}


def settled_by(operation: Operation, word: PspPayment) -> OperationState | None:
    """Say what the PSP's word means for an operation; None if it leaves the question open.

    An authorisation that still stands does not show that a capture or cancel of it failed: the
    request may yet arrive. A change that the PSP accepted and carries out later is settled: how
    it ends is told by an event.
    """
    kind = operation.kind
    if word.pending is _PENDING_BY_KIND.get(kind):
        return _S.SUCCEEDED
    settled = _SETTLED_BY_STATUS[kind][word.status]
    captured = kind is OperationKind.CAPTURE and settled is _S.SUCCEEDED
    if captured and word.captured_minor != operation.amount_minor:
        return _S.FAILED  # somebody else captured another sum, and there is one capture only
    return settled


def settled_by_state(kind: OperationKind, state: PaymentState) -> OperationState | None:
    """Say what a payment's stored state, heard from the PSP meanwhile, means for an operation."""
    if kind is OperationKind.CREATE:
        return None if state is PaymentState.OUTCOME_UNKNOWN else _S.SUCCEEDED
    if state not in FINAL_STATES:
        return None
    wanted = {
        OperationKind.CAPTURE: PaymentState.CAPTURED,
        OperationKind.CANCEL: PaymentState.CANCELED,
    }
    return _S.SUCCEEDED if state is wanted[kind] else _S.FAILED


_PENDING_BY_KIND: Final[dict[OperationKind, PendingChange]] = {
    OperationKind.CAPTURE: PendingChange.CAPTURE,
    OperationKind.CANCEL: PendingChange.CANCEL,
}


class Step(StrEnum):
    """What the resolver does next about an operation whose outcome is not known."""

    RESEND = "resend"
    """Send the same request under the same key: the PSP repeats its answer, or acts now."""
    LOOK = "look"
    """Only ask: it is too late to send, and too early for anything conclusive."""
    CONCLUDE = "conclude"
    """Ask, and take what is not there for what never happened."""


def next_step(operation: Operation, key_lifetime: timedelta, now: datetime) -> Step:
    """Choose how to find out; `key_lifetime` is zero for a PSP without idempotency keys."""
    if operation.create_time is None:
        raise ValueError(f"operation {operation.id} was never stored")
    age = now - operation.create_time
    resending = key_lifetime
    if operation.kind is OperationKind.CREATE:
        resending = min(key_lifetime, CREATION_RESENDING)
    if age < resending:
        return Step.RESEND
    # The last sending was at most at the end of that time.
    return Step.CONCLUDE if age > resending + SETTLING_TIME else Step.LOOK


def search_window(operation: Operation, now: datetime) -> tuple[datetime, datetime]:
    """Return from when to when a payment may have been created by this operation."""
    if operation.create_time is None:
        raise ValueError(f"operation {operation.id} was never stored")
    return operation.create_time - CLOCK_SKEW, now + CLOCK_SKEW
