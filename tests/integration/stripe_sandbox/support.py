"""What tests of the sandbox share: a clock, the official SDK, a receiver of webhooks."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import aiohttp
import stripe
from aiohttp import web
from stripe.params import PaymentIntentCreateParams

from psp.stripe.sandbox import StripeSandbox

API_KEY = "sk_test_shop"
SECRET = "whsec_first"


def header(error: stripe.StripeError, name: str) -> str | None:
    """Return a header of the answer that an error tells."""
    return (error.headers or {}).get(name)


class ManualClock:
    """A time that only moves when told to."""

    def __init__(self, seconds: float = 1_800_000_000.0) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        return self.seconds


class Shop:
    """A merchant with the official SDK and nothing else."""

    def __init__(self, sandbox: StripeSandbox, session: aiohttp.ClientSession, key: str) -> None:
        self.client = stripe.StripeClient(
            key,
            base_addresses={"api": sandbox.address},
            http_client=stripe.AIOHTTPClient(session=session),
            max_network_retries=0,
        )
        self.intents = self.client.v1.payment_intents
        self.customers = self.client.v1.customers
        self.methods = self.client.v1.payment_methods

    async def create(self, **changes: object) -> stripe.PaymentIntent:
        """Create a card payment of 20 EUR."""
        return await self.intents.create_async(parameters(**changes))

    async def confirmed(
        self, method: str = "pm_card_visa", **changes: object
    ) -> stripe.PaymentIntent:
        """Create and confirm it at once."""
        return await self.create(payment_method=method, confirm=True, **changes)

    async def event_types(self) -> list[str]:
        """Return what happened, oldest first."""
        listed = await self.client.v1.events.list_async({"limit": 100})
        return [event.type for event in reversed(listed.data)]

    async def event_types_since(self, earlier: list[str]) -> list[str]:
        """Return what happened after `earlier` was read."""
        return (await self.event_types())[len(earlier) :]


def parameters(**changes: object) -> PaymentIntentCreateParams:
    """Return the parameters of a card payment of 20 EUR."""
    values: dict[str, object] = {
        "amount": 2000,
        "currency": "eur",
        "allowed_payment_method_types": ["card"],
        "capture_method": "automatic",
    }
    return {**values, **changes}  # type: ignore[typeddict-item, return-value, unused-ignore]  # fields by name


class Receiver:
    """Takes webhooks and answers as told; 200 once there is nothing more to tell."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[tuple[bytes, str]] = []
        self.answers: deque[int] = deque()
        self.on_request: Callable[[], None] = lambda: None

    async def handle(self, request: web.Request) -> web.Response:
        """Remember one webhook."""
        self.on_request()
        self.requests.append((await request.read(), request.headers["Stripe-Signature"]))
        return web.Response(status=self.answers.popleft() if self.answers else 200)

    def events(self, secret: str = SECRET, tolerance: int | None = None) -> list[stripe.Event]:
        """Return what came, each verified by the SDK."""
        return [
            stripe.Webhook.construct_event(body, header, secret, tolerance=tolerance or 10**10)
            for body, header in self.requests
        ]

    def types(self) -> list[str]:
        """Return the types of what came."""
        return [event.type for event in self.events()]


@asynccontextmanager
async def running_receiver() -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port of this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/webhooks", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks"
    try:
        yield receiver
    finally:
        await runner.cleanup()
