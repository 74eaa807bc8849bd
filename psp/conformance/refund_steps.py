"""Steps that scenarios of refunds share: what is listed, and what the payment says."""

from __future__ import annotations

from psp.conformance.bench import Bench
from psp.conformance.expecting import expect_equal
from psp.conformance.steps import AMOUNT, PAYMENT_ID
from psp.port import PspPayment, PspRefund, PspStatus, RefundPayment, RefundStatus


async def list_refunds(bench: Bench, reference: str, count: int) -> tuple[PspRefund, ...]:
    """Return the refunds of a payment, of which there must be so many."""
    listed = await bench.provider.list_refunds(reference)
    expect_equal("so many refunds are listed", count, len(listed))
    return listed


async def expect_listed(bench: Bench, reference: str, *refunds: PspRefund) -> None:
    """Exactly these are listed, in this order, and each has succeeded by now."""
    listed = await list_refunds(bench, reference, len(refunds))
    expect_equal(
        "these refunds are listed, the oldest first, and each has succeeded",
        [_shown(each, RefundStatus.SUCCEEDED) for each in refunds],
        [_shown(each, each.status) for each in listed],
    )


def expect_about(bench: Bench, refund: PspRefund, order: RefundPayment) -> None:
    """It is the refund that was ordered, and bears our id if the PSP keeps it."""
    expect_equal(
        "it is the refund that was ordered",
        (
            order.psp_reference,
            order.amount.amount_minor,
            order.amount.currency,
            order.refund_id if bench.keeps_refund_ids else "",
        ),
        (refund.payment_reference, refund.amount_minor, refund.currency, refund.refund_id),
    )


def expect_refunded(payment: PspPayment, minor: int) -> None:
    """The PSP says that all was captured and exactly this of it given back."""
    expect_equal(
        "the payment is captured, and this of it is refunded",
        (PspStatus.CAPTURED, AMOUNT.amount_minor, minor, PAYMENT_ID),
        (payment.status, payment.captured_minor, payment.refunded_minor, payment.payment_id),
    )


def _shown(refund: PspRefund, status: RefundStatus) -> tuple[object, ...]:
    """Return what the list must show of a refund, which may have come to this status since."""
    return (
        refund.psp_reference,
        refund.payment_reference,
        refund.refund_id,
        refund.amount_minor,
        refund.currency,
        status,
    )
