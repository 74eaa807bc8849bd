"""Refunds in the sandbox: how they end, who hears of it, and what the books say."""

from __future__ import annotations

import pytest

from psp.ogone.sandbox import OgoneSandbox
from psp.ogone.sandbox.refusals import Refusal
from tests.integration.ogone_sandbox.support import Receiver, Shop


async def _sold(shop: Shop) -> str:
    return (await shop.order(OPERATION="SAL"))["PAYID"]


def _refunds(sandbox: OgoneSandbox) -> list[dict[str, object]]:
    refunds = sandbox.books()[0]["refunds"]
    assert isinstance(refunds, dict)
    found: list[dict[str, object]] = refunds["order-1"]
    return found


async def test_the_books_show_every_refund_of_an_order(shop: Shop, sandbox: OgoneSandbox) -> None:
    """As it is shown, and as it will end; an order without any has an empty list."""
    payid = await _sold(shop)
    assert _refunds(sandbox) == []

    await shop.maintain(payid, "RFD", "700")
    sandbox.inject("uncertain_lost")
    await shop.maintain(payid, "RFD", "300")

    common = {"currency": "EUR", "by_hand": False}
    assert _refunds(sandbox) == [
        {"id": f"{payid}/1", "amount": 700, "status": 81, "ends": 8, **common},
        {"id": f"{payid}/2", "amount": 300, "status": 82, "ends": 83, **common},
    ]


async def test_refunds_are_told_with_their_own_number_and_amount(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """A part is told as a part."""
    payid = await _sold(shop)
    await shop.maintain(payid, "RFD", "750")
    await shop.maintain(payid, "RFD", "300")
    sandbox.advance_clock(3600)
    await sandbox.settle()

    assert receiver.steps() == [("0", "9"), ("1", "81"), ("2", "81"), ("1", "8"), ("2", "8")]
    assert [told["amount"] for told in receiver.told] == ["20", "7.5", "3", "7.5", "3"]


@pytest.mark.parametrize(
    "operation, shown, ends, taken",
    [("SAS", "91", "93", 0), ("DES", "61", "63", 0), ("RFD", "81", "83", 2000)],
)
async def test_what_was_accepted_can_be_refused_later(
    shop: Shop, sandbox: OgoneSandbox, operation: str, shown: str, ends: str, taken: int
) -> None:
    """On any card; it is pending like any other until then."""
    payid = (await shop.order(OPERATION="SAL" if operation == "RFD" else "RES"))["PAYID"]
    sandbox.inject("refused_later", operation=operation)

    told = await shop.maintain(payid, operation, "2000")
    sandbox.advance_clock(3600)
    now = await shop.query(PAYID=payid)

    assert (told["STATUS"], told["NCERROR"]) == (shown, "0")
    assert (now["STATUS"], now["NCERROR"]) == (ends, "30051001")
    assert shop.taken() == {"EUR": taken}


@pytest.mark.parametrize("status", [83, 84, 94])
async def test_a_refund_that_was_done_can_still_be_refused(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver, status: int
) -> None:
    """The money is back, it is told, and it can be refunded again."""
    payid = await _sold(shop)
    await shop.maintain(payid, "RFD", "2000")
    sandbox.advance_clock(3600)
    assert shop.taken() == {"EUR": 0}

    sandbox.force_status(payid, status, 1)
    await sandbox.settle()

    assert shop.taken() == {"EUR": 2000}
    assert receiver.steps()[-1] == ("1", str(status))
    assert receiver.told[-1]["NCERROR"] == "30051001"
    assert (await shop.maintain(payid, "RFD", "2000"))["PAYIDSUB"] == "2"


async def test_a_reversed_refund_is_no_error(shop: Shop, sandbox: OgoneSandbox) -> None:
    """The overview calls it final; the money is back all the same."""
    payid = await _sold(shop)
    await shop.maintain(payid, "RFD", "2000")

    sandbox.force_status(payid, 96, 1)

    told = await shop.query(PAYID=payid)
    assert (told["STATUS"], told["NCERROR"]) == ("96", "0")
    assert shop.taken() == {"EUR": 2000}


async def test_what_the_merchant_handles_counts_as_done(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Captured by 95, given back by 85."""
    payid = (await shop.order())["PAYID"]
    await shop.maintain(payid, "SAS", "2000")
    sandbox.force_status(payid, 95)
    await shop.maintain(payid, "RFD", "1500")
    sandbox.force_status(payid, 85)

    assert shop.taken() == {"EUR": 500}
    assert (await shop.maintain(payid, "RFD", "501"))["NCERROR"] == "50001129"


async def test_a_clerk_refunds_by_hand(
    shop: Shop, sandbox: OgoneSandbox, receiver: Receiver
) -> None:
    """It is an operation like any other, processed and told; only the books know whose it was."""
    payid = await _sold(shop)

    made = sandbox.refund_by_hand(payid, 700)
    sandbox.advance_clock(3600)
    await sandbox.settle()

    assert made == f"{payid}/1"
    assert receiver.steps() == [("0", "9"), ("1", "81"), ("1", "8")]
    assert [(each["id"], each["by_hand"]) for each in _refunds(sandbox)] == [(made, True)]
    assert (await shop.maintain(payid, "RFD", "1301"))["NCERROR"] == "50001129"


@pytest.mark.parametrize("amount", [2001, 0, -1])
async def test_a_clerk_is_refused_as_we_are(shop: Shop, sandbox: OgoneSandbox, amount: int) -> None:
    """Nobody gives back more than was captured, or nothing."""
    payid = await _sold(shop)

    with pytest.raises(Refusal) as refused:
        sandbox.refund_by_hand(payid, amount)

    assert refused.value.ncerror == "50001129"
    assert _refunds(sandbox) == []


async def test_what_is_not_captured_yet_is_not_refunded(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Refunds start from status 9: not from 91, nor from 5."""
    payid = (await shop.order())["PAYID"]
    codes = [(await shop.maintain(payid, "RFD", "2000"))["NCERROR"]]
    await shop.maintain(payid, "SAS", "2000")
    codes.append((await shop.maintain(payid, "RFD", "2000"))["NCERROR"])
    sandbox.advance_clock(3600)
    codes.append((await shop.maintain(payid, "RFD", "2000"))["NCERROR"])

    assert codes == ["50001127", "50001127", "0"]
