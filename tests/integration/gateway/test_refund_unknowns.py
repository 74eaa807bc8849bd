"""A refund whose answer is lost is unknown, and then what the PSP's own list says it is."""

from __future__ import annotations

import asyncio

import pytest
from structlog.testing import capture_logs

from gateway.domain.refund import RefundState
from gateway.errors import PaygateError, Reason
from psp.errors import OutcomeUnknownError
from psp.money import Money
from psp.port import RefundPayment, RefundStatus
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
from tests.support.fake_psp import FakePsp
from tests.support.rig import Rig

_REFUNDS = "/v1/refunds"
_FOR_EVER = 1_000_000
_KINDS = ["drop_after", "drop_before", "error_after", "error_before"]


@pytest.mark.parametrize("kind", _KINDS)
async def test_a_refund_without_an_answer_is_unknown_then_settled(rig: Rig, kind: str) -> None:
    """Whether Stripe acted or not, the resolver finds one refund or makes it: never two."""
    payment = await bought(rig)
    rig.sandbox.inject(kind, method="POST", path_prefix=_REFUNDS, count=3)

    unknown = await refund(rig, payment.id, 500)
    assert unknown.state is RefundState.OUTCOME_UNKNOWN
    assert (await refund(rig, payment.id, 500)).state is RefundState.OUTCOME_UNKNOWN
    await rig.recover()

    settled = await refund(rig, payment.id, 500)
    assert (settled.id, settled.state) == (unknown.id, RefundState.SUCCEEDED)
    (made,) = at_stripe(rig)
    assert (made["id"], made["amount"]) == (settled.psp_reference, 500)
    assert await refunded_minor(rig, payment.id) == 500
    assert (await told(rig, payment.id)).count("operation_unknown") == 1


async def test_the_log_says_what_keeps_a_refund_open(rig: Rig) -> None:
    """As of a payment."""
    payment = await bought(rig)
    rig.sandbox.webhooks.hold()  # they have it looked at too, at the same time
    rig.sandbox.inject("error_after", path_prefix="/v1/", count=_FOR_EVER)
    await refund(rig, payment.id, 500)
    rig.pass_time(hours=1)

    with capture_logs() as lines:
        await rig.settle()

    told = [line for line in lines if line["event"] == "operation_checked"]
    assert told != []
    assert all(line["error"].startswith("stripe_eu: ") for line in told), told


async def test_a_refund_counted_meanwhile_that_fails_gives_its_sum_back(rig: Rig) -> None:
    """The payment was asked about while the answer was missing; no webhook tells of the end."""
    payment = await bought(rig)
    rig.sandbox.webhooks.hold()
    rig.sandbox.inject("drop_after", method="POST", path_prefix=_REFUNDS, count=3)
    unknown = await refund(rig, payment.id, 500)
    await rig.application.reconciliations.ask(payment.id)
    assert await refunded_minor(rig, payment.id) == 500

    (made,) = at_stripe(rig)
    rig.sandbox.force_refund(made["id"], "failed", "lost_or_stolen_card")
    await rig.recover()

    settled = await rig.application.refunds.get(unknown.id)
    assert settled.state is RefundState.FAILED
    assert await refunded_minor(rig, payment.id) == 0
    assert (await refund(rig, payment.id, request_id="all")).amount.amount_minor == TOTAL_MINOR


async def test_the_money_counts_as_given_back_meanwhile(rig: Rig) -> None:
    """A second refund waits for the first, and never takes what that one may have taken."""
    payment = await bought(rig)
    rig.sandbox.inject("drop_after", method="POST", path_prefix=_REFUNDS, count=3)
    await refund(rig, payment.id, 1500)

    for minor, reason in (
        (500, Reason.AMOUNT_EXCEEDS_REMAINING),
        (499, Reason.OPERATION_IN_PROGRESS),
    ):
        with pytest.raises(PaygateError) as refused:
            await refund(rig, payment.id, minor, request_id="r2")
        assert refused.value.reason is reason

    await rig.recover()
    assert (await refund(rig, payment.id, 499, request_id="r2")).state is RefundState.SUCCEEDED
    assert sum(made["amount"] for made in at_stripe(rig)) == TOTAL_MINOR


async def test_silence_does_not_make_a_failure(rig: Rig) -> None:
    """Stripe stays away for days: the refund is unknown, and the journal says so once."""
    payment = await bought(rig)
    rig.sandbox.inject("drop_after", path_prefix="/v1/", count=_FOR_EVER)
    unknown = await refund(rig, payment.id)

    for _ in range(4):
        rig.pass_time(hours=12)
        await rig.settle()

    assert (await rig.application.refunds.get(unknown.id)).state is RefundState.OUTCOME_UNKNOWN
    assert (await told(rig, payment.id)).count("operation_unknown") == 1
    rig.sandbox.clear_faults()
    await rig.recover()
    assert (await rig.application.refunds.get(unknown.id)).state is RefundState.SUCCEEDED
    assert len(at_stripe(rig)) == 1


