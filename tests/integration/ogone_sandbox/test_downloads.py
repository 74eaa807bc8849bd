"""Downloads told wrongly on purpose, and downloads of any length."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import aiohttp
import pytest

from psp.ogone.sandbox import DriftKind, OgoneSandbox
from psp.ogone.sandbox.synthetic import synthetic_row
from tests.integration.ogone_sandbox.support import PSPID, Shop

_ASKED = {
    "PSPID": PSPID,
    "USERID": "api",
    "PSWD": "secret",
    "level": "HISTLEVEL",
    "format": "XML",
    "structure": "DYN",
}
# The clock of these tests stands on 3 June 2027.
_THE_DAY = {"afd": "3", "afm": "6", "afy": "2027", "atd": "3", "atm": "6", "aty": "2027"}
_NEXT_DAY = {**_THE_DAY, "afd": "4", "atd": "4"}


async def _sell(shop: Shop, sandbox: OgoneSandbox, order_id: str = "order-1") -> str:
    """Capture 20 EUR and refund 5."""
    payid = (await shop.order(order_id, OPERATION="SAL"))["PAYID"]
    await shop.maintain(payid, "RFD", "500")
    sandbox.advance_clock(3600)
    return payid


async def _rows(shop: Shop, dates: dict[str, str]) -> list[tuple[str, str, str, str]]:
    root = await shop.post("payment_download_ncp", {**_ASKED, **dates})
    return [
        (row.attrib["PAYIDSUB"], row.attrib["STATUS"], row.attrib["TOTAL"], row.attrib["CUR"])
        for row in root.findall("PAYMENT")
    ]


async def _control(shop: Shop, method: str, path: str, **body: object) -> dict[str, object]:
    url = f"{shop.sandbox.address}/_sandbox/{path}"
    async with shop.session.request(method, url, json=body) as response:
        answer: dict[str, object] = await response.json()
        return {"status": response.status, **answer}


_TAKEN, _GIVEN = ("0", "9", "20", "EUR"), ("1", "8", "5", "EUR")


@pytest.mark.parametrize(
    "kind,expected,next_day",
    [
        ("missing", [_TAKEN], []),
        ("doubled", [_TAKEN, _GIVEN, _GIVEN], []),
        ("doubled_effect", [_TAKEN, _GIVEN, ("51", "8", "5", "EUR")], []),
        ("wrong_amount", [_TAKEN, ("1", "8", "6", "EUR")], []),
        ("wrong_currency", [_TAKEN, ("1", "8", "5", "USD")], []),
        ("late", [_TAKEN], [_GIVEN]),
        ("unknown_status", [_TAKEN, ("1", "777", "5", "EUR")], []),
        ("extra_digits", [_TAKEN, ("1", "8", "5.001", "EUR")], []),
    ],
)
async def test_the_newest_row_is_told_wrongly(
    shop: Shop, sandbox: OgoneSandbox, kind: str, expected: list[object], next_day: list[object]
) -> None:
    """Until it is taken back; what was done stays as it was done."""
    payid = await _sell(shop, sandbox)
    taken = shop.taken()

    told = await _control(shop, "POST", "drift", kind=kind)

    assert told == {"status": 200, "id": f"{payid}/1"}
    assert await _rows(shop, _THE_DAY) == expected
    assert await _rows(shop, _NEXT_DAY) == next_day
    assert shop.taken() == taken
    await _control(shop, "DELETE", "drift")
    assert await _rows(shop, _THE_DAY) == [_TAKEN, _GIVEN]


async def test_another_row_can_be_named(shop: Shop, sandbox: OgoneSandbox) -> None:
    """By PAYID/PAYIDSUB, or by a payment's newest that moved money; one drift at a time."""
    first = await _sell(shop, sandbox)
    second = await _sell(shop, sandbox, "order-2")

    assert sandbox.drift(DriftKind.MISSING, f"{first}/0") == f"{first}/0"
    assert sandbox.drift(DriftKind.MISSING, first) == f"{first}/1"
    assert sandbox.drift(DriftKind.MISSING, "order-1") == f"{first}/1"
    assert sandbox.drift(DriftKind.MISSING) == f"{second}/1"
    assert await _rows(shop, _THE_DAY) == [_TAKEN, _GIVEN, _TAKEN]


@pytest.mark.parametrize(
    "body,problem",
    [
        ({"kind": "sideways"}, "'sideways' is not a valid DriftKind"),
        ({"kind": "missing", "subject": "nobody"}, "no capture or refund of 'nobody' is done"),
        ({"subject": "nobody"}, "missing: kind"),
    ],
)
async def test_a_drift_that_there_is_not(shop: Shop, body: dict[str, object], problem: str) -> None:
    """It is answered with the reason."""
    assert await _control(shop, "POST", "drift", **body) == {"status": 400, "problem": problem}


async def test_a_renamed_attribute(shop: Shop, sandbox: OgoneSandbox) -> None:
    """In every row."""
    await _sell(shop, sandbox)
    sandbox.drift("renamed_attribute")

    root = await shop.post("payment_download_ncp", {**_ASKED, **_THE_DAY})

    assert [row.get("AMOUNT") for row in root.findall("PAYMENT")] == ["20", "5"]
    assert [row.get("TOTAL") for row in root.findall("PAYMENT")] == [None, None]


async def test_a_system_error(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Instead of rows."""
    sandbox.drift("system_error")

    root = await shop.post("payment_download_ncp", {**_ASKED, **_THE_DAY})

    assert root.findtext("SYSTEM_ERROR")


async def test_a_download_that_breaks_off(shop: Shop, sandbox: OgoneSandbox) -> None:
    """With the connection, or in the middle of its last row as if that were all."""
    await _sell(shop, sandbox)
    form = {**_ASKED, **_THE_DAY}

    sandbox.drift("truncated")
    with pytest.raises(aiohttp.ClientPayloadError):
        await shop.post("payment_download_ncp", form)

    sandbox.drift("truncated_row")
    async with shop.session.post(shop.url("payment_download_ncp"), data=form) as response:
        body = (await response.read()).decode("iso-8859-1")
    assert body.count("<PAYMENT ") == 2
    assert "</DOWNLOAD_REPLY>" not in body
    with pytest.raises(ET.ParseError):
        ET.fromstring(body.encode())  # noqa: S314 - the sandbox's own


async def test_invented_rows(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Besides what was done, evenly over the days asked for, each as its number says."""
    await _sell(shop, sandbox)
    await _control(shop, "POST", "synthetic", count=1000)

    root = await shop.post("payment_download_ncp", {**_ASKED, **_THE_DAY, "atd": "4"})

    rows = root.findall("PAYMENT")
    assert len(rows) == 1002
    assert [row.attrib["PAYDATE"] for row in rows[2::500]] == ["3/6/2027", "4/6/2027"]
    refund, told = rows[6].attrib, synthetic_row(4)
    assert (refund["STATUS"], refund["REF"]) == ("8", "pay_synthetic_3")
    assert f"{refund['ID']}/{refund['PAYIDSUB']}" == told.refund
    assert round(float(refund["TOTAL"]) * 100) == told.amount


async def test_a_reset_ends_it(shop: Shop, sandbox: OgoneSandbox) -> None:
    """Neither drift nor invented rows stay."""
    sandbox.drift("system_error")
    sandbox.set_synthetic_rows(10)

    sandbox.reset()

    assert await _rows(shop, _THE_DAY) == []


async def test_fewer_than_none(sandbox: OgoneSandbox) -> None:
    """Rows cannot be taken away."""
    with pytest.raises(ValueError, match="0 or more"):
        sandbox.set_synthetic_rows(-1)
