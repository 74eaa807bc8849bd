"""How a payment and each change of it begin: what is written down before the PSP hears of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.operation import Operation, OperationKind
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.requests import RequestKey
from gateway.domain.transitions import Change, Event, entry_of, record
from gateway.ids import new_id
from psp.money import Money
from psp.port import CapturePolicy, PaymentMethod, PspPayment, ReviewStatus


@dataclass(frozen=True, slots=True)
class NewPayment:
    """What a new payment is made of, once it is routed."""

    order_id: str
    customer_id: str
    country_code: str
    method: PaymentMethod
    amount: Money
    capture_policy: CapturePolicy
    psp_account: str
    config_digest: str


@dataclass(frozen=True, slots=True)
class Beginning:
    """What to commit before the PSP is asked: the payment as it then is, and the operation."""

    change: Change
    operation: Operation


def begin_payment(
    new: NewPayment,
    parameters: Mapping[str, str],
    request: RequestKey,
    now: datetime,
    lease: timedelta,
) -> Beginning:
    """Begin a payment. Until the PSP answers its state is "unknown": it is about to be sent."""
    payment = Payment(
        id=new_id("pay"),
        order_id=new.order_id,
        customer_id=new.customer_id,
        country_code=new.country_code,
        method=new.method,
        amount=new.amount,
        authorized_minor=0,
        captured_minor=0,
        refunded_minor=0,
        state=PaymentState.OUTCOME_UNKNOWN,
        review=ReviewStatus.NONE,
        capture_policy=new.capture_policy,
        psp_account=new.psp_account,
        psp_reference="",
        failure=None,
        capture_before=None,
        config_digest=new.config_digest,
        last_sequence=1,
        create_time=now,
        update_time=now,
        version=1,
    )
    operation = begin_operation(
        payment, OperationKind.CREATE, new.amount, parameters, request, now, lease
    )
    event = Event(EventType.PAYMENT_CREATED, {"operation": operation.id})
    entries: tuple[JournalEntry, ...] = (entry_of(payment, event, 1, now),)
    return Beginning(Change(payment, entries), operation)


def adopt_payment(word: PspPayment, account: str, order_id: str, now: datetime) -> Change:
    """Take in a captured payment that was made before the gateway was, as its PSP shows it."""
    payment = Payment(
        id=new_id("pay"),
        order_id=order_id,
        customer_id="",
        country_code="",
        method=PaymentMethod.CARD,
        amount=Money(word.amount_minor, word.currency),
        authorized_minor=word.authorized_minor,
        captured_minor=word.captured_minor,
        refunded_minor=word.refunded_minor,
        state=PaymentState.CAPTURED,
        review=word.review,
        capture_policy=CapturePolicy.MANUAL,
        psp_account=account,
        psp_reference=word.psp_reference,
        failure=None,
        capture_before=None,
        config_digest="",
        last_sequence=1,
        create_time=now,
        update_time=now,
        version=1,
        review_reference=word.review_reference,
    )
    event = Event(EventType.PAYMENT_ADOPTED, {"psp_reference": word.psp_reference})
    return Change(payment, (entry_of(payment, event, 1, now),))


_REQUESTED: Final[Mapping[OperationKind, EventType]] = {
    OperationKind.CAPTURE: EventType.CAPTURE_REQUESTED,
    OperationKind.CANCEL: EventType.CANCEL_REQUESTED,
}


def begin_change(
    payment: Payment,
    kind: OperationKind,
    amount: Money,
    parameters: Mapping[str, str],
    request: RequestKey | None,
    now: datetime,
    lease: timedelta,
) -> Beginning:
    """Begin a capture or a cancel; `request` is None if the gateway itself decided it."""
    operation = begin_operation(payment, kind, amount, parameters, request, now, lease)
    details = {"operation": operation.id, "amount_minor": str(amount.amount_minor), **parameters}
    return Beginning(record(payment, [Event(_REQUESTED[kind], details)], now), operation)


def begin_operation(
    payment: Payment,
    kind: OperationKind,
    amount: Money,
    parameters: Mapping[str, str],
    request: RequestKey | None,
    now: datetime,
    lease: timedelta,
) -> Operation:
    """Return the operation that is written down before the PSP hears of it."""
    operation_id = new_id("op")
    return Operation(
        id=operation_id,
        payment_id=payment.id,
        kind=kind,
        psp_account=payment.psp_account,
        amount_minor=amount.amount_minor,
        currency=amount.currency,
        # Made from the operation's own id: whoever finds the row sends under the same key.
        idempotency_key=f"paygate-{operation_id}",
        parameters=parameters,
        request=request,
        create_time=now,
        next_check_time=now + lease,
    )
