"""The sandbox served over HTTP."""

from __future__ import annotations

import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

from aiohttp import web

from psp.sandboxing.serving import running, serve
from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.control import ACTIONS, Action, read_body
from psp.stripe.sandbox.sandbox import StripeSandbox
from psp.stripe.sandbox.webhooks import RETRY_GAPS_S

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def running_sandbox(
    port: int = 0,
    *,
    host: str = "127.0.0.1",
    now: Callable[[], float] = time.time,
    seed: int = 1,
    webhook_retry_gaps_s: Sequence[float] = RETRY_GAPS_S,
) -> AsyncIterator[StripeSandbox]:
    """Serve a new sandbox, on a free port unless one is named; raises `OSError` if it is taken."""
    sandbox = StripeSandbox(now, seed=seed, webhook_retry_gaps_s=webhook_retry_gaps_s)
    async with running(sandbox, _application(sandbox), host, port):
        yield sandbox


async def serve_sandbox(
    host: str, port: int, ready: Callable[[StripeSandbox], object] = lambda _sandbox: None
) -> None:
    """Serve until cancelled; `ready` is called once requests are answered."""
    await serve(running_sandbox(port, host=host), ready)


def _application(sandbox: StripeSandbox) -> web.Application:
    app = web.Application()
    for (method, path), (action, known) in ACTIONS.items():
        handler = _controlled(sandbox, action, known)
        app.router.add_route(method, f"/_sandbox/{path}", handler)
    app.router.add_get("/_sandbox/paypal/{id}", _paypal_page(sandbox))
    app.router.add_post("/_sandbox/paypal/{id}", _paypal_decision(sandbox))
    app.router.add_get("/v1/files/{id}/contents", sandbox.files.handle)
    app.router.add_route("*", "/{path:.*}", sandbox.api.handle)
    return app


def _controlled(sandbox: StripeSandbox, action: Action, known: frozenset[str]) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            body = await read_body(request, known)
            answer = action(sandbox, request.match_info.get("id", ""), body)
            return web.json_response(await answer if inspect.isawaitable(answer) else answer)
        except ApiError as error:
            return web.json_response(error.body(), status=error.status)

    return handle


def _paypal_page(sandbox: StripeSandbox) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            page = sandbox.browser.paypal_page(request.match_info["id"])
        except ApiError as error:
            return web.Response(text=error.message, status=error.status)
        return web.Response(text=page, content_type="text/html")

    return handle


def _paypal_decision(sandbox: StripeSandbox) -> _Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        decision = (await request.post()).get("decision")
        if decision not in {"approve", "cancel"}:
            return web.Response(text="decision is approve or cancel", status=400)
        try:
            approves = decision == "approve"
            target = sandbox.browser.decide_paypal(request.match_info["id"], approves=approves)
        except ApiError as error:
            return web.Response(text=error.message, status=error.status)
        return web.Response(status=303, headers={"Location": target})

    return handle
