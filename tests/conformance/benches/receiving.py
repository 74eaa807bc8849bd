"""Somebody who takes webhooks as the gateway does, and keeps them as they came."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from psp.conformance import Webhook


class Receiver:
    """Answers 200 to everything."""

    def __init__(self) -> None:
        self.url = ""
        self._received: list[Webhook] = []

    async def handle(self, request: web.Request) -> web.Response:
        """Keep one webhook."""
        self._received.append(Webhook(dict(request.headers), await request.read()))
        return web.Response()

    def take(self) -> tuple[Webhook, ...]:
        """Return what came since the last call."""
        taken, self._received = tuple(self._received), []
        return taken


@asynccontextmanager
async def receiving() -> AsyncIterator[Receiver]:
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
