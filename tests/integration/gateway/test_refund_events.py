"""What becomes of a refund after it was answered: told by events, and by the PSP's own list."""

from __future__ import annotations

from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundCause, RefundState
from legacy_bridge.port import OrderState
from psp.port import ReviewStatus
from tests.integration.gateway.refunding import (
    TOTAL_MINOR,
    at_stripe,
    bought,
    refund,
    refunded_minor,
    refunds,
    told,
)
from tests.support.rig import Rig


async def _bought_with(rig: Rig, method: str) -> str:
    """Return the captured payment of order-1, paid with a test card."""
    await rig.draft()
    created = await rig.create()
    await rig.confirm(created, method)
    await rig.settle()
    return created.payment.id


async def test_a_pending_refund_succeeds_by_event(rig: Rig) -> None:
    """Its money counts from the first; the journal tells of both states."""
    payment_id = await _bought_with(rig, "pm_card_pendingRefund")
    pending = await refund(rig, payment_id, 500)
    assert (pending.state, await refunded_minor(rig, payment_id)) == (RefundState.PENDING, 500)

    rig.pass_time(minutes=2)
    await rig.settle()

    settled = await rig.application.refunds.get(pending.id)
    assert (settled.state, settled.psp_reference) == (RefundState.SUCCEEDED, pending.psp_reference)
    assert await refunded_minor(rig, payment_id) == 500
    assert (await told(rig, payment_id)).count("refund_changed") == 2


async def test_a_refund_that_succeeded_may_fail_later(rig: Rig) -> None:
    """The sum falls, the journal says so, and the money may be given back again."""
    payment_id = await _bought_with(rig, "pm_card_refundFail")
    made = await refund(rig, payment_id)
    assert (made.state, await refunded_minor(rig, payment_id)) == (
        RefundState.SUCCEEDED,
        TOTAL_MINOR,
    )

    rig.pass_time(minutes=2)
    await rig.settle()

    failed = await rig.application.refunds.get(made.id)
    assert failed.state is RefundState.FAILED
    assert failed.failure is not None
    assert failed.failure.code == "expired_or_canceled_card"
    assert await refunded_minor(rig, payment_id) == 0
    lines = await told(rig, payment_id)
    assert lines.count("refund_changed") == 2
    assert "status_corrected" in lines
    # Nobody gave an order's money back by itself, so nothing is done by itself now.
    assert "order_conflict" not in lines
    assert await rig.order_state() is OrderState.RELEASED
    again = await refund(rig, payment_id, request_id="r2")
    assert again.state is RefundState.SUCCEEDED


async def test_a_part_that_fails_leaves_the_other_parts(rig: Rig) -> None:
    """Each refund has its own end."""
    payment = await bought(rig)
    parts = [
        await refund(rig, payment.id, minor, request_id=str(minor)) for minor in (500, 300, 100)
    ]
    rig.sandbox.force_refund(parts[1].psp_reference, "failed", "declined")
    await rig.settle()

    assert [each.state for each in reversed(await refunds(rig))] == [
        RefundState.SUCCEEDED,
        RefundState.FAILED,
        RefundState.SUCCEEDED,
    ]
    assert await refunded_minor(rig, payment.id) == 600


async def test_one_that_fails_and_an_equal_one_by_hand_are_both_heard(rig: Rig) -> None:
    """Nobody looked in between, and the sums are as they were."""
    payment = await bought(rig)
    made = await refund(rig, payment.id, 500)
    await rig.settle()
    rig.sandbox.force_refund(made.psp_reference, "failed", "declined")
    rig.sandbox.refund_by_hand(rig.intents()[0]["id"], 500)
    await rig.settle()

    (foreign, ours) = await refunds(rig)
    assert (ours.id, ours.state) == (made.id, RefundState.FAILED)
    assert (foreign.cause, foreign.state) == (RefundCause.PSP, RefundState.SUCCEEDED)
    assert await refunded_minor(rig, payment.id) == 500


async def test_a_status_nobody_knows_changes_nothing(rig: Rig) -> None:
    """A status that Stripe adds tomorrow is neither a failure nor a success."""
    payment_id = await _bought_with(rig, "pm_card_pendingRefund")
    pending = await refund(rig, payment_id)
    rig.sandbox.force_refund(pending.psp_reference, "on_its_way")
    await rig.settle()

    assert (await rig.application.refunds.get(pending.id)).state is RefundState.PENDING


async def test_a_refund_made_at_the_psp_is_taken_in(rig: Rig) -> None:
    """It has a row of its own, its sum counts, and nothing is given back for it again."""
    payment = await bought(rig)
    rig.sandbox.refund_by_hand(rig.intents()[0]["id"], 700)
    await rig.settle()
    await rig.recover()

    (foreign,) = await refunds(rig, payment_id=payment.id)
    assert (foreign.cause, foreign.state, foreign.amount.amount_minor) == (
        RefundCause.PSP,
        RefundState.SUCCEEDED,
        700,
    )
    assert foreign.psp_reference == at_stripe(rig)[0]["id"]
    assert await refunded_minor(rig, payment.id) == 700
    rest = await refund(rig, payment.id)
    assert rest.amount.amount_minor == TOTAL_MINOR - 700
    await rig.settle()
    assert len(await refunds(rig)) == len(at_stripe(rig)) == 2


async def test_events_that_come_twice_or_late_change_nothing(rig: Rig) -> None:
    """The list is asked, not the event believed."""
    payment = await bought(rig)
    rig.sandbox.refund_by_hand(rig.intents()[0]["id"], 700)
    await refund(rig, payment.id, 300)
    await rig.settle()
    before = [await rig.application.payments.get(payment.id), *await refunds(rig)]

    rig.sandbox.force_refund(at_stripe(rig)[0]["id"], "succeeded")  # says what is known
    await rig.settle()

    assert [await rig.application.payments.get(payment.id), *await refunds(rig)] == before


async def test_a_rejected_review_that_stripe_refunds_is_not_refunded_again(rig: Rig) -> None:
    """Stripe gave all back by itself: the order is canceled, and the one refund is Stripe's."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    await rig.confirm(created)
    review = rig.sandbox.open_review(rig.intents()[0]["id"])
    await rig.settle()
    assert await rig.order_state() is OrderState.HELD

    rig.sandbox.close_review(review, "refunded_as_fraud")
    await rig.settle()
    await rig.recover()

    payment = await rig.application.payments.get(created.payment.id)
    assert (payment.state, payment.review) == (PaymentState.CAPTURED, ReviewStatus.REJECTED)
    assert await rig.order_state() is OrderState.CANCELED
    assert await rig.releases() == 0
    (made,) = await refunds(rig)
    assert (made.cause, made.amount.amount_minor) == (RefundCause.PSP, TOTAL_MINOR)
    assert len(at_stripe(rig)) == 1
    lines = await told(rig, payment.id)
    assert "refund_requested" not in lines
    assert "order_conflict" not in lines
