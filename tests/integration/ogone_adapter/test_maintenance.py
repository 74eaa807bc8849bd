"""Captures and cancels: history first, one call, and never a repetition."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    OutcomeUnknownError,
    RejectedError,
    UnavailableError,
)
from psp.money import Money
from psp.ogone.provider import OgoneProvider
from psp.port import CancelPayment, CapturePayment, PendingChange, PspPayment, PspStatus
from tests.integration.ogone_adapter.support import UNKNOWN, history, pages, said, sent_changes
from tests.support.scripted_http import Answer, ScriptedServer
from tests.unit.psp.ogone.support import PAYID, PAYMENT_ID

Change = Callable[[OgoneProvider], Awaitable[PspPayment]]


async def _capture(provider: OgoneProvider, amount_minor: int = 500) -> PspPayment:
    amount = Money(amount_minor, "EUR")
    return await provider.capture_payment(CapturePayment(PAYMENT_ID, amount, "key-1"))


async def _cancel(provider: OgoneProvider) -> PspPayment:
    return await provider.cancel_payment(CancelPayment(PAYMENT_ID, "key-1"))


changes = pytest.mark.parametrize("change", [_capture, _cancel], ids=["capture", "cancel"])

_OPEN = history(("5", "12.34"))


async def test_a_capture_closes_the_order(script: ScriptedServer, provider: OgoneProvider) -> None:
    """One capture, of a part: the rest is released. It is done later, so it is pending."""
    script.will_answer(*_OPEN, said("91", PAYIDSUB="1", amount="5", ACCEPTANCE=""))

    payment = await _capture(provider)

    assert (payment.status, payment.pending) == (PspStatus.PROCESSING, PendingChange.CAPTURE)
    assert (payment.amount_minor, payment.authorized_minor, payment.captured_minor) == (
        1234,
        1234,
        0,
    )
    assert pages(script.asked) == ["querydirect", "maintenancedirect"]
    sent = script.asked[1].parameters
    assert (sent["PAYID"], sent["AMOUNT"], sent["OPERATION"]) == (PAYID, "500", "SAS")
    assert "ORDERID" not in sent


async def test_a_capture_done_at_once_is_captured(
    script: ScriptedServer, provider: OgoneProvider
) -> None:
    """Its sum is the reply's, which is decimal."""
    script.will_answer(*_OPEN, said("9", PAYIDSUB="1", amount="5.00"))

    payment = await _capture(provider)

    assert (payment.status, payment.captured_minor) == (PspStatus.CAPTURED, 500)


async def test_a_cancel_closes_the_order(script: ScriptedServer, provider: OgoneProvider) -> None:
    """The whole authorisation, later."""
    script.will_answer(*_OPEN, said("61", PAYIDSUB="1", amount="", currency=""))

    payment = await _cancel(provider)

    assert (payment.status, payment.pending) == (PspStatus.PROCESSING, PendingChange.CANCEL)
    sent = script.asked[1].parameters
    assert (sent["PAYID"], sent["AMOUNT"], sent["OPERATION"]) == (PAYID, "1234", "DES")


@pytest.mark.parametrize(
    "change,done",
    [
        (_capture, history(("5", "12.34"), ("91", "5.00"))),
        (_capture, history(("5", "12.34"), ("9", "5.00"))),
        (_capture, history(("5", "12.34"), ("9", "5.00"), ("81", "5.00"))),
        (lambda provider: _capture(provider, 1234), history(("9", "12.34"))),
        (_cancel, history(("5", "12.34"), ("61", "12.34"))),
        (_cancel, history(("5", "12.34"), ("6", "12.34"))),
        (_cancel, history(("1", "12.34"))),
    ],
)
async def test_what_was_done_already_is_not_sent_again(
    script: ScriptedServer, provider: OgoneProvider, change: Change, done: list[Answer]
) -> None:
    """There is no idempotency key: the history says it."""
    script.will_answer(*done)

    payment = await change(provider)

    assert sent_changes(script.asked) == []
    done_with = {PspStatus.CAPTURED, PspStatus.CANCELED}
    assert payment.pending is not PendingChange.NONE or payment.status in done_with


@pytest.mark.parametrize(
    "change,state",
    [
        (_capture, history(("5", "12.34"), ("9", "6.00"))),
        (_capture, history(("5", "12.34"), ("91", "12.34"))),
        (_capture, history(("5", "12.34"), ("6", "12.34"))),
        (_capture, history(("5", "12.34"), ("61", "12.34"))),
        (_capture, [said("51")]),
        (_capture, [said("46")]),
        (_capture, [said("2")]),
        (lambda provider: _capture(provider, 1235), _OPEN),
        (_capture, [said("5", currency="USD")]),
        (_cancel, history(("5", "12.34"), ("91", "12.34"))),
        (_cancel, history(("9", "12.34"))),
        (_cancel, [said("51")]),
        (_cancel, [said("41")]),
        (_cancel, [said("2")]),
    ],
)
async def test_what_cannot_be_done_is_not_sent(
    script: ScriptedServer, provider: OgoneProvider, change: Change, state: list[Answer]
) -> None:
    """Another sum was taken, it was released, or there is no authorisation that stands."""
    script.will_answer(*state)

    with pytest.raises(RejectedError):
        await change(provider)

    assert sent_changes(script.asked) == []


