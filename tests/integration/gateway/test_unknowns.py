"""Unknown stays unknown until the PSP speaks, and then its word decides."""

from __future__ import annotations

import pytest
from structlog.testing import capture_logs

from gateway.domain.payment import PaymentState
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from gateway.payments.commands import CancelPaymentCommand, CapturePaymentCommand
from legacy_bridge.port import OrderState
from psp.errors import PspError, UnavailableError
from psp.port import FailureCategory
from tests.support.rig import Rig, creation

_INTENTS = "/v1/payment_intents"
_FOR_EVER = 1_000_000


def _capture(payment_id: str) -> CapturePaymentCommand:
    return CapturePaymentCommand(RequestKey("tests", "CapturePayment", "c"), payment_id)


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "error_after", "error_before"])
async def test_a_creation_without_an_answer_is_unknown_then_settled(rig: Rig, kind: str) -> None:
    """Whether Stripe acted or not, the resolver finds one payment or makes it: never two."""
    await rig.draft()
    rig.sandbox.inject(kind, method="POST", path_prefix=_INTENTS, count=3)

    created = await rig.create()
    assert created.payment.state is PaymentState.OUTCOME_UNKNOWN
    await rig.recover()

    settled = await rig.application.payments.get(created.payment.id)
    assert settled.state is PaymentState.AWAITING_CUSTOMER
    assert len(rig.intents()) == 1


async def test_silence_does_not_make_a_failure(rig: Rig) -> None:
    """Stripe stays away for days: the payment waits, and its request is answered "unknown"."""
    rig.sandbox.inject("drop_after", path_prefix="/v1/", count=_FOR_EVER)
    created = await rig.create()

    for _ in range(4):
        rig.pass_time(hours=12)
        await rig.settle()
    waiting = await rig.application.payments.get(created.payment.id)
    replayed = await rig.create()

    assert waiting.state is PaymentState.OUTCOME_UNKNOWN
    assert replayed.payment.state is PaymentState.OUTCOME_UNKNOWN
    page = await rig.application.payments.events(waiting.id, 0, 100)
    assert [entry.type for entry in page.entries] == ["payment_created", "operation_unknown"]

    rig.sandbox.clear_faults()
    await rig.recover()
    settled = await rig.application.payments.get(created.payment.id)
    assert settled.state is PaymentState.AWAITING_CUSTOMER
    assert len(rig.intents()) == 1


async def test_the_log_says_what_keeps_an_outcome_open(rig: Rig) -> None:
    """The line of each look at it, with the PSP's own word."""
    rig.sandbox.webhooks.hold()  # they have it looked at too, at the same time
    rig.sandbox.inject("error_after", path_prefix="/v1/", count=_FOR_EVER)
    created = await rig.create()
    rig.pass_time(hours=1)

    with capture_logs() as lines:
        await rig.settle()

    told = [line for line in lines if line["event"] == "operation_checked"]
    assert told != []
    assert {line["payment_id"] for line in told} == {created.payment.id}
    assert all(line["error"].startswith("stripe_eu: ") for line in told), told


async def test_a_payment_that_never_came_to_be_is_concluded_from_the_psps_list(rig: Rig) -> None:
    """Nothing is sent any more, Stripe's list holds nothing: only then it is called failed."""
    rig.sandbox.inject("drop_before", method="POST", path_prefix=_INTENTS, count=_FOR_EVER)
    created = await rig.create()
    rig.pass_time(minutes=20)
    await rig.settle()
    still = await rig.application.payments.get(created.payment.id)
    assert still.state is PaymentState.OUTCOME_UNKNOWN

    await rig.recover()

    concluded = await rig.application.payments.get(created.payment.id)
    assert concluded.state is PaymentState.FAILED
    assert concluded.failure is not None
    assert concluded.failure.category is FailureCategory.NEVER_CREATED
    assert rig.intents() == []


@pytest.mark.parametrize("kind", ["drop_after", "drop_before", "error_after", "error_before"])
async def test_a_capture_without_an_answer_is_unknown_then_settled(rig: Rig, kind: str) -> None:
    """Captured once, whether the first call acted or not."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    rig.sandbox.inject(kind, method="POST", path_suffix="/capture", count=3)

    unknown = await rig.application.payments.capture(_capture(payment.id), None)
    assert unknown.state is PaymentState.OUTCOME_UNKNOWN
    await rig.recover()

    settled = await rig.application.payments.capture(_capture(payment.id), None)
    assert (settled.state, settled.captured_minor) == (PaymentState.CAPTURED, 1999)
    assert rig.intents()[0]["captures"] == 1


async def test_nothing_else_is_asked_of_an_unknown_payment(rig: Rig) -> None:
    """A second change waits until the first is settled: the caller is told to come again."""
    await rig.draft()
    payment = await rig.paid(country_code="ES")
    rig.sandbox.inject("drop_after", method="POST", path_suffix="/capture", count=3)
    await rig.application.payments.capture(_capture(payment.id), None)

    cancel = CancelPaymentCommand(RequestKey("tests", "CancelPayment", "x"), payment.id)
    with pytest.raises(PaygateError) as refused:
        await rig.application.payments.cancel(cancel, None)

    assert refused.value.reason is Reason.OPERATION_IN_PROGRESS
    assert refused.value.retry_after_s is not None


async def test_an_automatic_capture_without_an_answer_releases_in_the_end(rig: Rig) -> None:
    """The gateway's own capture is settled by the resolver, and the order follows."""
    await rig.draft()
    created = await rig.create()
    rig.sandbox.inject("drop_after", method="POST", path_suffix="/capture", count=3)
    await rig.confirm(created)
    await rig.settle()
    await rig.recover()

    assert (await rig.order_state(), await rig.releases()) == (OrderState.RELEASED, 1)
    assert rig.intents()[0]["captures"] == 1


async def test_a_status_nobody_knows_leaves_the_payment_as_it_is(rig: Rig) -> None:
    """A status that Stripe adds tomorrow is neither a crash nor a failure."""
    await rig.draft()
    created = await rig.create()
    rig.sandbox.force_status(rig.intents()[0]["id"], "requires_reauthorization")
    replayed = await rig.create()

    assert replayed.payment.state is PaymentState.AWAITING_CUSTOMER
    assert (await rig.application.payments.get(created.payment.id)).failure is None


@pytest.mark.parametrize("kind", ["rate_limited", "lock_timeout"])
async def test_after_surely_nothing_the_same_request_may_come_again(rig: Rig, kind: str) -> None:
    """A rate limit did nothing: the caller is told to wait, and the same request_id works."""
    rig.sandbox.inject(kind, method="POST", path_prefix=_INTENTS, count=3, retry_after_s=30)
    with pytest.raises(PspError):
        await rig.application.payments.create(creation(), None)
    rig.sandbox.clear_faults()

    created = await rig.create()

    assert created.payment.state is PaymentState.AWAITING_CUSTOMER
    assert len(rig.intents()) == 1


async def test_a_replay_whose_next_step_cannot_be_read_says_so(rig: Rig) -> None:
    """The client secret is not stored: without Stripe a replay cannot be answered whole."""
    await rig.create()
    rig.sandbox.inject("drop_before", method="GET", path_prefix=_INTENTS, count=_FOR_EVER)

    with pytest.raises(UnavailableError):
        await rig.create()
