"""maintenancedirect.asp, and the clock that processes what it accepts."""

from __future__ import annotations

import pytest

from psp.ogone.sandbox import OgoneSandbox, running_sandbox
from tests.integration.ogone_sandbox.support import Shop


async def test_a_capture_is_processed_offline(shop: Shop, sandbox: OgoneSandbox) -> None:
    """91 until the delay has passed, then 9; each operation has its PAYIDSUB."""
    payid = (await shop.order())["PAYID"]

    told = await shop.maintain(payid, "SAS", "2000")
    assert (told["STATUS"], told["PAYIDSUB"], told["amount"]) == ("91", "1", "20")
    sandbox.advance_clock(3599)
    assert (await shop.query(PAYID=payid))["STATUS"] == "91"

    sandbox.advance_clock(1)
    assert (await shop.query(PAYID=payid))["STATUS"] == "9"
    assert (await shop.query(PAYID=payid, PAYIDSUB="0"))["STATUS"] == "5"
    assert shop.taken() == {"EUR": 2000}


@pytest.mark.parametrize("operation, closes", [("DEL", False), ("DES", True)])
async def test_a_cancellation_is_processed_offline(
    shop: Shop, sandbox: OgoneSandbox, operation: str, closes: bool
) -> None:
    """61, then 6; DEL of a part leaves the rest to capture, DES does not."""
    payid = (await shop.order())["PAYID"]

    assert (await shop.maintain(payid, operation, "500"))["STATUS"] == "61"
    sandbox.advance_clock(3600)

    assert (await shop.query(PAYID=payid))["STATUS"] == "6"
    captured = await shop.maintain(payid, "SAS", "1500")
    assert captured["NCERROR"] == ("50001127" if closes else "0")


async def test_partial_captures_and_refunds_add_up(shop: Shop, sandbox: OgoneSandbox) -> None:
    """SAL stays open to the authorised sum, RFD to the captured one; SAS and RFS close."""
    payid = (await shop.order())["PAYID"]

    async def done(operation: str, amount: str) -> str:
        told = await shop.maintain(payid, operation, amount)
        sandbox.advance_clock(3600)
        return told["NCERROR"]

    assert [
        await done("SAL", "500"),
        await done("SAL", "1501"),
        await done("SAS", "1000"),
        await done("SAL", "100"),
    ] == ["0", "50001126", "0", "50001127"]
    assert [
        await done("RFD", "1501"),
        await done("RFD", "700"),
        await done("RFS", "801"),
        await done("RFS", "300"),
        await done("RFD", "100"),
    ] == ["50001129", "0", "50001129", "0", "50001127"]
    assert shop.taken() == {"EUR": 500}
    payment = shop.payments()[0]
    assert (payment["captures"], payment["refunds"]) == (2, 2)
    assert (payment["captured"], payment["refunded"]) == (1500, 1000)


async def test_there_is_no_idempotency_key(shop: Shop, sandbox: OgoneSandbox) -> None:
    """The same partial refund again is another one, while there is a balance."""
    payid = (await shop.order(OPERATION="SAL"))["PAYID"]

    subs = [(await shop.maintain(payid, "RFD", "700"))["PAYIDSUB"] for _ in range(2)]

    assert (subs, shop.taken()) == (["1", "2"], {"EUR": 600})


async def test_what_is_refused(shop: Shop) -> None:
    """Wrong status, unknown payment, unknown operation: as DirectLink says it."""
    payid = (await shop.order())["PAYID"]

    early = await shop.maintain(payid, "RFD", "100")
    unknown = await shop.maintain("999", "SAS", "100")
    wrong = await shop.maintain(payid, "TAKE", "100")

    assert (early["NCERROR"], early["STATUS"], early["PAYIDSUB"]) == ("50001127", "0", "1")
    assert (early["NCSTATUS"], early["amount"]) == ("5", "")
    assert (unknown["NCERROR"], unknown["PAYID"], unknown["STATUS"]) == ("50001130", "", "")
    assert "merchant shop" in unknown["NCERRORPLUS"]
    assert wrong["NCERROR"] == "50001111"
    assert (await shop.query(PAYID=payid))["PAYIDSUB"] == "0"


async def test_maintenance_is_signed(shop: Shop) -> None:
    """A wrong signature or a missing one does nothing."""
    payid = (await shop.order())["PAYID"]

    for signature, text in (("", "unknown order/0/s"), ("00", "unknown order/1/s")):
        told = await shop.direct(
            "maintenancedirect", PAYID=payid, OPERATION="SAS", SHASIGN=signature
        )
        assert (told["NCERROR"], told["NCERRORPLUS"]) == ("50001111", text)
    assert (await shop.query(PAYID=payid))["STATUS"] == "5"


async def test_an_amount_left_out_is_the_rest(shop: Shop) -> None:
    """SAS and DES take what is left."""
    payid = (await shop.order())["PAYID"]
    await shop.maintain(payid, "SAL", "500")

    told = await shop.maintain(payid, "SAS")

    assert told["amount"] == "15"


@pytest.mark.parametrize(
    "card, operations, ends",
    [
        ("4000000000000077", ["SAS"], "93"),
        ("4000000000005126", ["SAS", "RFD"], "83"),
    ],
)
async def test_processing_can_end_badly(
    shop: Shop, sandbox: OgoneSandbox, card: str, operations: list[str], ends: str
) -> None:
    """Accepted first, refused later; the money is as it was."""
    payid = (await shop.order(CARDNO=card))["PAYID"]
    for operation in operations:
        await shop.maintain(payid, operation, "2000")
        sandbox.advance_clock(3600)

    told = await shop.query(PAYID=payid)

    assert (told["STATUS"], told["NCERROR"]) == (ends, "30051001")
    assert shop.taken() == {"EUR": 2000 if ends == "83" else 0}


async def test_an_old_authorisation_is_renewed(shop: Shop, sandbox: OgoneSandbox) -> None:
    """After thirty days it captures nothing, until REN."""
    payid = (await shop.order())["PAYID"]
    sandbox.advance_clock(31 * 86_400)

    assert (await shop.maintain(payid, "SAS", "2000"))["NCERROR"] == "50001074"
    assert (await shop.maintain(payid, "REN", "2000"))["STATUS"] == "5"
    assert (await shop.maintain(payid, "SAS", "2000"))["STATUS"] == "91"


async def test_an_account_without_partial_captures(shop: Shop) -> None:
    """The whole or nothing."""
    shop.register(partial_captures=False)
    payid = (await shop.order())["PAYID"]

    assert (await shop.maintain(payid, "SAL", "1999"))["NCERROR"] == "50001093"
    assert (await shop.maintain(payid, "SAL", "2000"))["STATUS"] == "91"


async def test_processing_can_be_immediate(shop: Shop) -> None:
    """Pending is still what is answered; the next look shows the end."""
    async with running_sandbox(processing_delay_s=0) as quick:
        merchant = Shop(quick, shop.session)
        merchant.register()
        payid = (await merchant.order())["PAYID"]

        assert (await merchant.maintain(payid, "SAS", "2000"))["STATUS"] == "91"
        assert (await merchant.query(PAYID=payid))["STATUS"] == "9"
