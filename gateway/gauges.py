"""Gauges read when Prometheus asks: tasks, the certificate, and what waits in the database."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.identity.certificates import RotatingCredentials
from gateway.metrics import Metrics
from gateway.storage.backlog import read_backlog
from gateway.storage.database import Database
from gateway.storage.writes import SchemaMissingError, StorageUnavailableError

_log = structlog.get_logger(__name__)
_TIMEOUT_S: Final = 5.0
"""A scrape is given up after ten by default; the other metrics must not be lost with these."""


class Gauges:
    """Brings the gauges up to date. Every replica shows the same: ask for the greatest of them."""

    fresh_s = 10.0
    """For so long what was read is good enough."""

    def __init__(
        self,
        database: Database,
        accounts: Iterable[str],
        metrics: Metrics,
        clock: Clock,
        overdue_after: timedelta,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._metrics = metrics
        self._clock = clock
        self._overdue_after = overdue_after
        self._read_s: float | None = None
        self._one_at_a_time = asyncio.Lock()

    async def refresh(self) -> None:
        """Count tasks, and read what waits unless that was done a moment ago; raises nothing.

        If the database does not answer the gauges stay as they are, and one says so.
        """
        self._metrics.set_tasks(len(asyncio.all_tasks()))
        async with self._one_at_a_time:
            now_s = time.monotonic()
            if self._read_s is not None and now_s - self._read_s < self.fresh_s:
                return
            self._read_s = now_s
            now = self._clock()
            try:
                async with asyncio.timeout(_TIMEOUT_S):
                    backlog = await read_backlog(
                        self._database, list(self._accounts), now - self._overdue_after
                    )
            except (StorageUnavailableError, SchemaMissingError, TimeoutError) as error:
                _log.warning("backlog_not_read", error=f"{type(error).__name__}: {error}")
                self._metrics.set_backlog_unread()
                return
            self._metrics.set_backlog(backlog, now)


def watch_certificate(metrics: Metrics, certificates: RotatingCredentials) -> None:
    """Tell of a server's certificate too, beside what the metrics refresh already."""
    refresh_others = metrics.refresh

    async def refresh() -> None:
        metrics.set_certificate(certificates.standing())
        await refresh_others()

    metrics.refresh = refresh
