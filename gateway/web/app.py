"""The HTTP application: its routes, its limits, and how it is started."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aiohttp import web

from gateway.metrics import Metrics
from gateway.web.answers import answer_in_json
from gateway.web.health import HealthRoutes
from gateway.web.malformed import HTTP_LOGGER
from gateway.web.ports import Check, WebhookInbox
from gateway.web.webhooks import WebhookRoute

_MAX_LINE_BYTES: Final = 4096
_MAX_HEADER_BYTES: Final = 8192
_MAX_HEADERS: Final = 64
_KEEPALIVE_S: Final = 75.0
_LINGER_S: Final = 2.0
"""How long an unread rest of a body is read and thrown away, so that its sender sees the answer."""


def build_web_app(
    inbox: WebhookInbox,
    metrics: Metrics,
    checks: Mapping[str, Check],
    *,
    webhook_max_bytes: int,
    webhook_max_at_once: int = 100,
    body_timeout_s: float = 10.0,
    check_timeout_s: float = 2.0,
) -> web.Application:
    """Return the application: `/webhooks/{account}`, `/healthz`, `/readyz`, `/metrics`."""
    webhooks = WebhookRoute(
        inbox,
        metrics,
        max_bytes=webhook_max_bytes,
        max_at_once=webhook_max_at_once,
        body_timeout_s=body_timeout_s,
    )
    health = HealthRoutes(checks, metrics, check_timeout_s)
    app = web.Application(middlewares=[answer_in_json])
    app.router.add_post("/webhooks/{account:[a-z0-9_]{1,40}}", webhooks.receive)
    app.router.add_get("/healthz", health.alive)
    app.router.add_get("/readyz", health.ready)
    app.router.add_get("/metrics", health.measured)
    return app


async def start_web(
    app: web.Application,
    host: str,
    port: int,
    *,
    drain_timeout_s: float = 10.0,
    share_port: bool = False,
) -> tuple[web.AppRunner, int]:
    """Serve the application; return its runner and the port, which port 0 lets the system choose.

    `share_port` is for processes that were started to listen at one port together.

    `await runner.cleanup()` stops taking connections and lets requests end, at most that long.
    Raises `OSError` if the address cannot be had. A caller that hangs up cancels nothing.
    """
    runner = web.AppRunner(
        app,
        access_log=None,  # a webhook has its own line; probes need none
        auto_decompress=False,  # signatures are over the bytes as sent
        handler_cancellation=False,
        keepalive_timeout=_KEEPALIVE_S,
        lingering_time=_LINGER_S,
        logger=HTTP_LOGGER,
        max_field_size=_MAX_HEADER_BYTES,
        max_headers=_MAX_HEADERS,
        max_line_size=_MAX_LINE_BYTES,
        shutdown_timeout=drain_timeout_s,
    )
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=share_port).start()
    except OSError:
        await runner.cleanup()
        raise
    return runner, runner.addresses[0][1]


async def listen_too(runner: web.AppRunner, host: str, port: int) -> int:
    """Answer at another port as well, which nobody shares; the port. Raises `OSError`."""
    await web.TCPSite(runner, host, port).start()
    own_port: int = runner.addresses[-1][1]
    return own_port
