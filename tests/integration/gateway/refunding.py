"""Refunds of a rig's payments, and what the PSP's own books say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from gateway.domain.payment import Payment, PaymentState
from gateway.domain.refund import Refund, RefundFilter
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment
from psp.money import Money
from tests.support.fake_psp import FakePsp
from tests.support.rig import ACCOUNT, Rig

TOTAL_MINOR = 1999


def command(
    payment_id: str = "", amount_minor: int | None = None, request_id: str = "r", **changes: Any
) -> CreateRefundCommand:
    """Return a wish to give back a payment's money, all that is left without an amount."""
    values: dict[str, Any] = {
        "key": RequestKey("tests", "CreateRefund", request_id),
        "payment": RefundedPayment(payment_id=payment_id),
        "amount": None if amount_minor is None else Money(amount_minor, "EUR"),
    }
    return CreateRefundCommand(**{**values, **changes})


async def refund(rig: Rig, payment_id: str, amount_minor: int | None = None, **more: Any) -> Refund:
    """Refund as a caller does who waits for ever."""
    return await rig.application.refunds.create(command(payment_id, amount_minor, **more), None)


async def refunds(rig: Rig, **wanted: Any) -> Sequence[Refund]:
    """All refunds here, newest first."""
    return (await rig.application.refunds.list(RefundFilter(**wanted), "", 500)).refunds


async def refunded_minor(rig: Rig, payment_id: str) -> int:
    """What the payment counts as given back."""
    return (await rig.application.payments.get(payment_id)).refunded_minor


async def told(rig: Rig, payment_id: str) -> list[str]:
    """The types of the lines of a payment's journal, oldest first."""
    page = await rig.application.payments.events(payment_id, 0, 500)
    return [entry.type.value for entry in page.entries]


async def bought(rig: Rig, order_id: str = "order-1", **changes: Any) -> Payment:
    """Return the captured payment of an order that was released for it."""
    await rig.draft(order_id)
    payment = await rig.paid(request_id=order_id, order_id=order_id, **changes)
    assert payment.state is PaymentState.CAPTURED
    return payment


def at_stripe(rig: Rig, order_id: str = "order-1") -> list[dict[str, Any]]:
    """The refunds of an order's payments in the sandbox's own books."""
    return [made for intent in rig.intents(order_id) for made in intent["refunds"]]


def reason_of(result: object) -> Reason | None:
    """Why a call was refused; None if it was not."""
    return result.reason if isinstance(result, PaygateError) else None


def plain_psp(rig: Rig) -> FakePsp:
    """Serve the account by a PSP without keys, that keeps no reference of ours for a refund."""
    psp = FakePsp(ACCOUNT, idempotency_lifetime_s=0, clock=rig.now, keeps_refund_ids=False)
    rig.psp = psp
    rig.restart()
    return psp
