"""How far behind consumers are, as their library tells it of a real broker."""

from __future__ import annotations

from tests.integration.kafka.playing import (
    Cluster,
    eventually,
    gateway,
    nothing_left,
    pay,
    released,
)
from tests.support.rig import Rig


async def test_who_caught_up_is_nowhere_behind(rig: Rig, cluster: Cluster) -> None:
    """Each partition that has committed something tells its lag, and it comes to nothing."""
    settings = cluster.settings(options={"statistics.interval.ms": 100})
    topics = cluster.topics
    async with gateway(rig, settings) as application:
        await pay(rig, "order-1")
        await eventually(lambda: released(rig))
        await eventually(lambda: nothing_left(rig))

        async def shown() -> bool:
            samples = [
                line.rpartition(" ")
                for line in application.doors.metrics.exposition().decode().splitlines()
                if line.startswith("paygate_kafka_consumer_lag{")
            ]
            of_payments = [each for each in samples if f'topic="{topics.payments}"' in each[0]]
            return bool(of_payments) and all(float(value) == 0 for _, _, value in samples)

        await eventually(shown)
        told = application.doors.metrics.exposition().decode()

    assert f'paygate_kafka_taken{{group="{topics.orders_group}"}} 0.0' in told
    assert 'paygate_kafka_published_total{outcome="published",relay="outbox"}' in told
