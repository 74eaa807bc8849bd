"""Refunds of payments that were made before the gateway was: looked up once, and pinned."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from gateway.domain.payment import Payment, PaymentFilter, PaymentState
from gateway.domain.refund import Refund, RefundCause, RefundState
from gateway.errors import PaygateError, Reason
from gateway.refunds.commands import RefundedPayment
from legacy_bridge.port import OrderState
from psp.money import Money
from psp.port import CapturePolicy, CreatePayment, PaymentMethod
from tests.integration.gateway.refunding import at_stripe, bought, command, reason_of, refunds, told
from tests.support.rig import ACCOUNT, Rig

_BEFORE = "legacy-0001"


async def _made_before(rig: Rig, policy: CapturePolicy = CapturePolicy.AUTOMATIC) -> str:
    """Return the reference of a payment that was made without the gateway."""
    request = CreatePayment(
        payment_id=_BEFORE,
        order_id="order-1",
        amount=Money(1999, "EUR"),
        method=PaymentMethod.CARD,
        country_code="DE",
        capture_policy=policy,
        idempotency_key="before",
    )
    word = await rig.psp.create_payment(request)
    assert word.next_action is not None
    rig.sandbox.browser_confirm(word.next_action.client_secret, "pm_card_visa")
    return word.psp_reference


async def _refund(rig: Rig, reference: str, minor: int | None = None, **more: Any) -> Refund:
    named = RefundedPayment(psp_account=ACCOUNT, psp_reference=reference, order_id="order-1")
    wish = command("", minor, **{"payment": named, **more})
    return await rig.application.refunds.create(wish, None)


async def _payments(rig: Rig) -> list[Payment]:
    page = await rig.application.payments.list(PaymentFilter(), "", 100)
    return list(page.payments)


async def test_it_is_taken_in_and_refunded(rig: Rig) -> None:
    """One row, pinned to its account; later refunds and events find it."""
    reference = await _made_before(rig)

    made = await _refund(rig, reference, 500)
    await rig.settle()
    rest = await _refund(rig, reference, request_id="r2")
    await rig.settle()

    (payment,) = await _payments(rig)
    assert (payment.psp_account, payment.psp_reference, payment.state) == (
        ACCOUNT,
        reference,
        PaymentState.CAPTURED,
    )
    assert payment.is_adopted
    assert (payment.order_id, payment.refunded_minor) == ("order-1", 1999)
    assert [each.amount.amount_minor for each in (made, rest)] == [500, 1499]
    assert {made.payment_id, rest.payment_id} == {payment.id}
    assert (await told(rig, payment.id))[0] == "payment_adopted"
    assert len(at_stripe(rig)) == len(await refunds(rig)) == 2


async def test_two_at_once_are_one_row(rig: Rig) -> None:
    """Whoever comes second uses the first one's row."""
    reference = await _made_before(rig)

    results = await asyncio.gather(
        *(_refund(rig, reference, 500, request_id=f"r{number}") for number in range(4)),
        return_exceptions=True,
    )

    assert {reason_of(result) for result in results} <= {
        None,
        Reason.OPERATION_IN_PROGRESS,
        Reason.AMOUNT_EXCEEDS_REMAINING,
    }
    assert any(isinstance(result, Refund) for result in results)
    assert len(await _payments(rig)) == 1
    assert sum(made["amount"] for made in at_stripe(rig)) <= 1999


async def test_what_was_refunded_before_counts(rig: Rig) -> None:
    """More than is left is refused before the PSP is asked to give it back."""
    reference = await _made_before(rig)
    rig.sandbox.refund_by_hand(reference, 1500)

    with pytest.raises(PaygateError) as refused:
        await _refund(rig, reference, 500)
    assert refused.value.reason is Reason.AMOUNT_EXCEEDS_REMAINING
    made = await _refund(rig, reference, request_id="r2")
    await rig.settle()

    assert made.amount.amount_minor == 499
    causes = sorted(each.cause for each in await refunds(rig))
    assert causes == [RefundCause.PSP, RefundCause.REQUESTED]


async def test_only_captured_money_is_taken_in(rig: Rig) -> None:
    """An authorisation of that time is not refunded, and leaves no row."""
    reference = await _made_before(rig, CapturePolicy.MANUAL)

    with pytest.raises(PaygateError) as refused:
        await _refund(rig, reference)

    assert refused.value.reason is Reason.PAYMENT_STATE
    assert [state.type for state in refused.value.states] == ["PAYMENT_STATE"]
    assert (await _payments(rig), at_stripe(rig)) == ([], [])


async def test_what_the_psp_does_not_know_is_not_found(rig: Rig) -> None:
    """The caller is told to check account and reference."""
    with pytest.raises(PaygateError) as refused:
        await _refund(rig, "pi_nowhere")

    assert refused.value.reason is Reason.PAYMENT_NOT_FOUND
    assert refused.value.metadata == {"psp_account": ACCOUNT, "psp_reference": "pi_nowhere"}


async def test_an_account_that_nobody_configured_is_refused(rig: Rig) -> None:
    """There is nobody to ask."""
    named = RefundedPayment(psp_account="nowhere", psp_reference="pi_1")
    with pytest.raises(PaygateError) as refused:
        await rig.application.refunds.create(command(payment=named), None)

    assert refused.value.reason is Reason.INVALID_FIELDS


async def test_one_of_ours_may_be_named_by_its_reference(rig: Rig) -> None:
    """No second row of it is made."""
    payment = await bought(rig)

    made = await _refund(rig, payment.psp_reference)

    assert (made.payment_id, made.state) == (payment.id, RefundState.SUCCEEDED)
    assert [each.id for each in await _payments(rig)] == [payment.id]


async def test_one_of_ours_whose_creation_is_unknown_is_not_taken_in_again(rig: Rig) -> None:
    """The PSP knows whose it is: the caller waits until we do."""
    rig.sandbox.inject("drop_after", method="POST", path_prefix="/v1/payment_intents", count=3)
    created = await rig.create(country_code="DE")
    assert created.payment.psp_reference == ""
    reference = rig.intents()[0]["id"]

    with pytest.raises(PaygateError) as refused:
        await _refund(rig, reference)

    assert refused.value.reason is Reason.OPERATION_IN_PROGRESS
    assert [each.id for each in await _payments(rig)] == [created.payment.id]


async def test_an_old_payment_decides_nothing_about_its_order(rig: Rig) -> None:
    """Its rest is not given back as money without an order, and no draft is released for it."""
    reference = await _made_before(rig)
    await rig.draft()
    await _refund(rig, reference, 1)
    await rig.application.order_handler.handle("order-1")
    assert await rig.order_state() is OrderState.DRAFT

    await rig.office.cancel_order("order-1", reason="nobody paid", key="swept")
    await rig.application.order_handler.handle("order-1")
    await rig.recover()

    assert sum(made["amount"] for made in at_stripe(rig)) == 1
