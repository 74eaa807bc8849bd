"""orderdirect.asp: who may order, what is refused, what becomes of it."""

from __future__ import annotations

import pytest

from psp.ogone.sandbox import OgoneSandbox
from tests.integration.ogone_sandbox.support import (
    PSPID,
    URLS,
    VISA,
    Shop,
    order_fields,
    shasign,
)


async def test_an_order_is_authorised(shop: Shop) -> None:
    """Status 5, with the amount as a decimal."""
    told = await shop.order(AMOUNT="2", CN="A Shopper")

    assert (told["orderID"], told["STATUS"], told["NCSTATUS"]) == ("order-1", "5", "0")
    assert (told["NCERROR"], told["NCERRORPLUS"], told["ACCEPTANCE"]) == ("0", "!", "test123")
    assert (told["amount"], told["currency"], told["PAYIDSUB"]) == ("0.02", "EUR", "0")
    assert (told["BRAND"], told["CARDNO"]) == ("VISA", "XXXXXXXXXXXX1111")
    assert shop.taken() == {"EUR": 0}


async def test_a_sale_takes_the_money(shop: Shop) -> None:
    """SAL is status 9 at once."""
    told = await shop.order(OPERATION="SAL")

    assert (told["STATUS"], shop.taken()) == ("9", {"EUR": 2000})


@pytest.mark.parametrize(
    "card, status, ncstatus, ncerror",
    [
        ("4000000000009987", "2", "3", "30001001"),
        ("4000000000000119", "2", "3", "30051001"),
        ("4000000000009995", "2", "3", "30511001"),
        ("4000000000000069", "2", "3", "30331001"),
        ("4000000000000002", "2", "4", "40001135"),
        ("4000000000000341", "52", "2", "20001001"),
        ("4000000000007726", "51", "0", "0"),
    ],
)
async def test_cards_that_do_not_just_pay(
    shop: Shop, card: str, status: str, ncstatus: str, ncerror: str
) -> None:
    """Declined, uncertain or later: by the table of test cards."""
    told = await shop.order(CARDNO=card)

    assert (told["STATUS"], told["NCSTATUS"], told["NCERROR"]) == (status, ncstatus, ncerror)


@pytest.mark.parametrize(
    "change, code, text",
    [
        ({"PSPID": "other"}, "50001118", "PSPID other"),
        ({"PSWD": "wrong"}, "50001119", "PSWD"),
        ({"USERID": "wrong"}, "50001119", "USERID"),
        ({"SHASIGN": "0" * 128}, "50001111", "unknown order/1/s"),
        ({"SHASIGN": ""}, "50001111", "unknown order/0/s"),
        ({"ORDERID": "o" * 31}, "50001111", "ORDERID"),
        ({"AMOUNT": "20.00"}, "50001111", "AMOUNT"),
        ({"CURRENCY": "EURO"}, "50001120", "currency"),
        ({"CARDNO": "4012888888881881"}, "50001111", "CARDNO"),
        ({"CARDNO": ""}, "50001111", "CARDNO or ALIAS"),
        ({"FLAG3D": "Y"}, "50001111", "HTTP_ACCEPT"),
    ],
)
async def test_what_is_refused_leaves_nothing(
    shop: Shop, change: dict[str, str], code: str, text: str
) -> None:
    """STATUS 0 with the reason, and the ORDERID can be used again."""
    refused = await shop.order(**change)

    assert (refused["STATUS"], refused["NCERROR"], refused["PAYID"]) == ("0", code, "")
    assert text in refused["NCERRORPLUS"]
    assert shop.payments() == []
    assert (await shop.order())["STATUS"] == "5"


async def test_the_signature_is_of_this_channel(shop: Shop) -> None:
    """The hosted page's passphrase does not open DirectLink."""
    fields = {"PSPID": PSPID, "USERID": "api", "PSWD": "secret", **order_fields("order-1")}

    refused = await shop.order(SHASIGN=shasign(fields, "ecommerce-in!"))

    assert refused["NCERRORPLUS"] == "unknown order/1/s"


