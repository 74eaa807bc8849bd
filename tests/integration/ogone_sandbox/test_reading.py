"""querydirect.asp and payment_download_ncp.asp."""

from __future__ import annotations

import pytest

from psp.ogone.sandbox import OgoneSandbox
from tests.integration.ogone_sandbox.support import PSPID, Shop


async def test_a_query_finds_by_either_id(shop: Shop) -> None:
    """The whole payment or one operation; an ORDERID leads to its PAYID."""
    payid = (await shop.order())["PAYID"]
    await shop.maintain(payid, "SAL", "500")

    by_order = await shop.query(ORDERID="order-1")
    first = await shop.query(PAYID=payid, PAYIDSUB="0")

    assert (by_order["PAYID"], by_order["PAYIDSUB"], by_order["amount"]) == (payid, "1", "5")
    assert (first["STATUS"], first["amount"], first["orderID"]) == ("5", "20", "order-1")


@pytest.mark.parametrize(
    "fields, code",
    [
        ({"PAYID": "1"}, "50001130"),
        ({"ORDERID": "never"}, "50001130"),
        ({"ORDERID": "order-1", "PAYIDSUB": "1"}, "50001131"),
        ({}, "50001111"),
        ({"ORDERID": "order-1", "PSWD": "wrong"}, "50001119"),
        ({"ORDERID": "order-1", "SHASIGN": "00"}, "50001111"),
    ],
)
async def test_what_cannot_be_queried(shop: Shop, fields: dict[str, str], code: str) -> None:
    """Unknown, not accessible, not allowed."""
    await shop.order()

    assert (await shop.query(**fields))["NCERROR"] == code


async def test_a_query_need_not_be_signed(shop: Shop) -> None:
    """Its description lists no SHASIGN."""
    await shop.order()

    assert (await shop.query(ORDERID="order-1", SHASIGN=""))["STATUS"] == "5"


async def test_books_are_kept_apart(shop: Shop, sandbox: OgoneSandbox) -> None:
    """A merchant does not see another's payments."""
    sandbox.register_account(
        "other", "api", "secret", sha_in_ecommerce="a", sha_in_directlink="b", sha_out="c"
    )
    payid = (await shop.order())["PAYID"]

    told = await shop.query(PSPID="other", PAYID=payid, SHASIGN="")

    assert told["NCERROR"] == "50001130"


_DAY_S = 86_400


async def _rows(shop: Shop, **fields: str) -> list[dict[str, str]]:
    sent = {
        "PSPID": PSPID,
        "USERID": "api",
        "PSWD": "secret",
        "level": "HISTLEVEL",
        "format": "XML",
        "structure": "DYN",
    }
    root = await shop.post("payment_download_ncp", {**sent, **fields})
    assert root.tag == "DOWNLOAD_REPLY"
    return [dict(row.attrib) for row in root.findall("PAYMENT")]


async def _captured_next_day(shop: Shop, sandbox: OgoneSandbox) -> str:
    payid = (await shop.order())["PAYID"]
    sandbox.advance_clock(_DAY_S)
    await shop.maintain(payid, "SAS", "1999")
    sandbox.advance_clock(3600)
    return payid


async def test_the_download_has_a_row_for_each_operation(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Dates are d/m/yyyy, amounts decimal, the card masked."""
    payid = await _captured_next_day(shop, sandbox)
    await shop.maintain(payid, "RFD", "500")

    rows = await _rows(shop)

    assert [(row["ID"], row["PAYIDSUB"], row["STATUS"], row["TOTAL"]) for row in rows] == [
        (payid, "0", "5", "20"),
        (payid, "1", "9", "19.99"),
        (payid, "2", "81", "5"),
    ]
    assert rows[1] == {
        "ID": payid,
        "PAYIDSUB": "1",
        "REF": "order-1",
        "ORDER": "3/6/2027",
        "STATUS": "9",
        "LIB": "Payment requested",
        "NCSTER": "0/0",
        "PAYDATE": "4/6/2027",
        "TOTAL": "19.99",
        "CUR": "EUR",
        "METHOD": "CreditCard",
        "BRAND": "VISA",
        "CARD": "XXXXXXXXXXXX1111",
        "EXPDATE": "1230",
        "BATCHREF": "",
    }
    assert rows[2]["PAYDATE"] == ""


@pytest.mark.parametrize(
    "dates, subs",
    [
        ({"ofd": "3", "ofm": "6", "ofy": "2027", "otd": "3", "otm": "6", "oty": "2027"}, "01"),
        ({"ofd": "4", "ofm": "6", "ofy": "2027"}, ""),
        ({"afd": "4", "afm": "6", "afy": "2027", "atd": "4", "atm": "6", "aty": "2027"}, "1"),
        ({"atd": "3", "atm": "6", "aty": "2027"}, "0"),
        ({"level": "ORDERLEVEL"}, "1"),
    ],
)
async def test_the_download_keeps_to_its_dates(
    shop: Shop, sandbox: OgoneSandbox, dates: dict[str, str], subs: str
) -> None:
    """Of the order, or of the payment; ORDERLEVEL has the latest operation only."""
    await _captured_next_day(shop, sandbox)

    assert "".join(row["PAYIDSUB"] for row in await _rows(shop, **dates)) == subs


@pytest.mark.parametrize(
    "fields, profile",
    [
        ({}, False),
        ({"level": "EVERYTHING"}, True),
        ({"format": "CSV"}, True),
        ({"ofd": "31", "ofm": "2", "ofy": "2027"}, True),
        ({"PSWD": "wrong"}, True),
        ({"PSPID": "other"}, True),
    ],
)
async def test_a_download_that_is_none(shop: Shop, fields: dict[str, str], profile: bool) -> None:
    """What is wrong arrives as SYSTEM_ERROR."""
    shop.register(download_profile=profile)
    sent = {"PSPID": PSPID, "USERID": "api", "PSWD": "secret", "level": "HISTLEVEL"}

    root = await shop.post("payment_download_ncp", {**sent, "format": "XML", **fields})

    assert root.findtext("SYSTEM_ERROR")
    assert root.findall("PAYMENT") == []
