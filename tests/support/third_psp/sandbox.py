"""A third PSP of one's own: payments in a dictionary behind HTTP, and webhooks to whoever asks."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from http import HTTPStatus

import aiohttp
from aiohttp import web

from tests.support.third_psp.reading import SIGNATURE, signature


@dataclass(slots=True)
class Refund:
    """Money on its way back: accepted, then paid, perhaps returned by the bank."""

    amount: int
    state: str = "accepted"


@dataclass(slots=True)
class Payment:
    """What is true of one payment."""

    id: str
    amount: int
    currency: str
    sale: bool
    page: str
    state: str = "open"
    reason: str = ""
    authorised: int = 0
    captured: int = 0
    refunds: list[Refund] = field(default_factory=list)

    @property
    def refunded(self) -> int:
        """What was given back, or will be."""
        return sum(each.amount for each in self.refunds if each.state != "returned")


@dataclass
class ThirdSandbox:
    """One account's books."""

    api_key: str
    webhook_secret: str
    webhook_url: str
    address: str = ""
    payments: dict[str, Payment] = field(default_factory=dict)
    authorizations: int = 0
    captures: int = 0
    lost: str | None = None
    """The verb whose next answer gets lost: capture, cancel, refund, or "" for a creation."""

    captures_again: bool = False
    """Whether it captures what is captured, as a PSP does that knows neither keys nor our ids."""

    def __post_init__(self) -> None:
        self._untold: list[bytes] = []

    def pay(self, payment_id: str, reason: str = "", *, unsure: bool = False) -> None:
        """Let the shopper pay, or fail to for a reason."""
        payment = self.payments[payment_id]
        payment.reason = reason
        if not reason:
            payment.authorised = payment.amount
            self.authorizations += 1
        payment.state = "declined" if reason else "pondering" if unsure else "authorised"
        self._tell(payment)
        if payment.sale and not reason:
            self._capture(payment)

    def decide(self) -> None:
        """Come to a decision on what was pondered, and pay what was accepted."""
        for payment in self.payments.values():
            if payment.state == "pondering":
                payment.state = "authorised"
                self._tell(payment)
            for number, refund in enumerate(payment.refunds, start=1):
                if refund.state == "accepted":
                    self.move_refund(payment, number, "paid")

    def move_refund(self, payment: Payment, number: int, state: str) -> None:
        """Let a refund be paid, or returned by the shopper's bank."""
        payment.refunds[number - 1].state = state
        self._tell(payment, f"refund {number} {state}")

    async def deliver(self, *, copies: int, backwards: bool) -> None:
        """Send what was not told yet."""
        untold, self._untold = self._untold, []
        async with aiohttp.ClientSession() as session:
            for body in reversed(untold) if backwards else untold:
                headers = {SIGNATURE: signature(body, self.webhook_secret)}
                for _ in range(copies):
                    async with session.post(self.webhook_url, data=body, headers=headers):
                        pass

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call, unless its answer is to get lost."""
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            return _refusal(HTTPStatus.UNAUTHORIZED, "this is not the key")
        _, _, rest = request.path.partition("/payments/")
        payment_id, _, verb = rest.partition("/")
        body = await request.json()
        answer = self._act(request.method, payment_id, verb, body)
        if request.method == "POST" and verb == self.lost:
            self.lost = None
            assert request.transport is not None
            request.transport.abort()
        return answer

    def _act(
        self, method: str, payment_id: str, verb: str, body: dict[str, object]
    ) -> web.Response:
        if method == "POST" and not verb:
            return self._create(payment_id, body)
        payment = self.payments.get(payment_id)
        if payment is None:
            return _refusal(HTTPStatus.NOT_FOUND, "there is no such payment")
        if verb == "refund":
            return self._refund(payment, int(str(body["amount"])))
        return self._change(payment, verb, body)

    def _change(self, payment: Payment, verb: str, body: dict[str, object]) -> web.Response:
        done = {"capture": "captured", "cancel": "cancelled"}.get(verb, payment.state)
        if payment.state == done:
            if self.captures_again and verb == "capture":
                self._capture(payment)
            return _shown(payment)
        if payment.state != "authorised":
            return _refusal(HTTPStatus.CONFLICT, f"it is {payment.state}")
        if verb == "cancel":
            payment.state = done
            self._tell(payment)
        elif body["amount"] != payment.amount:
            return _refusal(HTTPStatus.CONFLICT, "captures are whole")
        else:
            self._capture(payment)
        return _shown(payment)

    def _create(self, payment_id: str, body: dict[str, object]) -> web.Response:
        if payment_id not in self.payments:
            page = f"{self.address}/pay/{payment_id}"
            amount, currency = int(str(body["amount"])), str(body["currency"])
            sale = body["sale"] is True
            self.payments[payment_id] = Payment(payment_id, amount, currency, sale, page)
            if body["token"]:
                self.pay(payment_id, "no_funds" if body["token"] == "tok_declined" else "")
        payment = self.payments[payment_id]
        if payment.amount != body["amount"]:
            return _refusal(HTTPStatus.CONFLICT, "it is of another amount")
        return _shown(payment)

    def _refund(self, payment: Payment, amount: int) -> web.Response:
        if amount > payment.captured - payment.refunded:
            return _refusal(HTTPStatus.CONFLICT, "there is not so much to give back")
        payment.refunds.append(Refund(amount))
        self._tell(payment, f"refund {len(payment.refunds)} accepted")
        return _shown(payment)

    def _capture(self, payment: Payment) -> None:
        payment.state = "captured"
        payment.captured += payment.amount
        self.captures += 1
        self._tell(payment)

    def _tell(self, payment: Payment, what: str = "") -> None:
        state = what or payment.state
        event = f"{payment.id}/{state}"
        told = {"event": event, "id": payment.id, "state": state, "at": time.time()}
        self._untold.append(json.dumps(told).encode())


def _shown(payment: Payment) -> web.Response:
    return web.json_response(asdict(payment))


def _refusal(status: HTTPStatus, problem: str) -> web.Response:
    return web.json_response({"problem": problem}, status=status)


@asynccontextmanager
async def running_third_sandbox(
    api_key: str, webhook_secret: str, webhook_url: str
) -> AsyncIterator[ThirdSandbox]:
    """Serve a new sandbox on a free port of this machine."""
    sandbox = ThirdSandbox(api_key, webhook_secret, webhook_url)
    app = web.Application()
    app.router.add_route("*", "/payments/{path:.*}", sandbox.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    sandbox.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield sandbox
    finally:
        await runner.cleanup()