@pytest.mark.parametrize("card", [VISA, "4000000000009987"])
async def test_an_order_is_processed_once(shop: Shop, card: str) -> None:
    """The second is told the PAYID of the first, whatever became of it."""
    first = await shop.order(CARDNO=card)

    second = await shop.order()

    assert (second["STATUS"], second["NCERROR"]) == ("0", "50001113")
    assert second["PAYID"] == first["PAYID"]
    assert len(shop.payments()) == 1


@pytest.mark.parametrize("card, status", [(VISA, "5"), ("4000000000009987", "2")])
async def test_an_alias_is_made_whatever_becomes_of_its_order(
    shop: Shop, card: str, status: str
) -> None:
    """And charged without the shopper afterwards."""
    made = await shop.order(ALIAS="alias-1", CARDNO=card, ED="1230", CVC="123")

    again = await shop.order("order-2", ALIAS="alias-1", ECI="9")

    assert (made["STATUS"], again["STATUS"]) == (status, status)
    assert (again["ALIAS"], again["ECI"]) == ("alias-1", "9")
    assert again["CARDNO"] == made["CARDNO"]


async def test_aliases_that_do_not_pay(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Unknown, deleted, expired, of somebody who must be asked."""
    sandbox.add_alias(PSPID, "gone", VISA)
    sandbox.delete_alias(PSPID, "gone")
    sandbox.add_alias(PSPID, "old", VISA, "0127")
    sandbox.add_alias(PSPID, "asks", "4000000000000002")

    told = {
        alias: await shop.order(f"order-{alias}", ALIAS=alias)
        for alias in ("never", "gone", "old", "asks")
    }

    assert {alias: reply["NCERROR"] for alias, reply in told.items()} == {
        "never": "50001111",
        "gone": "50001111",
        "old": "30331001",
        "asks": "40001135",
    }
    assert (await shop.order("order-5", ALIAS="asks", ECI="9"))["STATUS"] == "5"


async def test_the_psp_names_an_alias(shop: Shop) -> None:
    """ALIASOPERATION=BYPSP makes a name, which the reply tells."""
    made = await shop.order(ALIASOPERATION="BYPSP")

    assert (await shop.order("order-2", ALIAS=made["ALIAS"]))["STATUS"] == "5"


_BROWSER = {"FLAG3D": "Y", "WIN3DS": "MAINW", "HTTP_ACCEPT": "*/*", "HTTP_USER_AGENT": "Test"}


@pytest.mark.parametrize(
    "card, bank, status, ncerror, page",
    [
        ("4000000000000002", "confirm", "5", "0", "accept"),
        ("4000000000000002", "refuse", "2", "40001134", "decline"),
        ("4000008260003178", "confirm", "2", "30511001", "decline"),
    ],
)
async def test_three_d_secure(
    shop: Shop, sandbox: OgoneSandbox, card: str, bank: str, status: str, ncerror: str, page: str
) -> None:
    """Status 46 with a page; the result comes by redirect, and a query confirms it."""
    asked = await shop.direct_xml(
        "orderdirect", **order_fields("order-1", CARDNO=card, **_BROWSER, **URLS)
    )
    answer = asked.findtext("HTML_ANSWER")
    assert answer is not None
    assert (asked.get("STATUS"), asked.get("NCSTATUS"), asked.get("NCERROR")) == ("46", "5", "0")
    assert (await shop.query(ORDERID="order-1"))["STATUS"] == "46"

    landing = await sandbox.authenticate(answer, bank=bank)

    assert landing.url.startswith(f"https://shop.example/{page}?")
    assert (landing.parameters["STATUS"], landing.parameters["NCERROR"]) == (status, ncerror)
    found = await shop.query(PAYID=asked.get("PAYID", ""))
    assert (found["STATUS"], found["NCERROR"]) == (status, ncerror)
    assert (await sandbox.authenticate(answer, bank="confirm")).url == landing.url


async def test_plain_pages_speak_latin_1(shop: Shop) -> None:
    """Their replies say so, and their signatures are of bytes in it."""
    sent = {"PSPID": PSPID, "USERID": "api", "PSWD": "secret", **order_fields("order-1")}
    url = shop.url("orderdirect")

    async with shop.session.post(
        url, data={**sent, "SHASIGN": shasign(sent, "directlink-in!")}
    ) as (response):
        body = await response.read()

    assert body.startswith(b'<?xml version="1.0" encoding="ISO-8859-1"?>')
    assert b'STATUS="5"' in body
