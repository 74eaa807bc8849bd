"""Nothing is sent to a PSP before it is written down, and one change at a time."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from gateway.domain.payment import PaymentState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.payments.commands import CancelPaymentCommand, CapturePaymentCommand
from gateway.storage.tables import operations
from tests.support.rig import CrashError, Rig, creation

_BY_KEY = sa.select(operations.c.state).where(
    operations.c.idempotency_key == sa.bindparam("idempotency_key")
)


async def test_every_change_is_committed_before_it_is_sent(rig: Rig) -> None:
    """Whenever the PSP is asked for a change, its operation row is there to be read."""
    seen: list[str] = []

    async def look(idempotency_key: str) -> None:
        rows = await rig.database.fetch(_BY_KEY, {"idempotency_key": idempotency_key})
        seen.extend(row[0] for row in rows)

    rig.provider.before_change = look
    await rig.draft()
    await rig.paid()
    canceled = await rig.create(request_id="request-2")
    await rig.application.payments.cancel(
        CancelPaymentCommand(RequestKey("tests", "CancelPayment", "x"), canceled.payment.id), None
    )

    assert seen == ["pending"] * 4  # create, capture, create, cancel


async def test_two_captures_at_once_are_one(rig: Rig) -> None:
    """Of two callers one captures; the other is told to wait or that it is done."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    results = await asyncio.gather(
        *(
            rig.application.payments.capture(
                CapturePaymentCommand(
                    RequestKey("tests", "CapturePayment", f"c{number}"), payment.id
                ),
                None,
            )
            for number in range(4)
        ),
        return_exceptions=True,
    )

    refused = [result for result in results if isinstance(result, PaygateError)]
    assert len(refused) == 3
    assert {error.reason for error in refused} <= {
        Reason.OPERATION_IN_PROGRESS,
        Reason.PAYMENT_STATE,
    }
    assert rig.intents()[0]["captures"] == 1


async def test_the_same_request_at_once_is_one_payment(rig: Rig) -> None:
    """Four sendings of one request make one payment; those that come too early may ask again."""
    results = await asyncio.gather(
        *(rig.application.payments.create(creation(), None) for _ in range(4)),
        return_exceptions=True,
    )

    ids = {result.payment.id for result in results if not isinstance(result, BaseException)}
    early = [result for result in results if isinstance(result, BaseException)]
    assert len(ids) == 1
    assert all(
        isinstance(error, PaygateError) and error.reason is Reason.REQUEST_IN_PROGRESS
        for error in early
    )
    assert len(rig.intents()) == 1


async def test_a_mutation_outlives_its_caller(rig: Rig) -> None:
    """The caller is canceled while Stripe works: the payment is whole, and the replay finds it."""
    rig.sandbox.inject("delay_after", method="POST", path_prefix="/v1/payment_intents", delay_s=0.3)
    call = asyncio.create_task(rig.create())
    async with asyncio.timeout(10):
        while not rig.intents():  # noqa: ASYNC110 - the sandbox's books ring no bell
            await asyncio.sleep(0.01)

    call.cancel()
    with pytest.raises(asyncio.CancelledError):
        await call
    await rig.application.shield.drain(10)

    replayed = await rig.create()
    assert replayed.payment.state is PaymentState.AWAITING_CUSTOMER
    assert replayed.next_action is not None
    assert len(rig.intents()) == 1


async def test_too_little_time_is_refused_before_anything_is_written(rig: Rig) -> None:
    """Nothing is done, here or at Stripe, and the same request may come again."""
    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.create(creation(), 0.1)

    assert refused.value.reason is Reason.DEADLINE_TOO_SHORT
    assert rig.intents() == []
    assert (await rig.create()).payment.state is PaymentState.AWAITING_CUSTOMER


@pytest.mark.parametrize("crash_at", [1, 2])
async def test_a_capture_cut_off_is_finished_by_the_resolver(rig: Rig, crash_at: int) -> None:
    """The process dies around the commit: nothing was asked, or it is seen through."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    command = CapturePaymentCommand(RequestKey("tests", "CapturePayment", "c"), payment.id)
    rig.restart(crash_at)

    with pytest.raises(CrashError):
        await rig.application.payments.capture(command, None)
    rig.restart()
    await rig.recover()
    captured = await rig.application.payments.capture(command, None)

    assert captured.state is PaymentState.CAPTURED
    assert rig.intents()[0]["captures"] == 1
