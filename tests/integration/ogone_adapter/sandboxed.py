"""The adapter's sandbox: how it is reached, and who hears its notifications."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from psp.ogone.config import OgoneAccountConfig
from psp.ogone.provider import OgoneProvider
from psp.ogone.sandbox import OgoneSandbox
from psp.port import CreatePayment, PspPayment
from tests.unit.psp.ogone.support import account_config, create_request

PAYS = "4111111111111111"
DAY_S = 86_400.0 + 1
HOUR_S = 3600.0 + 1
_BACK = "https://shop.example/back"


class Receiver:
    """Takes notifications and answers 200."""

    def __init__(self) -> None:
        self.url = ""
        self.bodies: list[bytes] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Keep one notification as it came."""
        self.bodies.append(await request.read())
        return web.Response()


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
    """Serve a receiver on a free port of this machine."""
    receiver = Receiver()
    app = web.Application()
    app.router.add_post("/webhooks/ogone_be", receiver.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/webhooks/ogone_be"
    try:
        yield receiver
    finally:
        await runner.cleanup()


def sandbox_config(sandbox: OgoneSandbox, **changes: object) -> OgoneAccountConfig:
    """Return a configuration that gives up at the first failure: what follows is the test's."""
    base = f"{sandbox.address}/ncol/test"
    values = {"api_base": base, "page_base": base, "max_query_retries": 0}
    return account_config(**{**values, **changes})


async def paid(
    provider: OgoneProvider,
    sandbox: OgoneSandbox,
    card: str = PAYS,
    request: CreatePayment | None = None,
    **pay: str,
) -> PspPayment:
    """Send the shopper to the page, and return what the order then is."""
    created = await provider.create_payment(request or create_request(return_url=_BACK))
    action = created.next_action
    assert action is not None
    await sandbox.pay(action.fields, card, url=action.url, **pay)
    return await provider.retrieve_payment(created.psp_reference)