async def test_a_refund_that_never_arrived_is_concluded_from_the_psps_list(rig: Rig) -> None:
    """Its key has lapsed and the list does not hold it: only then it is called failed."""
    payment = await bought(rig)
    rig.sandbox.inject("drop_before", method="POST", path_prefix=_REFUNDS, count=_FOR_EVER)
    unknown = await refund(rig, payment.id)
    rig.pass_time(hours=23, minutes=10)
    await rig.settle()
    assert (await rig.application.refunds.get(unknown.id)).state is RefundState.OUTCOME_UNKNOWN

    await rig.recover()

    concluded = await rig.application.refunds.get(unknown.id)
    assert concluded.state is RefundState.FAILED
    assert concluded.failure is not None
    assert concluded.failure.retryable
    assert (await refunded_minor(rig, payment.id), at_stripe(rig)) == (0, [])
    rig.sandbox.clear_faults()
    anew = await refund(rig, payment.id)
    assert (anew.state, len(at_stripe(rig))) == (RefundState.SUCCEEDED, 1)
    assert anew.id != unknown.id


# ------------------------------------------------------------ a PSP without keys or references


async def _bought(rig: Rig) -> tuple[FakePsp, str]:
    """Return a PSP of that kind and a payment that was captured there."""
    psp = plain_psp(rig)
    created = await rig.create(country_code="DE")
    psp.confirm(created.payment.psp_reference)
    await _hear(rig, psp, created.payment.psp_reference, "evt_paid")
    return psp, created.payment.id


async def _hear(rig: Rig, psp: FakePsp, psp_reference: str, event_id: str) -> None:
    await rig.receive(psp.account, *psp.webhook(psp_reference, event_id=event_id))
    await rig.apply_events()


def _lost(*, acted: bool) -> dict[str, object]:
    return {"error": OutcomeUnknownError("stripe_eu", "no answer"), "acted": acted}


async def test_two_equal_parts_are_two_refunds_there_too(rig: Rig) -> None:
    """The second is told from the first by the first one's reference."""
    psp, payment_id = await _bought(rig)

    parts = [await refund(rig, payment_id, 500, request_id=each) for each in ("a", "b")]

    assert [part.psp_reference for part in parts] == list(psp.refunds)
    assert await refunded_minor(rig, payment_id) == 1000


@pytest.mark.parametrize("before", [0, 1])
async def test_a_lost_answer_is_found_by_what_is_not_known_otherwise(rig: Rig, before: int) -> None:
    """Also beside an equal refund that was made before; nothing is sent again."""
    psp, payment_id = await _bought(rig)
    for number in range(before):
        await refund(rig, payment_id, 500, request_id=f"before-{number}")
    psp.fail("refund_payment", **_lost(acted=True))  # type: ignore[arg-type]  # as `fail` has it

    unknown = await refund(rig, payment_id, 500)
    assert unknown.state is RefundState.OUTCOME_UNKNOWN
    await rig.recover()

    settled = await rig.application.refunds.get(unknown.id)
    assert settled.state is RefundState.SUCCEEDED
    assert settled.psp_reference == list(psp.refunds)[-1]
    assert len(psp.calls_of("refund_payment")) == len(psp.refunds) == before + 1


async def test_what_never_arrived_there_is_concluded_and_not_sent_again(rig: Rig) -> None:
    """Sending it again could be a second refund: the list is looked at until all is quiet."""
    psp, payment_id = await _bought(rig)
    psp.fail("refund_payment", **_lost(acted=False))  # type: ignore[arg-type]  # as `fail` has it
    unknown = await refund(rig, payment_id, 500)
    rig.pass_time(minutes=14)
    await rig.settle()
    assert (await rig.application.refunds.get(unknown.id)).state is RefundState.OUTCOME_UNKNOWN

    await rig.recover()

    assert (await rig.application.refunds.get(unknown.id)).state is RefundState.FAILED
    assert (len(psp.calls_of("refund_payment")), psp.refunds) == (1, {})


async def test_an_equal_refund_made_by_hand_is_not_taken_for_ours(rig: Rig) -> None:
    """Nobody here knew of it when ours was asked for: the shopper still gets both."""
    psp, payment_id = await _bought(rig)
    ours = await rig.application.payments.get(payment_id)
    by_hand = await psp.refund_payment(_by_hand(ours.psp_reference, 500))

    made = await refund(rig, payment_id, 500)

    assert made.psp_reference != by_hand.psp_reference
    assert len(psp.refunds) == 2
    assert {each.psp_reference for each in await refunds(rig)} == set(psp.refunds)
    assert await refunded_minor(rig, payment_id) == 1000


async def test_an_event_does_not_take_a_refund_under_way_for_a_foreign_one(rig: Rig) -> None:
    """The list was asked for before ours was sent, and shows it: nameless, it would be two rows."""
    psp, payment_id = await _bought(rig)
    psp.refund_status = RefundStatus.PENDING
    await refund(rig, payment_id, 300, request_id="a")
    reference = (await rig.application.payments.get(payment_id)).psp_reference
    listing = psp.hold("list_refunds")
    hearing = asyncio.create_task(_hear(rig, psp, reference, "evt_refunded"))
    await listing.reached()
    psp.fail("refund_payment", **_lost(acted=True))  # type: ignore[arg-type]  # as `fail` has it
    unknown = await refund(rig, payment_id, 500)

    listing.open()
    await hearing

    assert len(await refunds(rig)) == 2
    await rig.recover()
    settled = await rig.application.refunds.get(unknown.id)
    assert (settled.state, settled.psp_reference) == (RefundState.PENDING, list(psp.refunds)[-1])
    assert len(await refunds(rig)) == len(psp.refunds) == 2


def _by_hand(psp_reference: str, amount_minor: int) -> RefundPayment:
    return RefundPayment("", psp_reference, Money(amount_minor, "EUR"), "by-hand")
