"""Whether the process lives, whether it can serve, and what it measured."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog
from aiohttp import web

from gateway.metrics import Metrics
from gateway.web.ports import Check

_log = structlog.get_logger(__name__)
_OK: Final = "ok"
_ADVISORY: Final = frozenset({"broker"})
"""What requests can do without: taken out of service for it, all replicas would be at once."""


class HealthRoutes:
    """`/healthz` for restarts, `/readyz` for traffic, `/metrics` for Prometheus."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        metrics: Metrics,
        check_timeout_s: float,
    ) -> None:
        self._checks = checks
        self._metrics = metrics
        self._check_timeout_s = check_timeout_s

    async def alive(self, _request: web.Request) -> web.Response:
        """Answer: the event loop turns, nothing else is asked."""
        return web.json_response({"status": "alive"})

    async def ready(self, _request: web.Request) -> web.Response:
        """Run all checks at once; 503 if one fails, with the name of what it raised.

        One that requests can do without only makes it `degraded`.
        """
        results = await asyncio.gather(*(self._run(name) for name in self._checks))
        found = dict(zip(self._checks, results, strict=True))
        failed = {name for name, result in found.items() if result != _OK}
        status = "ready" if not failed else "degraded"
        if failed - _ADVISORY:
            status = "not_ready"
        return web.json_response(
            {"status": status, "checks": found}, status=503 if status == "not_ready" else 200
        )

    async def measured(self, _request: web.Request) -> web.Response:
        """Return the metrics in Prometheus' text format."""
        await self._metrics.refresh()
        return web.Response(
            body=self._metrics.exposition(), headers={"Content-Type": self._metrics.content_type}
        )

    async def _run(self, name: str) -> str:
        try:
            async with asyncio.timeout(self._check_timeout_s):
                await self._checks[name]()
        except Exception as error:  # noqa: BLE001 - a check may fail in any way; its words are logged, not answered
            _log.warning("not_ready", check=name, error=f"{type(error).__name__}: {error}")
            return f"failed: {type(error).__name__}"
        return _OK
