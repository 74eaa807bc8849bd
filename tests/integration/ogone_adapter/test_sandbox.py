"""The adapter against the sandbox: what the port promises, over an Ogone that keeps books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import aiohttp
import pytest

from gateway.sandboxed import register_at_ogone
from psp.errors import (
    InvalidEventError,
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)
from psp.money import Money
from psp.ogone.provider import OgoneProvider
from psp.ogone.sandbox import OgoneSandbox, running_sandbox
from psp.port import (
    CancelPayment,
    CapturePayment,
    CapturePolicy,
    FailureCategory,
    PendingChange,
    PspPayment,
    PspStatus,
)
from tests.integration.ogone_adapter.sandboxed import (
    DAY_S,
    HOUR_S,
    PAYS,
    Receiver,
    paid,
    sandbox_config,
)
from tests.unit.psp.ogone.support import (
    PAYMENT_ID,
    account_config,
    create_request,
    off_session,
)

_BACK: Final = "https://shop.example/back"
_DECLINES: Final = "4000000000009995"


@pytest.fixture
def provider(sandbox: OgoneSandbox, session: aiohttp.ClientSession) -> OgoneProvider:
    """Return an adapter that gives up at the first failure: what follows is the test's."""
    return OgoneProvider("ogone_be", sandbox_config(sandbox), session)


async def _capture(provider: OgoneProvider, amount_minor: int = 500) -> PspPayment:
    amount = Money(amount_minor, "EUR")
    return await provider.capture_payment(CapturePayment(PAYMENT_ID, amount, "key-1"))


async def _cancel(provider: OgoneProvider) -> PspPayment:
    return await provider.cancel_payment(CancelPayment(PAYMENT_ID, "key-1"))


# ---------------------------------------------------------------- the hosted page


async def test_a_shopper_pays_on_the_page(provider: OgoneProvider, sandbox: OgoneSandbox) -> None:
    """Ogone accepts the form that we signed; before that it knows nothing of the order."""
    created = await provider.create_payment(create_request())
    with pytest.raises(NotFoundError):
        await provider.retrieve_payment(created.psp_reference)

    payment = await paid(provider, sandbox)

    assert (payment.status, payment.authorized_minor, payment.captured_minor) == (
        PspStatus.AUTHORIZED,
        1234,
        0,
    )
    assert payment.payment_id == payment.psp_reference == PAYMENT_ID


