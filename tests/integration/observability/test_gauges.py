"""Gauges over the database: read when asked for, not too often, and never in the way."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, cast

import pytest

from gateway.gauges import Gauges
from gateway.metrics import Metrics
from gateway.storage.database import Database, Row
from gateway.storage.writes import StorageUnavailableError
from tests.support.payments import NOW

pytestmark = pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)


class _Watched:
    """Counts what it is asked, and may be away."""

    def __init__(self, inner: Database) -> None:
        self._inner = inner
        self.asked = 0
        self.is_away = False

    async def fetch(self, statement: Any, parameters: Mapping[str, Any]) -> Sequence[Row]:
        self.asked += 1
        if self.is_away:
            raise StorageUnavailableError("away")
        return await self._inner.fetch(statement, parameters)


def _gauges(database: _Watched, metrics: Metrics) -> Gauges:
    inner = cast("Database", database)
    return Gauges(inner, ["stripe_eu"], metrics, lambda: NOW, timedelta(days=1))


async def test_two_scrapes_in_a_moment_ask_once(database: Database) -> None:
    """Several Prometheus servers, or a person who reloads, cost the database nothing."""
    watched, metrics = _Watched(database), Metrics()
    gauges = _gauges(watched, metrics)
    await gauges.refresh()
    asked = watched.asked
    await gauges.refresh()

    assert asked == watched.asked > 0
    assert b"paygate_backlog_read 1.0" in metrics.exposition()


async def test_a_database_that_is_away_costs_no_scrape(database: Database) -> None:
    """The other metrics are told, and that these are old; once it is back they are new."""
    watched, metrics = _Watched(database), Metrics()
    gauges = _gauges(watched, metrics)
    gauges.fresh_s = 0.0
    watched.is_away = True
    await gauges.refresh()
    assert b"paygate_backlog_read 0.0" in metrics.exposition()

    watched.is_away = False
    await gauges.refresh()
    assert b"paygate_backlog_read 1.0" in metrics.exposition()
