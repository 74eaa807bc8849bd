"""A fraud review, in every order around the payment's success: held, then released or canceled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest

from gateway.domain.payment import Payment, PaymentState
from gateway.domain.requests import RequestKey
from gateway.domain.transitions import apply_psp_payment
from gateway.payments.commands import CapturePaymentCommand, CreatedPayment
from gateway.storage.journal import insert_entry
from gateway.storage.outbox import insert_delivery
from gateway.storage.payments import payments_of_order, update_payment
from legacy_bridge.port import DraftOrder, OrderState
from psp.port import ReviewStatus
from tests.integration.gateway.refunding import at_stripe, refund, refunds, told
from tests.support.rig import Rig

_REVIEWED = "pm_card_riskLevelElevated"
_OPENED, _CLOSED = "review.opened", "review.closed"
_PAID_AS = {"FR": "payment_intent.amount_capturable_updated", "DE": "payment_intent.succeeded"}
"""At order, and automatically: what tells that there is money."""
_ARRIVALS = [
    pytest.param(
        country, order, id=f"{country}: {' < '.join(each.split('.')[1] for each in order)}"
    )
    for country, paid in _PAID_AS.items()
    for order in permutations((paid, _OPENED, _CLOSED))
]


async def _payment(rig: Rig, created: CreatedPayment) -> Payment:
    return await rig.application.payments.get(created.payment.id)


async def _review_of(rig: Rig) -> str:
    """Stripe's id of the review of the one payment there is."""
    (intent,) = rig.intents()
    return (await rig.psp.retrieve_payment(intent["id"])).review_reference


async def _held(rig: Rig, country_code: str, method: str = _REVIEWED) -> tuple[CreatedPayment, str]:
    """Pay in a way that a rule sends to review; the order is held, and the review is named."""
    await rig.draft()
    created = await rig.create(country_code=country_code)
    await rig.confirm(created, method)
    await rig.settle()
    assert await rig.order_state() is OrderState.HELD
    return created, await _review_of(rig)


@pytest.mark.parametrize("country_code, arrival", _ARRIVALS)
@pytest.mark.parametrize(
    "reason, ends_as",
    [("approved", OrderState.RELEASED), ("refunded_as_fraud", OrderState.CANCELED)],
)
async def test_webhooks_of_a_review_come_in_any_order(
    rig: Rig, country_code: str, arrival: Sequence[str], reason: str, ends_as: OrderState
) -> None:
    """All of them late: the order ends as the reviewer said, whichever comes first."""
    await rig.draft()
    rig.sandbox.webhooks.hold()
    await rig.confirm(await rig.create(country_code=country_code), _REVIEWED)
    rig.sandbox.close_review(await _review_of(rig), reason)
    rig.sandbox.webhooks.release(arrival)
    await rig.settle()

    assert await rig.order_state() is ends_as
    assert await rig.releases() == (ends_as is OrderState.RELEASED)
    (intent,) = rig.intents()
    assert (intent["taken"] > 0) is (ends_as is OrderState.RELEASED)


@pytest.mark.parametrize(
    "lost", [{_OPENED}, {_CLOSED}, {_OPENED, _CLOSED}], ids=["opened", "closed", "both"]
)
async def test_webhooks_of_a_review_that_never_come(rig: Rig, lost: set[str]) -> None:
    """It is found when money comes, and its end when the order is looked at again."""
    rig.without -= {"sweeper"}
    rig.restart()
    for event_type in lost:
        rig.sandbox.webhooks.drop(event_type)
    _, review = await _held(rig, "FR")

    rig.sandbox.close_review(review, "approved")
    await rig.settle()
    rig.pass_time(hours=2)
    await rig.settle()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


@pytest.mark.parametrize("country_code", ["FR", "DE"])
@pytest.mark.parametrize("leaves", ["nothing", "payment_intent", "payment_intent_and_charge"])
async def test_approval_releases_whatever_a_closed_review_leaves(
    rig: Rig, leaves: str, country_code: str
) -> None:
    """Stripe may stop naming it, and the charge still says that somebody reviews: it is asked."""
    rig.sandbox.set_circumstances(closed_review_leaves=leaves)
    created, review = await _held(rig, country_code)

    rig.sandbox.close_review(review, "approved")
    await rig.settle()

    paid = await _payment(rig, created)
    assert (paid.state, paid.review) == (PaymentState.CAPTURED, ReviewStatus.APPROVED)
    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)


@pytest.mark.parametrize("leaves", ["nothing", "payment_intent", "payment_intent_and_charge"])
async def test_rejection_cancels_whatever_a_closed_review_leaves(rig: Rig, leaves: str) -> None:
    """The same for a reviewer who says no: Stripe gives the money back, and we do not again."""
    rig.sandbox.set_circumstances(closed_review_leaves=leaves)
    created, review = await _held(rig, "DE")

    rig.sandbox.close_review(review, "refunded_as_fraud")
    await rig.settle()

    assert (await _payment(rig, created)).review is ReviewStatus.REJECTED
    assert await rig.order_state() is OrderState.CANCELED
    assert len(at_stripe(rig)) == 1


