"""Money that pays for nothing is given back by the gateway itself, once; else it calls somebody."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundCause, RefundState
from gateway.domain.requests import RequestKey
from legacy_bridge.port import OrderState
from psp.errors import RejectedError, UnavailableError
from psp.port import FailureCategory, PspFailure, RefundStatus
from tests.integration.gateway.refunding import (
    TOTAL_MINOR,
    at_stripe,
    bought,
    plain_psp,
    refund,
    refunded_minor,
    refunds,
    told,
)
from tests.support.rig import ACCOUNT, Rig

_AT_THE_BANK = PspFailure(FailureCategory.DECLINED, "declined", "It came back.", retryable=True)


async def _paid_late(rig: Rig, method: str = "pm_card_visa") -> str:
    """Return the payment that is captured when its order is canceled already."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    await rig.office.cancel_order("order-1", reason="nobody paid", key="swept")
    await rig.confirm(created, method)
    await rig.settle()
    return created.payment.id


async def test_money_for_a_canceled_order_is_given_back(rig: Rig) -> None:
    """Once, in full, and journaled; the order stays canceled."""
    payment_id = await _paid_late(rig)
    await rig.recover()

    (made,) = await refunds(rig)
    assert (made.cause, made.state, made.reason, made.amount.amount_minor) == (
        RefundCause.ORDER,
        RefundState.SUCCEEDED,
        "requested_by_customer",
        TOTAL_MINOR,
    )
    assert len(at_stripe(rig)) == 1
    assert await refunded_minor(rig, payment_id) == TOTAL_MINOR
    lines = await told(rig, payment_id)
    assert (lines.count("refund_requested"), lines.count("order_conflict")) == (1, 0)
    assert (await rig.order_state(), await rig.releases()) == (OrderState.CANCELED, 0)


async def test_a_second_payment_of_an_order_is_given_back(rig: Rig) -> None:
    """The shopper paid twice: the first pays, the second returns as a duplicate."""
    first = await bought(rig)
    second = await rig.paid(request_id="request-2", country_code="DE")
    await rig.recover()

    (made,) = await refunds(rig)
    assert (made.payment_id, made.cause, made.reason) == (
        second.id,
        RefundCause.ORDER,
        "duplicate",
    )
    assert await refunded_minor(rig, first.id) == 0
    assert len(at_stripe(rig)) == 1
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


