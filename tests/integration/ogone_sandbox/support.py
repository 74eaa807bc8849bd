"""What tests of the sandbox share: a clock, a shop that signs by itself, somebody who listens."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from hashlib import sha512
from urllib.parse import parse_qsl

import aiohttp
from aiohttp import web

from psp.ogone.sandbox import OgoneSandbox

PSPID = "shop"
VISA = "4111111111111111"
ECOMMERCE, DIRECTLINK, OUT = "ecommerce-in!", "directlink-in!", "feedback-out!"
URLS = {
    "ACCEPTURL": "https://shop.example/accept",
    "DECLINEURL": "https://shop.example/decline",
    "EXCEPTIONURL": "https://shop.example/exception",
    "CANCELURL": "https://shop.example/cancel",
}


class ManualClock:
    """A time that only moves when told to."""

    def __init__(self, seconds: float = 1_812_000_000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


def shasign(fields: dict[str, str], passphrase: str, encoding: str = "utf-8") -> str:
    """Return a signature, made apart from the sandbox's own code."""
    pairs = sorted((name.upper(), value) for name, value in fields.items() if value)
    text = passphrase.join([*(f"{name}={value}" for name, value in pairs), ""])
    return sha512(text.encode(encoding)).hexdigest().upper()


def is_genuine(told: dict[str, str]) -> bool:
    """Return whether feedback is signed; the tests' PARAMPLUS is `basket`."""
    fields = {name: value for name, value in told.items() if name not in {"SHASIGN", "basket"}}
    return told["SHASIGN"] == shasign(fields, OUT)


class Shop:
    """A merchant with an HTTP client and nothing else."""

    def __init__(self, sandbox: OgoneSandbox, session: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.session = session

    def register(self, **changes: object) -> None:
        """Register the merchant's account."""
        settings: dict[str, object] = {
            "sha_in_ecommerce": ECOMMERCE,
            "sha_in_directlink": DIRECTLINK,
            "sha_out": OUT,
            **changes,
        }
        self.sandbox.register_account(PSPID, "api", "secret", **settings)  # type: ignore[arg-type]  # settings by name

    def url(self, page: str) -> str:
        """Return a page's address."""
        return f"{self.sandbox.address}/ncol/test/{page}.asp"

    async def post(self, page: str, fields: dict[str, str]) -> ET.Element:
        """Post fields as they are and return the XML."""
        async with self.session.post(self.url(page), data=fields) as response:
            assert response.status == 200
            body = await response.read()
            return ET.fromstring(body)  # noqa: S314 - the sandbox's own

    async def direct(self, page: str, **fields: str) -> dict[str, str]:
        """Post to DirectLink, signed, and return the reply's attributes."""
        return dict((await self.direct_xml(page, **fields)).attrib)

    async def direct_xml(self, page: str, **fields: str) -> ET.Element:
        """Post to DirectLink, signed, and return the reply."""
        sent = {"PSPID": PSPID, "USERID": "api", "PSWD": "secret", **fields}
        return await self.post(
            f"{page}_utf8", {**sent, "SHASIGN": sent.get("SHASIGN", shasign(sent, DIRECTLINK))}
        )

    async def order(self, order_id: str = "order-1", **changes: str) -> dict[str, str]:
        """Authorise 20 EUR on a Visa."""
        return await self.direct("orderdirect", **order_fields(order_id, **changes))

    async def maintain(self, payid: str, operation: str, amount: str = "") -> dict[str, str]:
        """Carry a maintenance operation out."""
        fields = {"PAYID": payid, "OPERATION": operation, "AMOUNT": amount}
        return await self.direct("maintenancedirect", **fields)

    async def query(self, **fields: str) -> dict[str, str]:
        """Query a payment."""
        return await self.direct("querydirect", **fields)

    def form(self, order_id: str = "order-1", **changes: str) -> dict[str, str]:
        """Return a signed form for the hosted page: 20 EUR, authorised only."""
        fields = {
            "PSPID": PSPID,
            "ORDERID": order_id,
            "AMOUNT": "2000",
            "CURRENCY": "EUR",
            "LANGUAGE": "en_US",
            "OPERATION": "RES",
            **URLS,
            **changes,
        }
        return {**fields, "SHASIGN": shasign(fields, ECOMMERCE)}

    def payments(self) -> list[dict[str, object]]:
        """Return the payments in the sandbox's books."""
        payments = self.sandbox.books()[0]["payments"]
        assert isinstance(payments, list)
        return payments

    def taken(self) -> object:
        """Return what was taken from shoppers, by currency."""
        return self.sandbox.books()[0]["taken"]


def order_fields(order_id: str, **changes: str) -> dict[str, str]:
    """Return an order of 20 EUR on a Visa, or on an alias if one is given without a card."""
    fields = {"ORDERID": order_id, "AMOUNT": "2000", "CURRENCY": "EUR", "OPERATION": "RES"}
    if "ALIAS" not in changes:
        fields |= {"CARDNO": VISA, "ED": "1230", "CVC": "123"}
    return {**fields, **changes}


class Receiver:
    """Takes notifications and answers as told; 200 once there is nothing more to tell."""

    def __init__(self) -> None:
        self.url = ""
        self.told: list[dict[str, str]] = []
        self.answers: deque[int] = deque()

    async def handle(self, request: web.Request) -> web.Response:
        """Remember one notification."""
        body = (await request.read()).decode("ascii")
        self.told.append(dict(parse_qsl(body, keep_blank_values=True)))
        return web.Response(status=self.answers.popleft() if self.answers else 200)

    def steps(self) -> list[tuple[str, str]]:
        """Return PAYIDSUB and STATUS of what came, each verified."""
        assert all(is_genuine(told) for told in self.told)
        return [(told["PAYIDSUB"], told["STATUS"]) for told in self.told]


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port of this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/notifications", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/notifications"
    try:
        yield receiver
    finally:
        await runner.cleanup()