async def test_approval_of_a_manual_capture_releases_and_captures_nothing(rig: Rig) -> None:
    """Who captures by hand goes on doing so; approving takes no money at Stripe either."""
    created, review = await _held(rig, "ES")

    rig.sandbox.close_review(review, "approved")
    await rig.settle()

    assert await rig.order_state() is OrderState.RELEASED
    assert (await _payment(rig, created)).state is PaymentState.AUTHORIZED
    assert rig.intents()[0]["taken"] == 0
    command = CapturePaymentCommand(
        RequestKey("tests", "CapturePayment", "c"), created.payment.id, None
    )
    assert (await rig.application.payments.capture(command, None)).state is PaymentState.CAPTURED


@pytest.mark.parametrize("country_code", ["FR", "DE", "ES"])
async def test_a_review_that_opens_after_the_release_is_an_alarm(
    rig: Rig, country_code: str
) -> None:
    """Nobody can hold what was released; whoever packs the parcel has to be told, once."""
    await rig.draft()
    payment = await rig.paid(country_code=country_code)
    assert await rig.order_state() is OrderState.RELEASED

    review = rig.sandbox.open_review(rig.intents()[0]["id"])
    await rig.settle()

    seen = await rig.application.orders.get("order-1")
    assert "review" in seen.waiting_for
    assert (await told(rig, payment.id)).count("order_conflict") == 1

    rig.sandbox.close_review(review, "approved")
    await rig.settle()
    seen = await rig.application.orders.get("order-1")
    assert seen.waiting_for == f"nothing: released for payment {payment.id}"
    assert (await told(rig, payment.id)).count("order_conflict") == 1


@pytest.mark.parametrize("reason", ["refunded", "refunded_as_fraud", "disputed"])
async def test_a_review_that_rejects_after_the_release_is_an_alarm(rig: Rig, reason: str) -> None:
    """The goods are out and the money is not ours to keep: people look, and nothing is doubled."""
    await rig.draft()
    payment = await rig.paid(country_code="DE")
    review = rig.sandbox.open_review(rig.intents()[0]["id"])
    await rig.settle()

    rig.sandbox.close_review(review, reason)
    await rig.settle()

    assert (await told(rig, payment.id)).count("order_conflict") == 2
    assert await rig.releases() == 1
    assert len(at_stripe(rig)) == (reason != "disputed")


async def test_a_reviewers_refund_races_with_ours(rig: Rig) -> None:
    """She refunds while our own refund is on its way: the money goes back once."""
    created, review = await _held(rig, "DE")
    payment_id = created.payment.id

    async def refund_first(_key: str) -> None:
        rig.provider.before_change = None
        rig.sandbox.close_review(review, "refunded")

    rig.provider.before_change = refund_first
    with pytest.raises(Exception, match="refund"):
        await refund(rig, payment_id)
    await rig.settle()
    await rig.recover()

    assert await rig.order_state() is OrderState.CANCELED
    assert sum(each["amount"] for each in at_stripe(rig)) == 1999
    assert sum(each.amount.amount_minor for each in await refunds(rig) if each.counts) == 1999


class _ReviewedMeanwhile:
    """A back office that is so slow to hold an order that its review ends, and that is stored."""

    def __init__(self, rig: Rig) -> None:
        self._rig, self._inner = rig, rig.office

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def hold_order(self, order_id: str, **more: Any) -> DraftOrder:
        answered = await self._inner.hold_order(order_id, **more)
        (payment,) = await payments_of_order(self._rig.database, order_id)
        self._rig.sandbox.close_review(await _review_of(self._rig), "approved")
        now = self._rig.now()
        word = replace(
            await self._rig.psp.retrieve_payment(payment.psp_reference),
            review=ReviewStatus.APPROVED,
        )
        change = apply_psp_payment(payment, word, now)
        await self._rig.database.commit(
            [
                update_payment(change.payment, read_version=payment.version),
                *(insert_entry(entry) for entry in change.entries),
                *(insert_delivery(entry, now) for entry in change.entries),
            ]
        )
        return answered


async def test_a_review_that_ends_while_its_order_is_held_is_not_overlooked(rig: Rig) -> None:
    """The line that tells of it stays due, although the order is told of another just then."""
    rig.office = _ReviewedMeanwhile(rig)  # type: ignore[assignment] # it stands in for the one it wraps
    rig.restart()
    await rig.draft()
    rig.sandbox.webhooks.hold()
    await rig.confirm(await rig.create(country_code="FR"), _REVIEWED)
    rig.sandbox.webhooks.release([_PAID_AS["FR"]])
    await rig.settle()

    assert await rig.order_state() is OrderState.RELEASED
    assert await rig.releases() == 1
