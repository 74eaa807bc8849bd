"""A sandbox served over HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol, TypeVar

from aiohttp import web


class Served(Protocol):
    """A sandbox, as whoever serves it knows it."""

    address: str
    """Where it listens: `http://127.0.0.1:port`."""

    async def close(self) -> None:
        """Stop delivering what it tells."""


S = TypeVar("S", bound=Served)


@asynccontextmanager
async def running(
    sandbox: S, application: web.Application, host: str, port: int
) -> AsyncIterator[S]:
    """Serve a sandbox, on a free port if it is 0; raises `OSError` if it is taken."""
    runner = web.AppRunner(
        application, access_log=None, handler_cancellation=False, shutdown_timeout=1
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        sandbox.address = f"http://{host}:{runner.addresses[0][1]}"
        yield sandbox
    finally:
        await sandbox.close()
        await runner.cleanup()


async def serve(served: AbstractAsyncContextManager[S], ready: Callable[[S], object]) -> None:
    """Serve until cancelled; `ready` is called once requests are answered."""
    async with served as sandbox:
        ready(sandbox)
        await asyncio.Event().wait()


def dropped(request: web.Request) -> web.Response:
    """Close the connection without a word."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()
