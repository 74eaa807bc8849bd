"""Refunds of the adapter against the sandbox: what the port promises, over books that add up."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final

import aiohttp
import pytest

from psp.errors import NotSentError, OutcomeUnknownError, RejectedError
from psp.money import Money
from psp.ogone.provider import OgoneProvider
from psp.ogone.sandbox import OgoneSandbox
from psp.port import (
    CapturePayment,
    CapturePolicy,
    PspRefund,
    PspStatus,
    RefundPayment,
    RefundStatus,
)
from tests.integration.ogone_adapter.sandboxed import (
    DAY_S,
    HOUR_S,
    PAYS,
    Receiver,
    paid,
    sandbox_config,
)
from tests.unit.psp.ogone.support import PAYMENT_ID, create_request

_REFUSES_REFUNDS: Final = "4000000000005126"


@pytest.fixture
def provider(sandbox: OgoneSandbox, session: aiohttp.ClientSession) -> OgoneProvider:
    """Return an adapter that gives up at the first failure: what follows is the test's."""
    return OgoneProvider("ogone_be", sandbox_config(sandbox), session)


async def _sold(provider: OgoneProvider, sandbox: OgoneSandbox, card: str = PAYS) -> None:
    request = create_request(capture_policy=CapturePolicy.AUTOMATIC)
    await paid(provider, sandbox, card, request)


async def _refund(provider: OgoneProvider, amount_minor: int, *others: PspRefund) -> PspRefund:
    request = RefundPayment(
        refund_id="ref_1",
        psp_reference=PAYMENT_ID,
        amount=Money(amount_minor, "EUR"),
        idempotency_key="key-1",
        known_references=frozenset(each.psp_reference for each in others),
    )
    return await provider.refund_payment(request)


async def _refunded_minor(provider: OgoneProvider) -> int:
    payment = await provider.retrieve_payment(PAYMENT_ID)
    # Whatever becomes of its refunds.
    assert (payment.status, payment.captured_minor) == (PspStatus.CAPTURED, 1234)
    return payment.refunded_minor


def _force(sandbox: OgoneSandbox, refund: PspRefund, status: int) -> None:
    payid, _, number = refund.psp_reference.partition("/")
    sandbox.force_status(payid, status, int(number))


def _books(sandbox: OgoneSandbox) -> list[dict[str, object]]:
    (account,) = sandbox.books()
    refunds = account["refunds"]
    assert isinstance(refunds, dict)
    found: list[dict[str, object]] = refunds[PAYMENT_ID]
    return found


def _payid(sandbox: OgoneSandbox) -> str:
    (account,) = sandbox.books()
    assert isinstance(account["payments"], list)
    (payment,) = account["payments"]
    return str(payment["payid"])


