"""How far a consumer group is behind, as the library tells it of its own accord."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

from gateway.metrics import Metrics

STATISTICS: Final[Mapping[str, Any]] = {"statistics.interval.ms": 10_000}
"""Options that have the library tell its statistics (librdkafka, STATISTICS.md)."""

Place = tuple[str, int]
"""Topic and partition."""


def lags_of(statistics: str) -> Mapping[Place, int]:
    """Return the lag of each partition that the consumer was assigned, as far as it is known."""
    topics = json.loads(statistics).get("topics", {})
    return {
        (topic, int(number)): partition["consumer_lag"]
        for topic, about in topics.items()
        for number, partition in about.get("partitions", {}).items()
        # -1 while the end or the committed offset is not known; partition -1 is the library's own.
        if partition.get("consumer_lag", -1) >= 0 and int(number) >= 0
    }


class Lags:
    """Shows the lags of one consumer; of partitions that others have, these tell."""

    def __init__(self, group: str, metrics: Metrics) -> None:
        self._group = group
        self._metrics = metrics
        self._shown: set[Place] = set()

    def show(self, lags: Mapping[Place, int], *, pending: int) -> None:
        """Show what the consumer knows now, and nothing of partitions that it lost."""
        for topic, partition in self._shown - lags.keys():
            self._metrics.forget_consumer_lag(self._group, topic, partition)
        for (topic, partition), lag in lags.items():
            self._metrics.set_consumer_lag(self._group, topic, partition, lag)
        self._shown = set(lags)
        self._metrics.set_taken(self._group, pending)
