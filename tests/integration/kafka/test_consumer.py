"""A consumer and nothing around it: order, bounds, and what it commits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from gateway.clock import system_clock
from gateway.events.kafka.burial import Burial
from gateway.events.kafka.config import kafka_config
from gateway.events.kafka.consumer import KafkaConsumer
from gateway.events.kafka.handlers import Absent, Source
from gateway.events.kafka.messages import Incoming, Named, Record
from gateway.events.kafka.publisher import Publisher
from gateway.events.kafka.setup import TopicSetup
from gateway.storage.writes import StorageUnavailableError
from gateway.traces import current_trace
from gateway.workers import Job, Workers
from tests.integration.kafka.playing import Cluster, eventually

_MOST_PENDING = 8
_TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class NotingHandler:
    """Takes every message for a row, and notes which ones it was given."""

    def __init__(self, cluster: Cluster) -> None:
        self.source = Source(cluster.topics.payments, cluster.topics.orders_group)
        self.handled: list[Named] = []
        self.failures: list[Exception] = []
        self.go_on = asyncio.Event()
        self.traces: set[str] = set()
        self.go_on.set()

    def read(self, message: Incoming) -> Named:
        key, value = (message.key or b"").decode(), (message.value or b"").decode()
        return Named("stripe_eu", value, key, 0, _TRACE)

    async def handle(self, rows: Sequence[Named]) -> Absent:
        await self.go_on.wait()
        if self.failures:
            raise self.failures.pop()
        self.handled += rows
        self.traces.add(current_trace())
        return {}


@asynccontextmanager
async def _consuming(cluster: Cluster, handler: NotingHandler) -> AsyncIterator[KafkaConsumer]:
    config = kafka_config(cluster.settings())
    publisher, setup = Publisher(config), TopicSetup(config)
    consumer = KafkaConsumer(
        config, handler, Burial(publisher), setup, system_clock, most_pending=_MOST_PENDING
    )
    workers = Workers([Job("consumer", consumer.run_once, consumer.wake, consumer)], 0.05)
    await setup.ensure()
    workers.start()
    try:
        yield consumer
    finally:
        await workers.stop()
        await publisher.close()


def _messages(cluster: Cluster, number: int) -> list[Record]:
    return [
        Record(cluster.topics.payments, b"order-%d" % (each % 5), b"%d" % each, ())
        for each in range(number)
    ]


async def test_a_key_keeps_its_order(cluster: Cluster) -> None:
    """Whatever else is worked at beside it."""
    handler = NotingHandler(cluster)
    async with _consuming(cluster, handler):
        cluster.write(*_messages(cluster, 50))
        await eventually(lambda: _has(handler, 50))

    for key in range(5):
        of_key = [int(each.row_id) for each in handler.handled if each.order_id == f"order-{key}"]
        assert of_key == list(range(key, 50, 5))
    assert cluster.committed(handler.source.group, handler.source.topic) == 50
    assert handler.traces == {_TRACE}


async def test_no_more_is_taken_than_is_worked_off(cluster: Cluster) -> None:
    """A handler that hangs leaves the rest to the brokers, and goes on where it was."""
    handler = NotingHandler(cluster)
    handler.go_on.clear()
    async with _consuming(cluster, handler) as consumer:
        cluster.write(*_messages(cluster, 50))
        await eventually(lambda: _holds(consumer, _MOST_PENDING))
        for _ in range(3):
            await consumer.run_once()
        # One more may come with each poll before the pause is in force.
        assert consumer.pending <= _MOST_PENDING + 2
        assert cluster.committed(handler.source.group, handler.source.topic) == 0

        handler.go_on.set()
        await eventually(lambda: _has(handler, 50))

    assert sorted(int(each.row_id) for each in handler.handled) == list(range(50))
    assert cluster.committed(handler.source.group, handler.source.topic) == 50


async def test_a_database_that_is_down_is_waited_for(cluster: Cluster) -> None:
    """Its message is tried again, and not done with before."""
    handler = NotingHandler(cluster)
    handler.failures.append(StorageUnavailableError("it is down"))
    async with _consuming(cluster, handler):
        cluster.write(*_messages(cluster, 1))
        await eventually(lambda: _has(handler, 1))

    assert cluster.committed(handler.source.group, handler.source.topic) == 1


async def test_a_fault_of_ours_holds_up_nobody(cluster: Cluster) -> None:
    """Its row is published again when its lease ends: the consumer goes on."""
    handler = NotingHandler(cluster)
    handler.failures.append(RuntimeError("a bug"))
    async with _consuming(cluster, handler):
        cluster.write(*_messages(cluster, 2))
        await eventually(lambda: _has(handler, 1))

    assert cluster.committed(handler.source.group, handler.source.topic) == 2


async def _has(handler: NotingHandler, number: int) -> bool:
    return len(handler.handled) >= number


async def _holds(consumer: KafkaConsumer, number: int) -> bool:
    return consumer.pending >= number
