"""Captured money goes back: once, never more than was taken, and to where it came from."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundCause, RefundState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.payments.commands import CapturePaymentCommand
from gateway.refunds.commands import RefundReason
from gateway.routing.source import RoutingSource
from legacy_bridge.port import OrderState
from psp.money import Money
from tests.integration.gateway.refunding import (
    TOTAL_MINOR,
    at_stripe,
    bought,
    command,
    reason_of,
    refund,
    refunded_minor,
    refunds,
    told,
)
from tests.support.rig import ACCOUNT, Rig


async def test_all_of_a_payment_is_given_back(rig: Rig) -> None:
    """The row, the payment's sum, the journal and Stripe's books say the same."""
    payment = await bought(rig)

    made = await refund(rig, payment.id)
    await rig.settle()

    assert (made.state, made.cause, made.amount) == (
        RefundState.SUCCEEDED,
        RefundCause.REQUESTED,
        payment.amount,
    )
    assert await rig.application.refunds.get(made.id) == made
    assert await refunded_minor(rig, payment.id) == TOTAL_MINOR
    (at_psp,) = at_stripe(rig)
    assert (at_psp["id"], at_psp["amount"]) == (made.psp_reference, TOTAL_MINOR)
    lines = await told(rig, payment.id)
    assert lines[-2:] == ["refund_requested", "refund_changed"]
    # The goods went out, and came back: that is nobody's alarm.
    assert await rig.order_state() is OrderState.RELEASED


async def test_a_payment_is_given_back_in_parts(rig: Rig) -> None:
    """Two equal parts are two refunds; without an amount it is the rest."""
    payment = await bought(rig)

    parts = [
        await refund(rig, payment.id, minor, request_id=str(number))
        for number, minor in enumerate((500, 500, None))
    ]
    await rig.settle()

    assert [part.amount.amount_minor for part in parts] == [500, 500, 999]
    assert len({part.psp_reference for part in parts}) == 3
    assert sum(made["amount"] for made in at_stripe(rig)) == TOTAL_MINOR
    assert await refunded_minor(rig, payment.id) == TOTAL_MINOR
    assert len(await refunds(rig, payment_id=payment.id)) == 3


async def test_a_reason_is_passed_on(rig: Rig) -> None:
    """Stripe blocks a card for one of them: only on purpose."""
    payment = await bought(rig)

    await refund(rig, payment.id, 1)
    await refund(rig, payment.id, 1, request_id="r2", reason=RefundReason.DUPLICATE)

    assert [made["reason"] for made in at_stripe(rig)] == ["requested_by_customer", "duplicate"]


@pytest.mark.parametrize(
    "amount", [Money(TOTAL_MINOR + 1, "EUR"), Money(1, "USD")], ids=["too much", "other currency"]
)
async def test_more_than_is_left_is_refused_before_the_psp_sees_it(rig: Rig, amount: Money) -> None:
    """Nothing is written down either, and the refusal says what is left."""
    payment = await bought(rig)

    with pytest.raises(PaygateError) as refused:
        await refund(rig, payment.id, amount=amount)

    assert refused.value.reason is Reason.AMOUNT_EXCEEDS_REMAINING
    assert refused.value.metadata == {
        "remaining_minor": str(TOTAL_MINOR),
        "currency_code": "EUR",
    }
    assert (at_stripe(rig), list(await refunds(rig))) == ([], [])


async def test_only_captured_money_is_refunded(rig: Rig) -> None:
    """An authorisation is canceled instead, and nothing comes back twice."""
    authorised = await rig.paid(country_code="ES")
    with pytest.raises(PaygateError) as refused:
        await refund(rig, authorised.id)
    assert refused.value.reason is Reason.PAYMENT_STATE

    payment = await bought(rig, "order-2")
    await refund(rig, payment.id)
    with pytest.raises(PaygateError) as refused:
        await refund(rig, payment.id, request_id="r2")
    assert refused.value.reason is Reason.PAYMENT_STATE
    assert len(at_stripe(rig, "order-2")) == 1


async def test_while_a_capture_is_unknown_the_caller_comes_again(rig: Rig) -> None:
    """It is not refused for good: the money may have been taken."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    rig.sandbox.inject("drop_after", method="POST", path_suffix="/capture", count=3)
    key = RequestKey("tests", "CapturePayment", "c")
    await rig.application.payments.capture(CapturePaymentCommand(key, payment.id), None)

    with pytest.raises(PaygateError) as refused:
        await refund(rig, payment.id)

    assert refused.value.reason is Reason.OPERATION_IN_PROGRESS
    assert refused.value.retry_after_s is not None


