"""How far behind a consumer group is, out of the library's own statistics."""

from __future__ import annotations

import json

from gateway.events.kafka.lag import Lags, lags_of
from gateway.metrics import Metrics

_STATISTICS = json.dumps(
    {
        "topics": {
            "payments.v1": {
                "partitions": {
                    "0": {"consumer_lag": 5},
                    "1": {"consumer_lag": -1},
                    "-1": {"consumer_lag": 7},
                }
            }
        }
    }
)


def test_only_what_is_known_is_told() -> None:
    """Not the library's own partition, and not one whose end it has not heard of."""
    assert lags_of(_STATISTICS) == {("payments.v1", 0): 5}
    assert lags_of("{}") == {}


def test_a_partition_that_was_lost_is_told_by_its_new_owner() -> None:
    """Otherwise it would be shown twice, and here for ever."""
    metrics = Metrics()
    lags = Lags("orders", metrics)
    lags.show({("t", 0): 5, ("t", 1): 6}, pending=2)
    lags.show({("t", 1): 4}, pending=0)

    told = metrics.exposition().decode()
    assert 'partition="0"' not in told
    assert 'paygate_kafka_consumer_lag{group="orders",partition="1",topic="t"} 4.0' in told
    assert 'paygate_kafka_taken{group="orders"} 0.0' in told