async def test_only_the_rest_is_given_back(rig: Rig) -> None:
    """A part was given back in Stripe's dashboard before anybody told us."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    await rig.office.cancel_order("order-1", reason="nobody paid", key="swept")
    await rig.confirm(created)
    rig.sandbox.refund_by_hand(rig.intents()[0]["id"], 1500)
    await rig.settle()
    await rig.recover()

    assert sorted(made["amount"] for made in at_stripe(rig)) == [499, 1500]
    assert await refunded_minor(rig, created.payment.id) == TOTAL_MINOR


async def test_an_unknown_refund_is_not_made_again(rig: Rig) -> None:
    """The answer is lost: the order waits for the resolver, and one refund it is."""
    rig.sandbox.inject("drop_after", method="POST", path_prefix="/v1/refunds", count=3)
    payment_id = await _paid_late(rig)
    await rig.recover()

    (made,) = await refunds(rig)
    assert made.state is RefundState.SUCCEEDED
    assert len(at_stripe(rig)) == 1
    assert "order_conflict" not in await told(rig, payment_id)


async def test_a_refund_that_comes_back_later_raises_one_alarm(rig: Rig) -> None:
    """It succeeded and failed at the bank: the same again would too, so somebody is called."""
    payment_id = await _paid_late(rig, "pm_card_refundFail")
    await rig.recover()
    await rig.recover()

    (made,) = await refunds(rig)
    assert made.state is RefundState.FAILED
    assert len(at_stripe(rig)) == 1
    lines = await told(rig, payment_id)
    assert (lines.count("order_conflict"), lines.count("refund_requested")) == (1, 1)
    view = await rig.application.orders.get("order-1")
    assert view.waiting_for.startswith("waiting for somebody to look at")
    # Somebody does, by another way than to the card.
    await refund(rig, payment_id)
    assert (await rig.application.orders.get("order-1")).waiting_for.startswith("nothing")


async def test_a_refund_that_fails_at_once_is_not_tried_for_ever(rig: Rig) -> None:
    """Whatever the failure says of another try: one alarm, and quiet."""
    psp = plain_psp(rig)
    psp.refund_status = RefundStatus.FAILED
    payment_id = await _paid_late_at(rig, psp)
    await rig.recover()

    (made,) = await refunds(rig)
    assert made.state is RefundState.FAILED
    assert len(psp.calls_of("refund_payment")) == 1
    assert (await told(rig, payment_id)).count("order_conflict") == 1


async def test_a_refusal_raises_no_alarm_if_the_psp_gave_the_money_back(rig: Rig) -> None:
    """Refused because nothing is left: what is true is asked before somebody is called."""
    psp = plain_psp(rig)
    refund_payment = psp.refund_payment

    async def a_moment_too_late(request: Any) -> Any:
        psp.refund_payment = refund_payment  # type: ignore[method-assign]  # as it was
        by_hand = type(request)("", request.psp_reference, request.amount, "by-hand")
        await psp.refund_payment(by_hand)
        known = type(request)(
            request.refund_id,
            request.psp_reference,
            request.amount,
            request.idempotency_key,
            known_references=frozenset(psp.refunds),
        )
        return await psp.refund_payment(known)

    psp.refund_payment = a_moment_too_late  # type: ignore[method-assign]  # the moment
    payment_id = await _paid_late_at(rig, psp)
    await rig.recover()

    assert await refunded_minor(rig, payment_id) == TOTAL_MINOR
    assert "order_conflict" not in await told(rig, payment_id)
    assert len(psp.refunds) == 1


async def test_a_psp_that_is_away_is_asked_again(rig: Rig) -> None:
    """Surely nothing happened: the refund is made once the PSP is back."""
    psp = plain_psp(rig)
    psp.fail("refund_payment", UnavailableError(ACCOUNT, "maintenance"), times=2)
    payment_id = await _paid_late_at(rig, psp)
    await rig.recover()

    assert [each.state for each in await refunds(rig)].count(RefundState.SUCCEEDED) == 1
    assert (len(psp.refunds), await refunded_minor(rig, payment_id)) == (1, TOTAL_MINOR)
    assert "order_conflict" not in await told(rig, payment_id)


async def test_a_psp_that_stays_away_is_asked_more_and_more_seldom(rig: Rig) -> None:
    """An attempt that came to nothing is news to nobody: it does not call for the next at once."""
    psp = plain_psp(rig)
    psp.fail("refund_payment", UnavailableError(ACCOUNT, "maintenance"), times=100)
    await _paid_late_at(rig, psp)
    for _ in range(5):
        await rig.settle()
    assert len(psp.calls_of("refund_payment")) <= 3

    await rig.recover()

    assert len(psp.calls_of("refund_payment")) < 20


async def test_a_refusal_calls_somebody_at_once(rig: Rig) -> None:
    """The same again would be refused again: it is not tried, and nobody waits for the alarm."""
    psp = plain_psp(rig)
    psp.fail("refund_payment", RejectedError(ACCOUNT, "charged back", "charge_disputed"))
    payment_id = await _paid_late_at(rig, psp)

    lines = await told(rig, payment_id)
    assert (lines.count("order_conflict"), lines.count("refund_requested")) == (1, 1)
    await rig.recover()
    assert await told(rig, payment_id) == lines
    assert len(psp.calls_of("refund_payment")) == 1


@pytest.mark.parametrize("failure", [None, _AT_THE_BANK], ids=["settles", "fails"])
async def test_a_pending_refund_waits_for_its_end(rig: Rig, failure: PspFailure | None) -> None:
    """Nothing is done meanwhile; then it is over, or somebody is called."""
    psp = plain_psp(rig)
    psp.refund_status = RefundStatus.PENDING
    payment_id = await _paid_late_at(rig, psp)
    await rig.recover()
    (pending,) = await refunds(rig)
    assert pending.state is RefundState.PENDING

    if failure is None:
        psp.settle_refund(pending.psp_reference)
    else:
        psp.fail_refund(pending.psp_reference, failure)
    payment = await rig.application.payments.get(payment_id)
    await rig.receive(ACCOUNT, *psp.webhook(payment.psp_reference, event_id="evt_end"))
    await rig.recover()

    assert len(psp.calls_of("refund_payment")) == 1
    assert (await told(rig, payment_id)).count("order_conflict") == (failure is not None)


async def _paid_late_at(rig: Rig, psp: Any) -> str:
    """As `_paid_late`, at a PSP in memory."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    await rig.office.cancel_order("order-1", reason="nobody paid", key="swept")
    psp.confirm(created.payment.psp_reference)
    await rig.receive(ACCOUNT, *psp.webhook(created.payment.psp_reference, event_id="evt_paid"))
    await rig.settle()
    return created.payment.id


async def test_money_that_came_back_hides_nothing_that_the_released_payment_needs(rig: Rig) -> None:
    """A clerk releases what is under review, while a second payment cannot be given back."""
    await rig.draft()
    created = await rig.create(country_code="FR")
    await rig.confirm(created, "pm_card_riskLevelElevated")
    await rig.settle()
    first = created.payment.id
    key = RequestKey("tests", "CreatePayment", "request-2")
    second = await rig.create(country_code="DE", key=key)
    await rig.office.release_order("order-1", payment_id=first, key="clerk")
    await rig.confirm(second, "pm_card_refundFail")
    await rig.settle()
    await rig.recover()

    assert "order_conflict" in await told(rig, first)
    assert "order_conflict" in await told(rig, second.payment.id)

    looked_at = await rig.psp.retrieve_payment(created.payment.psp_reference)
    rig.sandbox.close_review(looked_at.review_reference, "approved")
    await rig.settle()
    await rig.recover()

    paid = await rig.application.payments.get(first)
    assert paid.state is PaymentState.CAPTURED