@pytest.mark.parametrize("minor", [None, 1200, 500])
async def test_refunds_that_race_never_give_more_than_was_taken(
    rig: Rig, minor: int | None
) -> None:
    """Each is made, refused for good, or told to come again; Stripe refuses none."""
    payment = await bought(rig)

    results = await asyncio.gather(
        *(refund(rig, payment.id, minor, request_id=f"r{number}") for number in range(4)),
        return_exceptions=True,
    )
    await rig.settle()

    made = at_stripe(rig)
    assert len(made) == sum(not isinstance(result, BaseException) for result in results) >= 1
    assert sum(each["amount"] for each in made) <= TOTAL_MINOR
    assert {reason_of(result) for result in results} <= {
        None,
        Reason.OPERATION_IN_PROGRESS,
        Reason.AMOUNT_EXCEEDS_REMAINING,
        Reason.PAYMENT_STATE,
    }
    assert await refunded_minor(rig, payment.id) == sum(each["amount"] for each in made)


async def test_the_same_request_is_answered_as_before(rig: Rig) -> None:
    """As often as it is sent, also when nothing is left; in Stripe's books it is one."""
    payment = await bought(rig)

    first = await refund(rig, payment.id)
    again = [await refund(rig, payment.id) for _ in range(2)]

    assert again == [first, first]
    assert len(at_stripe(rig)) == 1


async def test_the_same_request_at_once_is_one_refund(rig: Rig) -> None:
    """Of several sendings none hears that all was given back already: it was given by it."""
    payment = await bought(rig)

    results = await asyncio.gather(
        *(refund(rig, payment.id) for _ in range(5)), return_exceptions=True
    )

    assert {reason_of(result) for result in results} <= {
        None,
        Reason.REQUEST_IN_PROGRESS,
        Reason.OPERATION_IN_PROGRESS,
    }
    assert (await refund(rig, payment.id)).state is RefundState.SUCCEEDED
    assert len(at_stripe(rig)) == 1


