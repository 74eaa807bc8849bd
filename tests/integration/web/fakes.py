"""An inbox that does what a test tells it to, and the HTTP edge running over it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import aiohttp

from gateway.events.received import ReceiveResult
from gateway.metrics import Metrics
from gateway.web.app import build_web_app, start_web
from gateway.web.ports import Check

MAX_BYTES = 1000
MAX_AT_ONCE = 3


@dataclass
class FakeInbox:
    """Takes every webhook, or raises."""

    result: ReceiveResult | Exception = field(
        default_factory=lambda: ReceiveResult("evt_1", False, "payment_intent.succeeded")
    )
    received: list[tuple[str, dict[str, str], bytes]] = field(default_factory=list)
    goes_on: asyncio.Event | None = None
    """If set, storing hangs until it rings."""

    async def receive(self, account: str, headers: Mapping[str, str], body: bytes) -> ReceiveResult:
        self.received.append((account, dict(headers), body))
        if self.goes_on is not None:
            await self.goes_on.wait()
        if isinstance(self.result, Exception):
            raise self.result
        return self.result


class WatchedMetrics(Metrics):
    """Metrics that tell when a webhook was counted, which is the last thing done to it."""

    def __init__(self) -> None:
        super().__init__()
        self.counted = asyncio.Event()

    def count_webhook(self, account: str, outcome: str) -> None:
        super().count_webhook(account, outcome)
        self.counted.set()


@dataclass
class Edge:
    """The HTTP edge, running."""

    inbox: FakeInbox
    metrics: WatchedMetrics
    port: int
    session: aiohttp.ClientSession
    checks: dict[str, Check]

    @property
    def webhook_url(self) -> str:
        """Where a PSP posts."""
        return f"{self.url}/webhooks/stripe_fr"

    @property
    def url(self) -> str:
        """The server's address."""
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def running_edge(body_timeout_s: float = 5.0) -> AsyncIterator[Edge]:
    """Serve the HTTP edge on a free port of this machine."""
    inbox, metrics, checks = FakeInbox(), WatchedMetrics(), dict[str, Check]()
    app = build_web_app(
        inbox,
        metrics,
        checks,
        webhook_max_bytes=MAX_BYTES,
        webhook_max_at_once=MAX_AT_ONCE,
        body_timeout_s=body_timeout_s,
        check_timeout_s=0.2,
    )
    runner, port = await start_web(app, "127.0.0.1", 0, drain_timeout_s=1)
    try:
        async with aiohttp.ClientSession() as session:
            yield Edge(inbox, metrics, port, session, checks)
    finally:
        await runner.cleanup()
