"""Before money is taken or goods go out, the PSP confirms, and nothing else is under way."""

from __future__ import annotations

import asyncio

import pytest

from gateway.domain.payment import PaymentState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.payments.commands import CancelPaymentCommand, CapturePaymentCommand
from legacy_bridge.port import OrderState
from tests.support.rig import Rig, creation


def _cancel(payment_id: str) -> CancelPaymentCommand:
    return CancelPaymentCommand(RequestKey("tests", "CancelPayment", "x"), payment_id)


async def test_an_order_is_not_released_while_its_payment_is_being_canceled(rig: Rig) -> None:
    """The cancel is under way at Stripe: the release waits for its end, and is then none."""
    await rig.draft()
    created = await rig.create(country_code="ES")
    await rig.confirm(created)
    await rig.apply_events()
    rig.sandbox.inject("delay_before", method="POST", path_suffix="/cancel", delay_s=0.4)

    canceling = asyncio.create_task(
        rig.application.payments.cancel(_cancel(created.payment.id), None)
    )
    await asyncio.sleep(0.1)
    await rig.application.workers.round()
    assert await rig.order_state() is OrderState.DRAFT
    await canceling
    await rig.recover()

    assert await rig.order_state() is OrderState.CANCELED
    assert await rig.releases() == 0


async def test_a_status_that_cannot_be_read_releases_nothing(rig: Rig) -> None:
    """Authorised when the webhook came, something new when asked: the order waits."""
    await rig.draft()
    await rig.confirm(await rig.create(country_code="ES"))
    await rig.apply_events()
    rig.sandbox.force_status(rig.intents()[0]["id"], "requires_reauthorization")

    await rig.settle()
    assert await rig.order_state() is OrderState.DRAFT

    rig.sandbox.force_status(rig.intents()[0]["id"], "requires_capture")
    await rig.recover()
    assert await rig.order_state() is OrderState.RELEASED


async def test_the_same_capture_at_once_is_answered_alike(rig: Rig) -> None:
    """Of two sendings of one request neither hears that the payment is captured already."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    command = CapturePaymentCommand(RequestKey("tests", "CapturePayment", "c"), payment.id)

    results = await asyncio.gather(
        *(rig.application.payments.capture(command, None) for _ in range(4)),
        return_exceptions=True,
    )

    reasons = {result.reason for result in results if isinstance(result, PaygateError)}
    assert reasons <= {Reason.REQUEST_IN_PROGRESS, Reason.OPERATION_IN_PROGRESS}
    again = await rig.application.payments.capture(command, None)
    assert again.state is PaymentState.CAPTURED
    assert rig.intents()[0]["captures"] == 1


async def test_a_cancel_that_came_too_late_is_refused_each_time(rig: Rig) -> None:
    """Stripe captured by itself while the answer was lost: the replay does not say "canceled"."""
    await rig.draft()
    created = await rig.create(country_code="DE")
    rig.sandbox.inject("drop_before", method="POST", path_suffix="/cancel", count=3)
    unknown = await rig.application.payments.cancel(_cancel(created.payment.id), None)
    assert unknown.state is PaymentState.OUTCOME_UNKNOWN
    await rig.confirm(created)
    await rig.recover()

    for _ in range(2):
        with pytest.raises(PaygateError) as refused:
            await rig.application.payments.cancel(_cancel(created.payment.id), None)
        assert refused.value.reason is Reason.PAYMENT_STATE
        assert [state.type for state in refused.value.states] == ["PAYMENT_STATE"]
    assert await rig.order_state() is OrderState.RELEASED


async def test_an_account_that_is_gone_is_refused_before_anything_is_written(rig: Rig) -> None:
    """No operation is left behind that would act once the account comes back."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    rig.application.doors.providers.clear()  # type: ignore[attr-defined]  # the rig gives a dict

    with pytest.raises(PaygateError):
        await rig.application.payments.cancel(_cancel(payment.id), None)
    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.create(creation("request-2"), None)

    assert refused.value.reason is Reason.PSP_MISCONFIGURED
    assert (await rig.application.payments.get(payment.id)).version == payment.version
    assert len(rig.intents()) == 1


async def test_a_fault_in_one_event_does_not_stop_the_others(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Something unforeseen breaks for one payment: it is tried later, the other goes on."""
    await rig.draft()
    first = await rig.create()
    await rig.draft("order-2")
    second = await rig.create(request_id="request-2", order_id="order-2")
    broken = rig.intents()[0]["id"]
    retrieve = rig.psp.retrieve_payment

    async def break_for_one(psp_reference: str) -> object:
        if psp_reference == broken:
            raise ZeroDivisionError
        return await retrieve(psp_reference)

    monkeypatch.setattr(rig.psp, "retrieve_payment", break_for_one)
    await rig.confirm(first)
    await rig.confirm(second)
    await rig.settle()
    assert await rig.order_state("order-2") is OrderState.RELEASED
    assert await rig.order_state() is OrderState.DRAFT

    monkeypatch.undo()
    await rig.recover()
    assert await rig.order_state() is OrderState.RELEASED
