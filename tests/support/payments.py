"""Payments, operations and words of a PSP that tests start from."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from gateway.domain.operation import Operation, OperationKind
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.refund import Refund, RefundCause, RefundState
from legacy_bridge.port import DraftOrder, OrderState
from psp.money import Money
from psp.port import (
    CapturePolicy,
    PaymentMethod,
    PspPayment,
    PspRefund,
    PspStatus,
    RefundStatus,
    ReviewStatus,
)

NOW = datetime(2026, 5, 4, 10, 0, tzinfo=UTC)
TOTAL = Money(1999, "EUR")


def payment(state: PaymentState = PaymentState.AUTHORIZED, **changes: Any) -> Payment:
    """Return a French card payment of 19.99 EUR whose sums go with its state."""
    full = TOTAL.amount_minor
    base = Payment(
        id="pay_00000000000000000000000001",
        order_id="order-1",
        customer_id="shopper-1",
        country_code="FR",
        method=PaymentMethod.CARD,
        amount=TOTAL,
        authorized_minor=full if state in {PaymentState.AUTHORIZED, PaymentState.CAPTURED} else 0,
        captured_minor=full if state is PaymentState.CAPTURED else 0,
        refunded_minor=0,
        state=state,
        review=ReviewStatus.NONE,
        capture_policy=CapturePolicy.AT_ORDER,
        psp_account="stripe_eu",
        psp_reference="pi_1",
        failure=None,
        capture_before=None,
        config_digest="digest",
        last_sequence=1,
        create_time=NOW,
        update_time=NOW,
        version=1,
    )
    return replace(base, **changes)


def operation(kind: OperationKind = OperationKind.CAPTURE, **changes: Any) -> Operation:
    """Return an operation on `payment()` that was just written down."""
    base = Operation(
        id="op_00000000000000000000000001",
        payment_id="pay_00000000000000000000000001",
        kind=kind,
        psp_account="stripe_eu",
        amount_minor=TOTAL.amount_minor,
        currency="EUR",
        idempotency_key="paygate-op_1",
        parameters={"reason": "requested_by_customer"} if kind is OperationKind.CANCEL else {},
        create_time=NOW,
        next_check_time=NOW + timedelta(seconds=90),
    )
    return replace(base, **changes)


def word(status: PspStatus = PspStatus.AUTHORIZED, **changes: Any) -> PspPayment:
    """Return what the PSP says of `payment()`; its sums go with its status."""
    full = TOTAL.amount_minor
    base = PspPayment(
        psp_reference="pi_1",
        status=status,
        raw_status=status.value,
        currency="EUR",
        amount_minor=full,
        authorized_minor=full if status in {PspStatus.AUTHORIZED, PspStatus.CAPTURED} else 0,
        captured_minor=full if status is PspStatus.CAPTURED else 0,
        payment_id="pay_00000000000000000000000001",
    )
    return replace(base, **changes)


def draft(state: OrderState = OrderState.DRAFT, **changes: Any) -> DraftOrder:
    """Return the order that `payment()` pays."""
    base = DraftOrder(
        order_id="order-1",
        customer_id="shopper-1",
        country_code="FR",
        total=TOTAL,
        create_time=NOW,
        update_time=NOW,
        state=state,
    )
    return replace(base, **changes)


def refund(state: RefundState = RefundState.SUCCEEDED, **changes: Any) -> Refund:
    """Return a refund of 5.00 EUR of `payment()`."""
    base = Refund(
        id="ref_00000000000000000000000001",
        payment_id="pay_00000000000000000000000001",
        order_id="order-1",
        amount=Money(500, "EUR"),
        state=state,
        cause=RefundCause.REQUESTED,
        reason="requested_by_customer",
        psp_account="stripe_eu",
        psp_reference="re_1",
        failure=None,
        create_time=NOW,
        update_time=NOW,
        version=1,
    )
    return replace(base, **changes)


def refund_word(status: RefundStatus = RefundStatus.SUCCEEDED, **changes: Any) -> PspRefund:
    """Return what the PSP says of `refund()`."""
    base = PspRefund(
        psp_reference="re_1",
        payment_reference="pi_1",
        status=status,
        raw_status=status.value,
        currency="EUR",
        amount_minor=500,
        refund_id="ref_00000000000000000000000001",
    )
    return replace(base, **changes)