async def test_the_whole_is_given_back_later(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Pending, then done; on its way it counts as given back already."""
    await _sold(provider, sandbox)

    pending = await _refund(provider, 1234)
    assert (pending.status, pending.raw_status) == (RefundStatus.PENDING, "81")
    assert await _refunded_minor(provider) == 1234
    assert await provider.list_refunds(PAYMENT_ID) == (pending,)
    sandbox.advance_clock(HOUR_S)

    (done,) = await provider.list_refunds(PAYMENT_ID)
    assert (done.psp_reference, done.status) == (pending.psp_reference, RefundStatus.SUCCEEDED)
    assert await _refunded_minor(provider) == 1234
    with pytest.raises(RejectedError):
        await _refund(provider, 1, done)


async def test_a_captured_part_is_given_back(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Not before the capture is carried out, and not more than it took."""
    await paid(provider, sandbox)
    await provider.capture_payment(CapturePayment(PAYMENT_ID, Money(500, "EUR"), "key-1"))
    with pytest.raises(RejectedError) as early:
        await _refund(provider, 500)
    sandbox.advance_clock(HOUR_S)
    with pytest.raises(RejectedError) as more:
        await _refund(provider, 501)

    refund = await _refund(provider, 500)

    assert (early.value.code, more.value.code) == ("capture_pending", "50001129")
    assert refund.psp_reference == f"{_payid(sandbox)}/2"
    assert [each["id"] for each in _books(sandbox)] == [refund.psp_reference]


async def test_parts_are_given_back_until_nothing_is_left(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Two of one amount are two, as long as the first is known to be another's."""
    await _sold(provider, sandbox)

    first = await _refund(provider, 500)
    second = await _refund(provider, 500, first)
    with pytest.raises(RejectedError) as refused:
        await _refund(provider, 235, first, second)
    last = await _refund(provider, 234, first, second)

    assert refused.value.code == "50001129"
    assert len({first.psp_reference, second.psp_reference, last.psp_reference}) == 3
    assert [each["amount"] for each in _books(sandbox)] == [500, 500, 234]
    assert await provider.list_refunds(PAYMENT_ID) == (first, second, last)


async def test_the_same_request_again_is_the_same_refund(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Under way and done: nothing more is sent."""
    await _sold(provider, sandbox)
    first = await _refund(provider, 500)

    again = await _refund(provider, 500)
    sandbox.advance_clock(HOUR_S)
    later = await _refund(provider, 500)

    assert again == first
    assert later.psp_reference == first.psp_reference
    assert later.status is RefundStatus.SUCCEEDED
    assert len(_books(sandbox)) == 1


async def test_ogone_refuses_too_much_as_well(sandbox: OgoneSandbox) -> None:
    """A clerk gives money back between our look and our refund: the refusal is Ogone's own."""

    async def be_overtaken(
        _session: aiohttp.ClientSession,
        _context: SimpleNamespace,
        begun: aiohttp.TraceRequestStartParams,
    ) -> None:
        if "maintenancedirect" in begun.url.path:
            sandbox.refund_by_hand(_payid(sandbox), 1000)

    tracing = aiohttp.TraceConfig()
    tracing.on_request_start.append(be_overtaken)
    async with aiohttp.ClientSession(trace_configs=[tracing]) as session:
        provider = OgoneProvider("ogone_be", sandbox_config(sandbox), session)
        await _sold(provider, sandbox)

        with pytest.raises(RejectedError) as refused:
            await _refund(provider, 500)

    assert refused.value.code == "50001129"
    assert "left to give back" not in refused.value.detail
    assert [each["amount"] for each in _books(sandbox)] == [1000]


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "garbage_after"])
async def test_a_refund_in_the_dark_is_listed(
    provider: OgoneProvider, sandbox: OgoneSandbox, fault: str
) -> None:
    """Unknown, and nothing is sent again: the list shows it, and so does the same request."""
    await _sold(provider, sandbox)
    sandbox.inject(fault, path="maintenancedirect")
    with pytest.raises(OutcomeUnknownError):
        await _refund(provider, 500)

    (found,) = await provider.list_refunds(PAYMENT_ID)

    assert (found.status, found.amount_minor) == (RefundStatus.PENDING, 500)
    assert await _refund(provider, 500) == found
    assert len(_books(sandbox)) == 1


@pytest.mark.parametrize("fault", ["drop_before", "error_before", "garbage_before"])
async def test_a_refund_that_never_came_is_not_listed(
    provider: OgoneProvider, sandbox: OgoneSandbox, fault: str
) -> None:
    """Unknown as well; the list does not show it, and the same request makes it."""
    await _sold(provider, sandbox)
    sandbox.inject(fault, path="maintenancedirect")
    with pytest.raises(OutcomeUnknownError):
        await _refund(provider, 500)

    assert await provider.list_refunds(PAYMENT_ID) == ()
    assert await _refund(provider, 500) == (await provider.list_refunds(PAYMENT_ID))[0]
    assert len(_books(sandbox)) == 1


async def test_a_stalled_refund_is_unknown_and_listed(
    sandbox: OgoneSandbox, session: aiohttp.ClientSession
) -> None:
    """Ogone acted and was slow to say so."""
    config = sandbox_config(sandbox, read_timeout_s=0.2)
    provider = OgoneProvider("ogone_be", config, session)
    await _sold(provider, sandbox)
    sandbox.inject("delay_after", path="maintenancedirect", delay_s=2.0)

    with pytest.raises(OutcomeUnknownError):
        await _refund(provider, 500)

    (found,) = await provider.list_refunds(PAYMENT_ID)
    assert found.amount_minor == 500


async def test_a_refund_for_which_no_time_is_left_is_not_sent(
    sandbox: OgoneSandbox, session: aiohttp.ClientSession
) -> None:
    """Its answer could not be waited for."""
    config = sandbox_config(sandbox, total_timeout_s=5.0)
    provider = OgoneProvider("ogone_be", config, session)
    await _sold(provider, sandbox)

    with pytest.raises(NotSentError):
        await _refund(provider, 500)

    assert _books(sandbox) == []


async def test_a_refund_that_the_acquirer_refuses_fails(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Accepted, and refused in the end: the money is as it was, and can be given back again."""
    await _sold(provider, sandbox, _REFUSES_REFUNDS)
    refund = await _refund(provider, 1234)
    assert await _refunded_minor(provider) == 1234
    sandbox.advance_clock(HOUR_S)

    (failed,) = await provider.list_refunds(PAYMENT_ID)

    assert (failed.status, failed.raw_status) == (RefundStatus.FAILED, "83")
    assert failed.failure is not None
    assert failed.failure.code == "30051001"
    assert await _refunded_minor(provider) == 0
    again = await _refund(provider, 1234, refund)
    assert (again.status, again.psp_reference != refund.psp_reference) == (
        RefundStatus.PENDING,
        True,
    )


@pytest.mark.parametrize("status", [84, 94, 96])
@pytest.mark.parametrize("after_s", [0.0, HOUR_S], ids=["pending", "done"])
async def test_a_refund_can_fail_at_any_time(
    provider: OgoneProvider, sandbox: OgoneSandbox, status: int, after_s: float
) -> None:
    """Declined, reversed, disputed, also long after it succeeded; the payment stays captured."""
    await _sold(provider, sandbox)
    first = await _refund(provider, 500)
    second = await _refund(provider, 300, first)
    sandbox.advance_clock(after_s)

    _force(sandbox, first, status)

    failed, other = await provider.list_refunds(PAYMENT_ID)
    assert (failed.status, failed.raw_status) == (RefundStatus.FAILED, str(status))
    assert failed.failure is not None
    assert other.psp_reference == second.psp_reference
    assert other.failure is None
    assert await _refunded_minor(provider) == 300


@pytest.mark.parametrize(
    "fault,became,returned_minor",
    [
        ("uncertain_acted", RefundStatus.SUCCEEDED, 500),
        ("uncertain_lost", RefundStatus.FAILED, 0),
    ],
)
async def test_a_refund_that_ogone_does_not_know_counts_as_on_its_way(
    provider: OgoneProvider,
    sandbox: OgoneSandbox,
    fault: str,
    became: RefundStatus,
    returned_minor: int,
) -> None:
    """Nobody gets that money a second time; a working day later the truth shows."""
    await _sold(provider, sandbox)
    sandbox.inject(fault, path="maintenancedirect")
    with pytest.raises(OutcomeUnknownError):
        await _refund(provider, 500)

    (uncertain,) = await provider.list_refunds(PAYMENT_ID)
    assert (uncertain.status, uncertain.raw_status) == (RefundStatus.UNKNOWN, "82")
    assert await _refunded_minor(provider) == 500
    assert await _refund(provider, 500) == uncertain
    with pytest.raises(RejectedError):
        await _refund(provider, 735, uncertain)

    sandbox.advance_clock(DAY_S)

    (known,) = await provider.list_refunds(PAYMENT_ID)
    assert known.status is became
    assert await _refunded_minor(provider) == returned_minor


async def test_a_clerks_refund_is_anothers_once_it_is_known(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Made by hand in Ogone's back office, of the same amount."""
    await _sold(provider, sandbox)
    by_hand = sandbox.refund_by_hand(_payid(sandbox), 500)
    (foreign,) = await provider.list_refunds(PAYMENT_ID)

    ours = await _refund(provider, 500, foreign)

    assert (foreign.psp_reference, foreign.refund_id) == (by_hand, "")
    assert ours.psp_reference != by_hand
    assert [each["by_hand"] for each in _books(sandbox)] == [True, False]


async def test_a_clerks_refund_that_nobody_knew_is_taken_for_ours(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Nothing tells them apart: the shopper has the money once, and never twice."""
    await _sold(provider, sandbox)
    by_hand = sandbox.refund_by_hand(_payid(sandbox), 500)

    assert (await _refund(provider, 500)).psp_reference == by_hand
    assert len(_books(sandbox)) == 1


async def test_refunds_are_notified_with_their_own_amount(
    provider: OgoneProvider, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """Each step of each is an event of its own, about the payment."""
    await _sold(provider, sandbox)
    first = await _refund(provider, 500)
    await _refund(provider, 500, first)
    sandbox.advance_clock(HOUR_S)
    await sandbox.settle()

    events = [provider.parse_event({}, body) for body in receiver.bodies]

    told = [(each.event_type, each.claimed_minor, each.psp_reference) for each in events]
    assert told == [
        ("status_9", 1234, PAYMENT_ID),
        *[("status_81", 500, PAYMENT_ID)] * 2,
        *[("status_8", 500, PAYMENT_ID)] * 2,
    ]
    assert len({each.event_id for each in events}) == 5