@changes
@pytest.mark.parametrize(
    "state",
    [
        [said("52")],
        history(("5", "12.34"), ("92", "12.34")),
        history(("5", "12.34"), ("62", "12.34")),
        [said("0")],
        [said("777")],
        [said("88")],
        [Answer(drop=True), Answer(drop=True)],
        [Answer(status=500), Answer(status=503)],
    ],
)
async def test_nothing_is_sent_while_the_state_is_not_known(
    script: ScriptedServer, provider: OgoneProvider, change: Change, state: list[Answer]
) -> None:
    """Ogone does not know it, or does not say it: surely nothing happened now."""
    script.will_answer(*state)

    with pytest.raises(UnavailableError):
        await change(provider)

    assert sent_changes(script.asked) == []


@changes
async def test_an_order_that_is_not_there_cannot_be_changed(
    script: ScriptedServer, provider: OgoneProvider, change: Change
) -> None:
    """The shopper never opened the page."""
    script.will_answer(UNKNOWN)

    with pytest.raises(NotFoundError):
        await change(provider)


@changes
@pytest.mark.parametrize(
    "no_answer",
    [
        Answer(drop=True),
        Answer(raw=b"<html>Bad gateway</html>", status=502),
        Answer(raw=b"<html>maintenance</html>"),
        Answer(raw=b'<ncresponse STATUS="91"', cut=True),
        said(""),
        said("91", PAYID="999"),
        said("91", amount="1.2345", currency="GBP"),
        said("0", NCERROR="20001001"),
        said("92", NCERROR="20001010"),
        said("0", NCERROR="40001001"),
    ],
    ids=[
        "drop",
        "bad-gateway",
        "html",
        "cut",
        "no-status",
        "another-payment",
        "odd-sum",
        "in-doubt",
        "in-doubt-92",
        "unclear",
    ],
)
async def test_a_change_without_an_answer_is_unknown_and_sent_once(
    script: ScriptedServer, provider: OgoneProvider, change: Change, no_answer: Answer
) -> None:
    """It may have happened; only the history will tell, later."""
    script.will_answer(*_OPEN, no_answer, said("91"), said("91"))

    with pytest.raises(OutcomeUnknownError):
        await change(provider)

    assert len(sent_changes(script.asked)) == 1


@pytest.mark.parametrize("status", ["92", "62"])
@changes
async def test_a_change_that_ogone_is_not_sure_of_is_unknown(
    script: ScriptedServer, provider: OgoneProvider, change: Change, status: str
) -> None:
    """Its word is that it has none."""
    script.will_answer(*_OPEN, said(status))

    assert (await change(provider)).status is PspStatus.UNKNOWN


_REFUSED = said("0", NCERROR="50001127", NCERRORPLUS="|this order is not authorized|", amount="")


@pytest.mark.parametrize(
    "change,now",
    [
        (_capture, history(("5", "12.34"), ("91", "5.00"))),
        (_cancel, history(("5", "12.34"), ("6", "12.34"))),
    ],
)
@pytest.mark.parametrize(
    "refusal", [_REFUSED, said("0", NCERROR="50001113"), said("0", NCERROR="50001133")]
)
async def test_a_refusal_may_be_an_echo(
    script: ScriptedServer,
    provider: OgoneProvider,
    change: Change,
    now: list[Answer],
    refusal: Answer,
) -> None:
    """The same change came through another way, a moment before: what is true is the answer."""
    script.will_answer(*_OPEN, refusal, *now)

    payment = await change(provider)

    assert payment.raw_status in {"91", "6"}
    assert len(sent_changes(script.asked)) == 1


@changes
@pytest.mark.parametrize("code", ["50001127", "50001126", "50001074", "50001093", "30001001"])
async def test_a_refusal_that_is_true_is_told(
    script: ScriptedServer, provider: OgoneProvider, change: Change, code: str
) -> None:
    """Nothing was done, and the same again would not be."""
    script.will_answer(*_OPEN, said("0", NCERROR=code, amount=""), *_OPEN)

    with pytest.raises(RejectedError) as refused:
        await change(provider)

    assert refused.value.code == code


@changes
@pytest.mark.parametrize("code", ["50001113", "50001133"])
async def test_a_duplicate_that_does_not_show_is_unknown(
    script: ScriptedServer, provider: OgoneProvider, change: Change, code: str
) -> None:
    """Ogone says that it was asked before, and shows nothing of it yet."""
    script.will_answer(*_OPEN, said("0", NCERROR=code, amount=""), *_OPEN)

    with pytest.raises(OutcomeUnknownError):
        await change(provider)


@changes
async def test_a_refusal_that_cannot_be_checked_is_unknown(
    script: ScriptedServer, provider: OgoneProvider, change: Change
) -> None:
    """It is not called "not done" on its word alone."""
    script.will_answer(*_OPEN, _REFUSED, said("88"))

    with pytest.raises(OutcomeUnknownError):
        await change(provider)


@changes
async def test_a_wrong_password_did_nothing(
    script: ScriptedServer, provider: OgoneProvider, change: Change
) -> None:
    """An operator has to act."""
    script.will_answer(*_OPEN, said("0", NCERROR="50001119", amount=""))

    with pytest.raises(MisconfiguredError):
        await change(provider)


@pytest.mark.parametrize("amount", [Money(0, "EUR"), Money(1234, "KWD")])
async def test_an_amount_that_cannot_be_said_is_not_sent(
    script: ScriptedServer, provider: OgoneProvider, amount: Money
) -> None:
    """Nothing, or a third decimal."""
    with pytest.raises(RejectedError):
        await provider.capture_payment(CapturePayment(PAYMENT_ID, amount, "key-1"))

    assert script.asked == []
