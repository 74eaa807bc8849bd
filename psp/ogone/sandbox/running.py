"""The sandbox served over HTTP."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from psp.ogone.sandbox.control import ACTIONS, Act, act
from psp.ogone.sandbox.notifications import RETRY_GAPS_S
from psp.ogone.sandbox.sandbox import OgoneSandbox
from psp.ogone.sandbox.world import PROCESSING_DELAY_S
from psp.sandboxing.serving import running, serve


@asynccontextmanager
async def running_sandbox(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    now: Callable[[], float] = time.time,
    seed: int = 1,
    processing_delay_s: float = PROCESSING_DELAY_S,
    notification_retry_gaps_s: Sequence[float] = RETRY_GAPS_S,
) -> AsyncIterator[OgoneSandbox]:
    """Serve a new sandbox, on a free port unless one is named; raises `OSError` if it is taken."""
    sandbox = OgoneSandbox(
        now,
        seed=seed,
        processing_delay_s=processing_delay_s,
        notification_retry_gaps_s=notification_retry_gaps_s,
    )
    async with running(sandbox, _application(sandbox), host, port):
        yield sandbox


async def serve_sandbox(
    host: str, port: int, ready: Callable[[OgoneSandbox], object] = lambda _sandbox: None
) -> None:
    """Serve until cancelled; `ready` is called once requests are answered."""
    await serve(running_sandbox(port, host=host), ready)


def _application(sandbox: OgoneSandbox) -> web.Application:
    app = web.Application()
    for (method, path), entry in ACTIONS.items():
        app.router.add_route(method, f"/_sandbox/{path}", _controlled(sandbox, entry))
    app.router.add_route("*", "/{path:.*}", sandbox.edge.handle)
    return app


def _controlled(
    sandbox: OgoneSandbox, entry: tuple[Act, str, str]
) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    async def handle(request: web.Request) -> web.StreamResponse:
        return await act(sandbox, request, entry)

    return handle
