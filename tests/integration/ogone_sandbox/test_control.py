"""The control endpoints over HTTP, as a demo in another process uses them."""

from __future__ import annotations

import asyncio

import aiohttp
import pytest

from psp.ogone.sandbox import OgoneSandbox, serve_sandbox
from tests.integration.ogone_sandbox.support import (
    DIRECTLINK,
    ECOMMERCE,
    OUT,
    PSPID,
    Receiver,
    Shop,
)

JsonDict = dict[str, object]


class Control:
    """Sends JSON to the control endpoints."""

    def __init__(self, sandbox: OgoneSandbox, session: aiohttp.ClientSession) -> None:
        self._base = f"{sandbox.address}/_sandbox"
        self._session = session

    async def call(self, method: str, path: str, **body: object) -> tuple[int, JsonDict]:
        """Return status and answer."""
        url = f"{self._base}/{path}"
        async with self._session.request(method, url, json=body or None) as answer:
            told: JsonDict = await answer.json()
            return answer.status, told

    async def done(self, method: str, path: str, **body: object) -> JsonDict:
        """Return the answer of a request that succeeds."""
        status, told = await self.call(method, path, **body)
        assert status == 200, told
        return told


@pytest.fixture
def control(sandbox: OgoneSandbox, session: aiohttp.ClientSession) -> Control:
    """Return the control endpoints of the running sandbox."""
    return Control(sandbox, session)


_ACCOUNT = {
    "pspid": PSPID,
    "userid": "api",
    "password": "secret",
    "sha_in_ecommerce": ECOMMERCE,
    "sha_in_directlink": DIRECTLINK,
    "sha_out": OUT,
}


async def test_an_account_is_registered_and_its_notifications_directed(
    shop: Shop, control: Control, receiver: Receiver
) -> None:
    """Register, hold, look, release in another order with copies, settle, drop."""
    await control.done("POST", "accounts", **_ACCOUNT, notification_url=receiver.url)
    await control.done("POST", "notifications/hold")
    payid = (await shop.order(OPERATION="SAL"))["PAYID"]
    await shop.maintain(payid, "RFD", "100")
    held = await control.done("GET", "notifications/held")
    await control.done("POST", "notifications/release", order=["reversed"], copies=2)
    await control.done("POST", "notifications/settle")
    attempts = await control.done("GET", "notifications/attempts")

    assert isinstance(held["data"], list)
    assert isinstance(attempts["data"], list)
    assert [told["id"] for told in held["data"]] == [f"{payid}/0/9", f"{payid}/1/81"]
    assert receiver.steps() == [("1", "81")] * 2 + [("0", "9")] * 2
    assert [attempt["answered"] for attempt in attempts["data"]] == [200] * 4

    await control.done("POST", "notifications/drop", status="8")
    await control.done("POST", "clock", advance_s=3600)
    await control.done("POST", "notifications/settle")
    assert len(receiver.told) == 4


async def test_aliases_faults_statuses_and_books(shop: Shop, control: Control) -> None:
    """Everything else that a test needs to do or to know."""
    await control.done("POST", "aliases", pspid=PSPID, alias="a", card="4111111111111111")
    assert (await shop.order(ALIAS="a"))["STATUS"] == "5"
    await control.done("DELETE", "aliases", pspid=PSPID, alias="a")
    assert (await shop.order("order-2", ALIAS="a"))["STATUS"] == "0"
    await control.done("POST", "faults", kind="query_failed", count=5)
    assert (await shop.query(ORDERID="order-1"))["STATUS"] == "88"
    await control.done("DELETE", "faults")
    payid = (await shop.query(ORDERID="order-1"))["PAYID"]
    await control.done("POST", "payments/status", payid=payid, status=9)
    assert (await shop.query(ORDERID="order-1"))["STATUS"] == "9"
    cards = (await control.done("GET", "cards"))["data"]
    assert isinstance(cards, list)
    assert cards[0]["means"] == "pays"

    accounts = (await control.done("GET", "books"))["accounts"]
    assert isinstance(accounts, list)
    assert accounts[0]["orders"] == {"order-1": 0}
    await control.done("POST", "reset")
    assert shop.payments() == []
    assert (await shop.order())["STATUS"] == "5"


async def test_a_refund_by_hand(shop: Shop, control: Control) -> None:
    """As a clerk makes one; a refusal says why."""
    payid = (await shop.order(OPERATION="SAL"))["PAYID"]

    made = await control.done("POST", "payments/refund", payid=payid, amount=700)
    status, told = await control.call("POST", "payments/refund", payid=payid, amount=1301)

    assert made == {"id": f"{payid}/1"}
    assert (status, "overflow in refund" in str(told["problem"])) == (400, True)


@pytest.mark.parametrize(
    "path, body, problem",
    [
        ("faults", {"kind": "earthquake"}, "earthquake"),
        ("faults", {"kind": "drop_after", "count": "2"}, "of the wrong type: count"),
        ("faults", {"kind": "drop_after", "cuont": 2}, "unknown: cuont"),
        ("accounts", {"pspid": "shop"}, "missing: password, sha_in_directlink"),
        ("accounts", {**_ACCOUNT, "algorithm": "md5"}, "algorithm is one of"),
        ("aliases", {"pspid": "shop", "alias": "a", "card": "4012888888881881"}, "CARDNO"),
        ("aliases", {"pspid": "never", "alias": "a", "card": "4111111111111111"}, "never"),
        ("notifications/release", {"order": "reversed"}, "of the wrong type: order"),
        ("payments/status", {"payid": "1", "status": 9}, "no payment '1'"),
        ("payments/refund", {"payid": "1", "amount": 1}, "no payment '1'"),
        ("payments/refund", {"payid": "1", "amount": "1"}, "of the wrong type: amount"),
        ("payments/status", {"payid": "1", "status": 88}, "88 is no status"),
        ("clock", {"advance_s": -1}, "forwards"),
    ],
)
async def test_wrong_orders_are_refused(
    shop: Shop, control: Control, path: str, body: JsonDict, problem: str
) -> None:
    """A mistaken test is told so."""
    status, told = await control.call("POST", path, **body)

    assert status == 400
    assert problem in str(told["problem"])


async def test_serving_until_stopped(session: aiohttp.ClientSession) -> None:
    """The command serves until it is cancelled, and says when it is ready."""
    ready: asyncio.Queue[OgoneSandbox] = asyncio.Queue()
    serving = asyncio.create_task(serve_sandbox("127.0.0.1", 0, ready.put_nowait))

    sandbox = await ready.get()
    assert await Control(sandbox, session).done("GET", "books") == {"accounts": []}

    serving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await serving
    with pytest.raises(aiohttp.ClientConnectionError):
        await Control(sandbox, session).done("GET", "books")