async def test_a_request_that_comes_when_its_twin_is_done_is_answered_alike(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looked for itself a moment too early, and finds nothing left."""
    payment = await bought(rig)
    creation = rig.application.order_handler._refunds  # noqa: SLF001 - where the moment is
    find, looked = creation._replays.find, list[object]()  # noqa: SLF001 - as above

    async def a_moment_too_early(*asked: object) -> object:
        looked.append(asked)
        if len(looked) > 1:
            return await find(*asked)  # type: ignore[arg-type]  # as it was asked
        await refund(rig, payment.id)
        return None

    monkeypatch.setattr(creation._replays, "find", a_moment_too_early)  # noqa: SLF001 - as above

    second = await refund(rig, payment.id)

    assert second.state is RefundState.SUCCEEDED
    assert len(at_stripe(rig)) == 1


async def test_another_request_under_the_same_id_is_refused(rig: Rig) -> None:
    """Whatever is different: amount, reason or payment."""
    payment = await bought(rig)
    await refund(rig, payment.id, 500)
    others = [
        command(payment.id, 501),
        command(payment.id),
        command(payment.id, 500, reason=RefundReason.FRAUDULENT),
        command("pay_00000000000000000000000009", 500),
    ]

    for other in others:
        with pytest.raises(PaygateError) as refused:
            await rig.application.refunds.create(other, None)
        assert refused.value.reason is Reason.REQUEST_ID_REUSED
    assert len(at_stripe(rig)) == 1


async def test_a_deadline_that_is_too_short_does_nothing(rig: Rig) -> None:
    """Nothing was written down, so that the same request can be sent with more time."""
    payment = await bought(rig)

    with pytest.raises(PaygateError) as refused:
        await rig.application.refunds.create(command(payment.id), 0.1)
    assert refused.value.reason is Reason.DEADLINE_TOO_SHORT
    assert (at_stripe(rig), list(await refunds(rig))) == ([], [])

    assert (await refund(rig, payment.id)).state is RefundState.SUCCEEDED


async def test_a_caller_that_goes_away_does_not_stop_its_refund(rig: Rig) -> None:
    """Once it is written down it runs to its end, and the same request hears of it."""
    payment = await bought(rig)
    sent, go_on = asyncio.Event(), asyncio.Event()

    async def hold(_key: str) -> None:
        sent.set()
        await go_on.wait()

    rig.provider.before_change = hold
    call = asyncio.create_task(refund(rig, payment.id))
    await sent.wait()

    call.cancel()
    go_on.set()
    await rig.application.shield.drain(5)

    assert (await refund(rig, payment.id)).state is RefundState.SUCCEEDED
    assert len(at_stripe(rig)) == 1


async def test_what_the_psp_refuses_is_refused_each_time(rig: Rig) -> None:
    """Most was given back in Stripe's dashboard, and nobody here knew: Stripe knows."""
    payment = await bought(rig)
    rig.sandbox.refund_by_hand(rig.intents()[0]["id"], 1500)  # its webhook is not here yet

    for _ in range(2):
        with pytest.raises(PaygateError) as refused:
            await refund(rig, payment.id)
        assert refused.value.reason is Reason.PSP_REJECTED
    await rig.settle()

    (foreign, ours) = await refunds(rig)
    assert (ours.state, foreign.cause) == (RefundState.FAILED, RefundCause.PSP)
    assert await refunded_minor(rig, payment.id) == 1500
    assert sum(made["amount"] for made in at_stripe(rig)) == 1500


async def test_after_surely_nothing_the_same_request_may_come_again(rig: Rig) -> None:
    """A rate limit did nothing: the same request_id works once it is over."""
    payment = await bought(rig)
    rig.sandbox.inject(
        "rate_limited", method="POST", path_prefix="/v1/refunds", count=3, retry_after_s=30
    )
    with pytest.raises(Exception, match="stripe_eu"):
        await refund(rig, payment.id)
    rig.sandbox.clear_faults()

    assert (await refund(rig, payment.id)).state is RefundState.SUCCEEDED
    assert len(at_stripe(rig)) == 1
    assert [each.state for each in await refunds(rig)] == [
        RefundState.SUCCEEDED,
        RefundState.FAILED,
    ]


async def test_a_retired_account_gives_its_money_back(rig: Rig) -> None:
    """New payments go elsewhere; the old one's refund goes to where it was paid."""
    payment = await bought(rig)
    table = rig.routing.table
    retired = {**table.accounts, ACCOUNT: replace(table.accounts[ACCOUNT], retired=True)}
    rig.routing = RoutingSource(replace(table, accounts=retired))
    rig.restart()

    made = await refund(rig, payment.id)

    assert (made.state, made.psp_account) == (RefundState.SUCCEEDED, ACCOUNT)
    assert (await rig.application.payments.get(payment.id)).state is PaymentState.CAPTURED


async def test_an_account_that_is_gone_is_refused_before_anything_is_written(rig: Rig) -> None:
    """No refund is left behind that would act once the account comes back."""
    payment = await bought(rig)
    rig.application.doors.providers.clear()  # type: ignore[attr-defined]  # the rig gives a dict

    with pytest.raises(PaygateError) as refused:
        await refund(rig, payment.id)

    assert refused.value.reason is Reason.PSP_MISCONFIGURED
    assert list(await refunds(rig)) == []