async def test_an_automatic_payment_is_captured(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """A sale takes the money at once."""
    request = create_request(capture_policy=CapturePolicy.AUTOMATIC)

    payment = await paid(provider, sandbox, request=request)

    assert (payment.status, payment.captured_minor) == (PspStatus.CAPTURED, 1234)


async def test_a_declined_card_says_why(provider: OgoneProvider, sandbox: OgoneSandbox) -> None:
    """It is the end of the payment."""
    payment = await paid(provider, sandbox, _DECLINES)

    assert payment.status is PspStatus.FAILED
    assert payment.failure is not None
    assert payment.failure.category is FailureCategory.INSUFFICIENT_FUNDS


async def test_a_shopper_who_cancels_is_gone(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Canceled, and nothing was taken."""
    payment = await paid(provider, sandbox, decision="cancel")

    assert payment.status is PspStatus.CANCELED
    assert payment.failure is not None
    assert payment.failure.category is FailureCategory.ABANDONED


@pytest.mark.parametrize(
    "bank,status", [("confirm", PspStatus.AUTHORIZED), ("refuse", PspStatus.FAILED)]
)
async def test_the_bank_asks_on_its_own_page(
    provider: OgoneProvider, sandbox: OgoneSandbox, bank: str, status: PspStatus
) -> None:
    """3-D Secure is Ogone's business; we see how it ends."""
    payment = await paid(provider, sandbox, "4000000000000002", bank=bank)

    assert payment.status is status


async def test_an_uncertain_payment_is_unknown_until_ogone_knows(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Within one working day."""
    payment = await paid(provider, sandbox, "4000000000000341")
    assert (payment.status, payment.raw_status) == (PspStatus.UNKNOWN, "52")
    with pytest.raises(UnavailableError):
        await _capture(provider)

    sandbox.advance_clock(DAY_S)

    assert (await provider.retrieve_payment(PAYMENT_ID)).status is PspStatus.AUTHORIZED


async def test_a_saved_card_is_charged_later(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Under the alias that we gave it, without the shopper."""
    await paid(provider, sandbox, request=create_request(save_alias=True))

    later = await provider.create_payment(
        off_session(payment_id="pay_later", psp_alias=f"als_{PAYMENT_ID}")
    )

    assert (later.status, later.psp_reference) == (PspStatus.AUTHORIZED, "pay_later")


async def test_any_text_is_signed_as_it_is_sent(provider: OgoneProvider) -> None:
    """Accents, quotes and ampersands in an order's description: the signature still holds."""
    request = off_session(order_id='<é"&+=%>')

    assert (await provider.create_payment(request)).status is PspStatus.AUTHORIZED


# ---------------------------------------------------------------- an alias, without the shopper


@pytest.mark.parametrize(
    "card,status",
    [
        (PAYS, PspStatus.AUTHORIZED),
        (_DECLINES, PspStatus.FAILED),
        # Nobody is there to be asked, and an agreed recurring charge needs nobody.
        ("4000000000000002", PspStatus.AUTHORIZED),
        ("4000000000007726", PspStatus.PROCESSING),
    ],
)
async def test_an_alias_is_charged(
    provider: OgoneProvider, sandbox: OgoneSandbox, card: str, status: PspStatus
) -> None:
    """What comes of it is a result, and what a query says afterwards is the same."""
    sandbox.add_alias("PaygateTest", "als_2", card)

    payment = await provider.create_payment(off_session(psp_alias="als_2"))

    assert payment.status is status
    asked = await provider.retrieve_payment(PAYMENT_ID)
    assert (asked.status, asked.failure) == (payment.status, payment.failure)


async def test_an_alias_that_is_not_there_is_refused(provider: OgoneProvider) -> None:
    """Ogone says so, and nothing happened."""
    with pytest.raises(RejectedError):
        await provider.create_payment(off_session(psp_alias="als_nobody"))


@pytest.mark.parametrize("fault", ["drop_after", "error_after", "garbage_after", "uncertain_acted"])
async def test_a_charge_in_the_dark_is_found(
    provider: OgoneProvider, sandbox: OgoneSandbox, fault: str
) -> None:
    """No answer, though it happened: asked by our reference it is there; sent again, not twice."""
    sandbox.inject(fault, path="orderdirect")
    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(off_session())
    sandbox.advance_clock(DAY_S)

    now = datetime.now(UTC)
    found = await provider.find_payment(PAYMENT_ID, now - timedelta(hours=1), now)
    again = await provider.create_payment(off_session())

    assert found is not None
    assert found == again
    assert found.status is PspStatus.AUTHORIZED


@pytest.mark.parametrize("fault", ["drop_before", "error_before", "garbage_before"])
async def test_a_charge_that_never_came_is_not_found(
    provider: OgoneProvider, sandbox: OgoneSandbox, fault: str
) -> None:
    """Unknown at first; then Ogone has no such order."""
    sandbox.inject(fault, path="orderdirect")
    with pytest.raises(OutcomeUnknownError):
        await provider.create_payment(off_session())

    now = datetime.now(UTC)

    assert await provider.find_payment(PAYMENT_ID, now - timedelta(hours=1), now) is None


# ---------------------------------------------------------------- captures and cancels


async def test_a_part_is_captured_later(provider: OgoneProvider, sandbox: OgoneSandbox) -> None:
    """Pending, then captured; the rest is released, and a second capture is refused."""
    await paid(provider, sandbox)

    pending = await _capture(provider, 500)
    assert (pending.status, pending.pending, pending.captured_minor) == (
        PspStatus.PROCESSING,
        PendingChange.CAPTURE,
        0,
    )
    assert pending == await _capture(provider, 500)
    sandbox.advance_clock(HOUR_S)

    done = await provider.retrieve_payment(PAYMENT_ID)
    assert (done.status, done.amount_minor, done.authorized_minor, done.captured_minor) == (
        PspStatus.CAPTURED,
        1234,
        1234,
        500,
    )
    assert done == await _capture(provider, 500)
    with pytest.raises(RejectedError):
        await _capture(provider, 600)
    with pytest.raises(RejectedError):
        await _cancel(provider)


async def test_a_cancel_is_done_later(provider: OgoneProvider, sandbox: OgoneSandbox) -> None:
    """Pending, then canceled; nothing can be captured in between or after."""
    await paid(provider, sandbox)

    pending = await _cancel(provider)
    assert (pending.status, pending.pending) == (PspStatus.PROCESSING, PendingChange.CANCEL)
    with pytest.raises(RejectedError):
        await _capture(provider)
    sandbox.advance_clock(HOUR_S)

    assert (await _cancel(provider)).status is PspStatus.CANCELED
    with pytest.raises(RejectedError):
        await _capture(provider)


async def test_a_capture_that_the_acquirer_refuses_fails(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """Accepted, and refused in the end: no money was taken."""
    await paid(provider, sandbox, "4000000000000077")
    await _capture(provider)
    sandbox.advance_clock(HOUR_S)

    payment = await provider.retrieve_payment(PAYMENT_ID)

    assert (payment.status, payment.authorized_minor, payment.captured_minor) == (
        PspStatus.FAILED,
        1234,
        0,
    )


async def test_more_than_was_authorised_is_refused(
    provider: OgoneProvider, sandbox: OgoneSandbox
) -> None:
    """And leaves the authorisation as it was."""
    payment = await paid(provider, sandbox)

    with pytest.raises(RejectedError):
        await _capture(provider, 1235)

    assert payment == await provider.retrieve_payment(PAYMENT_ID)


async def test_a_refusal_of_ogones_is_told(provider: OgoneProvider, sandbox: OgoneSandbox) -> None:
    """An account that may not capture in part."""
    register_at_ogone(sandbox, account_config(), "", partial_captures=False)
    await paid(provider, sandbox)

    with pytest.raises(RejectedError) as refused:
        await _capture(provider, 500)

    assert refused.value.code == "50001093"


Change = Callable[[OgoneProvider], Awaitable[PspPayment]]


@pytest.mark.parametrize("change", [_capture, _cancel], ids=["capture", "cancel"])
@pytest.mark.parametrize(
    "fault",
    ["drop_after", "error_after", "garbage_after", "drop_before", "error_before", "garbage_before"],
)
async def test_a_change_in_the_dark_is_done_once(
    provider: OgoneProvider, sandbox: OgoneSandbox, change: Change, fault: str
) -> None:
    """Unknown; asked again it is either there or made, and there is never a second one."""
    await paid(provider, sandbox)
    sandbox.inject(fault, path="maintenancedirect")
    with pytest.raises(OutcomeUnknownError):
        await change(provider)

    settled = await change(provider)
    again = await change(provider)

    assert settled.pending is not PendingChange.NONE
    assert settled == again
    (books,) = sandbox.books()
    assert isinstance(books["payments"], list)
    (payment,) = books["payments"]
    assert [step["payidsub"] for step in payment["history"]] == [0, 1]


@pytest.mark.parametrize("change", [_capture, _cancel], ids=["capture", "cancel"])
@pytest.mark.parametrize(
    "fault,done", [("uncertain_acted", True), ("uncertain_lost", False)], ids=["acted", "lost"]
)
async def test_a_change_that_ogone_does_not_know_is_held(
    provider: OgoneProvider, sandbox: OgoneSandbox, change: Change, fault: str, done: bool
) -> None:
    """Nothing is sent on top of it; a working day later the truth shows."""
    await paid(provider, sandbox)
    sandbox.inject(fault, path="maintenancedirect")
    with pytest.raises(OutcomeUnknownError):
        await change(provider)
    assert (await provider.retrieve_payment(PAYMENT_ID)).status is PspStatus.UNKNOWN
    with pytest.raises(UnavailableError):
        await change(provider)

    sandbox.advance_clock(DAY_S)

    status = (await provider.retrieve_payment(PAYMENT_ID)).status
    wanted = {PspStatus.CAPTURED, PspStatus.CANCELED}
    assert (status in wanted) is done


# ---------------------------------------------------------------- asking, and being told


async def test_a_failed_query_says_nothing(provider: OgoneProvider, sandbox: OgoneSandbox) -> None:
    """Neither about the payment nor about whether it is there."""
    sandbox.inject("query_failed", count=2)
    now = datetime.now(UTC)

    with pytest.raises(UnavailableError):
        await provider.retrieve_payment(PAYMENT_ID)
    with pytest.raises(UnavailableError):
        await provider.find_payment(PAYMENT_ID, now, now)


@pytest.mark.parametrize(
    "changes",
    [
        {"pspid": "Nobody"},
        {"user_id": "nobody"},
        {"algorithm": "sha1"},
    ],
)
async def test_a_wrong_setting_is_an_operators_concern(
    sandbox: OgoneSandbox, session: aiohttp.ClientSession, changes: dict[str, object]
) -> None:
    """For reads and for changes; nothing happened."""
    provider = OgoneProvider("ogone_be", sandbox_config(sandbox, **changes), session)

    with pytest.raises(MisconfiguredError):
        await provider.retrieve_payment(PAYMENT_ID)
    with pytest.raises(MisconfiguredError):
        await provider.create_payment(off_session())


async def test_notifications_are_verified_and_reduced(
    provider: OgoneProvider, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """Each step once, whatever its order; a forged one is refused."""
    await paid(provider, sandbox)
    await _capture(provider)
    sandbox.advance_clock(HOUR_S)
    await sandbox.settle()

    events = [provider.parse_event({}, body) for body in receiver.bodies]

    assert [event.event_type for event in events] == ["status_5", "status_91", "status_9"]
    assert {event.psp_reference for event in events} == {PAYMENT_ID}
    assert [(event.claimed_minor, event.claimed_currency) for event in events] == [
        (1234, "EUR"),
        (500, "EUR"),
        (500, "EUR"),
    ]
    assert len({event.event_id for event in events}) == 3
    with pytest.raises(InvalidEventError):
        provider.parse_event({}, receiver.bodies[0].replace(b"12.34", b"92.34"))


async def test_repeated_notifications_are_one_event(
    provider: OgoneProvider, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """In whatever order they come."""
    sandbox.notifications.hold()
    await paid(provider, sandbox)
    await _capture(provider)
    sandbox.notifications.release(["reversed"], copies=2)
    await sandbox.settle()

    events = [provider.parse_event({}, body) for body in receiver.bodies]

    assert len(events) == 4
    assert len({event.event_id for event in events}) == 2
    assert events[0].event_type == "status_91"


async def test_a_sandbox_that_is_gone_was_not_reached(session: aiohttp.ClientSession) -> None:
    """Nothing was sent where nobody listens."""
    async with running_sandbox() as stopped:
        config = sandbox_config(stopped)

    with pytest.raises(NotSentError):
        await OgoneProvider("ogone_be", config, session).create_payment(off_session())
