"""Faults on demand: the client meets them as it would meet them at Ogone."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import aiohttp
import pytest

from psp.ogone.sandbox import OgoneSandbox
from tests.integration.ogone_sandbox.support import DIRECTLINK, PSPID, Shop, order_fields, shasign


@pytest.mark.parametrize("kind, acted", [("drop_before", 0), ("drop_after", 1)])
async def test_dropped_connections(
    shop: Shop, sandbox: OgoneSandbox, kind: str, acted: int
) -> None:
    """The client cannot tell whether it was heard; a query by ORDERID finds out."""
    sandbox.inject(kind, path="orderdirect")

    with pytest.raises(aiohttp.ClientConnectionError):
        await shop.order()

    assert len(shop.payments()) == acted
    found = await shop.query(ORDERID="order-1")
    assert found["STATUS"] == ("5" if acted else "")


@pytest.mark.parametrize(
    "kind, acted, status",
    [
        ("error_before", False, 500),
        ("error_after", True, 500),
        ("garbage_before", False, 200),
        ("garbage_after", True, 200),
    ],
)
async def test_answers_that_are_none(
    shop: Shop, sandbox: OgoneSandbox, kind: str, acted: bool, status: int
) -> None:
    """500, or what is no XML, says nothing about whether it acted."""
    payid = (await shop.order(OPERATION="SAL"))["PAYID"]
    sandbox.inject(kind, path="maintenancedirect", operation="RFD")
    fields = {"PSPID": PSPID, "USERID": "api", "PSWD": "secret", "PAYID": payid}
    refund = {**fields, "OPERATION": "RFD", "AMOUNT": "500"}

    url = shop.url("maintenancedirect_utf8")
    signed = {**refund, "SHASIGN": shasign(refund, DIRECTLINK)}
    async with shop.session.post(url, data=signed) as response:
        body = await response.text()

    assert response.status == status
    with pytest.raises(ET.ParseError):
        ET.fromstring(body)  # noqa: S314 - the sandbox's own
    assert shop.taken() == {"EUR": 1500 if acted else 2000}


async def test_a_query_that_fails_itself(shop: Shop, sandbox: OgoneSandbox) -> None:
    """STATUS 88 as often as asked, whatever the payment is."""
    await shop.order()
    sandbox.inject("query_failed", count=2)

    statuses = [(await shop.query(ORDERID="order-1"))["STATUS"] for _ in range(3)]

    assert statuses == ["88", "88", "5"]


@pytest.mark.parametrize("kind, ends", [("uncertain_acted", "5"), ("uncertain_lost", "2")])
async def test_an_uncertain_order(shop: Shop, sandbox: OgoneSandbox, kind: str, ends: str) -> None:
    """52 with 20001001 for a working day."""
    sandbox.inject(kind)

    told = await shop.order()
    assert (told["STATUS"], told["NCERROR"], told["NCSTATUS"]) == ("52", "20001001", "2")

    sandbox.advance_clock(86_400)
    assert (await shop.query(ORDERID="order-1"))["STATUS"] == ends


@pytest.mark.parametrize(
    "operation, shown, acted, lost",
    [("SAS", "92", "9", "93"), ("DES", "62", "6", "63"), ("RFD", "82", "8", "83")],
)
@pytest.mark.parametrize("kind", ["uncertain_acted", "uncertain_lost"])
async def test_uncertain_maintenance(
    shop: Shop,
    sandbox: OgoneSandbox,
    kind: str,
    operation: str,
    shown: str,
    acted: str,
    lost: str,
) -> None:
    """The same is shown either way; meanwhile the amount is spoken for."""
    sale = "SAL" if operation == "RFD" else "RES"
    payid = (await shop.order(OPERATION=sale))["PAYID"]
    sandbox.inject(kind)

    told = await shop.maintain(payid, operation, "2000")
    again = await shop.maintain(payid, operation, "2000")
    sandbox.advance_clock(86_400)

    assert (told["STATUS"], told["NCERROR"]) == (shown, "20001001")
    assert again["NCERROR"] in {"50001127", "50001129"}
    ends = acted if kind == "uncertain_acted" else lost
    assert (await shop.query(PAYID=payid))["STATUS"] == ends


async def test_the_hosted_page_can_end_uncertain(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Whatever the card, also after its bank asked."""
    for order_id, card, path in (
        ("order-1", "4111111111111111", "/pay/"),
        ("order-2", "4000000000000002", "/acs/"),
        ("order-3", "4000000000000002", "/pay/"),
    ):
        sandbox.inject("uncertain_acted", path=path)
        landing = await sandbox.pay(shop.form(order_id), card)
        assert landing.url.startswith("https://shop.example/exception?")


@pytest.mark.parametrize("kind", ["delay_before", "delay_after"])
async def test_a_client_that_gives_up_stops_nothing(
    shop: Shop, sandbox: OgoneSandbox, kind: str
) -> None:
    """The order is made all the same, and the same ORDERID finds it."""
    sandbox.inject(kind, delay_s=0.2)
    sent = {"PSPID": PSPID, "USERID": "api", "PSWD": "secret", **order_fields("order-1")}
    signed = {**sent, "SHASIGN": shasign(sent, DIRECTLINK)}

    with pytest.raises(TimeoutError):
        async with shop.session.post(
            shop.url("orderdirect"), data=signed, timeout=aiohttp.ClientTimeout(total=0.05)
        ):
            pass

    found = ""
    while found != "5":
        found = (await shop.query(ORDERID="order-1"))["STATUS"]
    assert (await shop.order())["NCERROR"] == "50001113"


async def test_clearing_ends_them(shop: Shop, sandbox: OgoneSandbox) -> None:
    """All goes well again."""
    sandbox.inject("error_before", count=9)
    sandbox.clear_faults()

    assert (await shop.order())["STATUS"] == "5"
