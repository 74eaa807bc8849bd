"""One address for the webhooks of several servers: what stands before replicas in production."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final

import aiohttp
from aiohttp import web

_TIMEOUT: Final = aiohttp.ClientTimeout(total=5)
_SIGNATURES: Final = ("Stripe-Signature", "Content-Type")


class _FrontDoor:
    """Passes a webhook on to each server in turn, until one answers."""

    def __init__(self, session: aiohttp.ClientSession, servers: Sequence[str]) -> None:
        self._session = session
        self._servers = servers
        self._turn = itertools.count()

    async def pass_on(self, request: web.Request) -> web.Response:
        """Answer as the first living server does; 502 if there is none."""
        body = await request.read()
        headers = {name: request.headers[name] for name in _SIGNATURES if name in request.headers}
        first = next(self._turn)
        for number in range(len(self._servers)):
            server = self._servers[(first + number) % len(self._servers)]
            try:
                async with self._session.post(
                    f"{server}{request.path}", data=body, headers=headers, timeout=_TIMEOUT
                ) as answer:
                    return web.Response(status=answer.status, body=await answer.read())
            except (aiohttp.ClientError, OSError, TimeoutError):
                continue  # it is dead, or died while it was asked: the next one is asked
        return web.Response(status=502)


@asynccontextmanager
async def front_door(servers: Sequence[str]) -> AsyncIterator[str]:
    """Serve for some servers (`http://host:port`), dead or alive; gives the door's address."""
    async with aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar()) as session:
        app = web.Application()
        app.router.add_post("/{path:.*}", _FrontDoor(session, servers).pass_on)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
