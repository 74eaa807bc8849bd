"""Notifications: signed, repeated, held back, doubled, turned round, lost."""

from __future__ import annotations

from urllib.parse import urlencode

from psp.ogone.sandbox import OgoneSandbox
from tests.integration.ogone_sandbox.support import (
    ECOMMERCE,
    OUT,
    VISA,
    Receiver,
    Shop,
    shasign,
)


async def _captured_and_refunded(shop: Shop, sandbox: OgoneSandbox) -> str:
    payid = (await shop.order())["PAYID"]
    for operation in ("SAS", "RFD"):
        await shop.maintain(payid, operation, "2000")
        sandbox.advance_clock(3600)
    return payid


_STEPS = [("0", "5"), ("1", "91"), ("1", "9"), ("2", "81"), ("2", "8")]


async def test_each_step_is_told_in_order(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """Signed, with the operation it is about."""
    payid = await _captured_and_refunded(shop, sandbox)
    await sandbox.settle()

    assert receiver.steps() == _STEPS
    assert {told["PAYID"] for told in receiver.told} == {payid}
    assert {told["amount"] for told in receiver.told} == {"20"}
    assert receiver.told[0]["CARDNO"] == "XXXXXXXXXXXX1111"


async def test_what_is_not_answered_200_is_told_again(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """A redirect is no answer, nor is another success."""
    receiver.answers.extend([500, 302, 204])

    await shop.order()
    await sandbox.settle()

    assert [attempt.answered for attempt in sandbox.notifications.attempts] == [500, 302, 204, 200]
    assert [attempt.number for attempt in sandbox.notifications.attempts] == [1, 2, 3, 4]
    assert receiver.told == [receiver.told[0]] * 4


async def test_it_gives_up_in_the_end(shop: Shop, sandbox: OgoneSandbox) -> None:
    """After four repetitions; each attempt is logged."""
    shop.register(notification_url="http://127.0.0.1:1/")

    await shop.order()
    await sandbox.settle()

    assert [attempt.answered for attempt in sandbox.notifications.attempts] == [0] * 5


async def test_they_come_twice_and_in_any_order(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """A duplicate is the same; the order is the one asked for."""
    sandbox.notifications.hold()
    await _captured_and_refunded(shop, sandbox)
    await sandbox.settle()
    assert receiver.told == []
    assert [str(told.status) for told in sandbox.notifications.held()] == [
        status for _, status in _STEPS
    ]

    sandbox.notifications.release(["8", "9"], copies=2)
    await sandbox.settle()

    assert receiver.steps() == [
        step
        for step in (("2", "8"), ("1", "9"), ("0", "5"), ("1", "91"), ("2", "81"))
        for _ in "12"
    ]


async def test_a_lost_one_never_comes(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """What was dropped is only known by query."""
    sandbox.notifications.drop("9")

    payid = await _captured_and_refunded(shop, sandbox)
    await sandbox.settle()

    assert receiver.steps() == [step for step in _STEPS if step != ("1", "9")]
    assert (await shop.query(PAYID=payid, PAYIDSUB="1"))["STATUS"] == "9"


async def test_latin_1_pages_sign_and_tell_in_latin_1(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """What came on a plain page, hashed as its bytes, is told as the same bytes."""
    form = {**shop.form(), "CN": "Jörg"}
    del form["SHASIGN"]
    form["SHASIGN"] = shasign(form, ECOMMERCE, "iso-8859-1")
    body = urlencode(form, encoding="iso-8859-1")
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = shop.url("orderstandard")
    async with shop.session.post(url, data=body, headers=headers) as response:
        page = await response.text()
    sandbox.notifications.hold()

    action = page.partition('action="')[2].partition('"')[0]
    typed = {"cardno": VISA, "expiry": "12 / 30", "cvc": "123", "decision": "pay"}
    async with shop.session.post(action, data=typed, allow_redirects=False) as response:
        assert "CN=J%F6rg" in response.headers["Location"]

    told = sandbox.notifications.held()[0]
    assert "CN=J%F6rg" in told.body
    fields = {name: value for name, value in told.parameters.items() if name != "SHASIGN"}
    assert told.parameters["SHASIGN"] == shasign(fields, OUT, "iso-8859-1")
    assert receiver.told == []


async def test_a_status_forced_meanwhile_stays(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """What was pending is not processed any more."""
    payid = (await shop.order())["PAYID"]
    await shop.maintain(payid, "SAS", "2000")

    sandbox.force_status(payid, 93)
    sandbox.advance_clock(3600)
    await sandbox.settle()

    assert receiver.steps() == [("0", "5"), ("1", "91"), ("1", "93")]


async def test_a_forced_status_is_told(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """Such as a dispute, long after the refund."""
    payid = await _captured_and_refunded(shop, sandbox)

    sandbox.force_status(payid, 84)
    await sandbox.settle()

    assert receiver.steps()[-1] == ("2", "84")
    assert (await shop.query(PAYID=payid))["STATUS"] == "84"
