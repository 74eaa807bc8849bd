"""Gateways that deliver by Kafka, and what tests look into topics with."""

from __future__ import annotations

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from gateway.bootstrap import Application, Doors, wire
from gateway.domain.payment import Payment
from gateway.events.kafka.consumer import KafkaConsumer, incoming
from gateway.events.kafka.delivery import open_kafka
from gateway.events.kafka.messages import Incoming, Record
from gateway.events.kafka.topics import Topics
from gateway.settings import Settings, load_settings
from gateway.storage.outbox import outbox_depth
from legacy_bridge.port import OrderState
from tests.support.rig import ACCOUNT, Rig

PATIENCE_S = 60.0
PARTITION_UA = -1
"""By the key, as the library's own constant of this name says; it is in no type stub."""
EAGER = {
    # See docs/kafka.md: the tests' broker hands partitions over in this way alone.
    "partition.assignment.strategy": "range",
    "heartbeat.interval.ms": 300,
    "session.timeout.ms": 6000,
    "topic.metadata.refresh.interval.ms": 1000,
}


COOPERATIVE = {
    "partition.assignment.strategy": "cooperative-sticky",
    "max.poll.interval.ms": 6000,
}


async def eventually(condition: Callable[[], Awaitable[bool]]) -> None:
    """Wait until something holds; a test whose wish never comes true fails by it."""
    async with asyncio.timeout(PATIENCE_S):
        while not await condition():  # noqa: ASYNC110 - what it waits for is in other systems
            await asyncio.sleep(0.02)


@dataclass
class Cluster:
    """Brokers, and the topics of one test on them."""

    address: str
    topics: Topics = field(default_factory=lambda: Topics(f"test-{secrets.token_hex(4)}"))

    def settings(self, **changes: Any) -> Settings:
        """Return settings of a gateway that uses these topics."""
        options = {**EAGER, **changes.pop("options", {})}
        given: dict[str, Any] = {
            "delivery": "kafka",
            "kafka_bootstrap_servers": self.address,
            "kafka_topic_prefix": self.topics.prefix,
            "kafka_partitions": 4,
            "kafka_options": json.dumps(options),
            "min_deadline_s": 0.2,
            "worker_poll_interval_s": 0.05,
        }
        return load_settings(**{**given, **changes})

    def exists(self, topic: str) -> bool:
        """Whether there is such a topic."""
        return (
            topic in AdminClient({"bootstrap.servers": self.address}).list_topics(timeout=5).topics
        )

    def read(self, topic: str) -> list[Incoming]:
        """Return all that a topic holds now, by partition."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": "tests"})
        try:
            partitions = consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions
            places = [TopicPartition(topic, each, OFFSET_BEGINNING) for each in partitions]
            wanted = 0
            for place in places:
                low, high = consumer.get_watermark_offsets(place, timeout=PATIENCE_S)
                wanted += high - low
            consumer.assign(places)
            found: list[Incoming] = []
            while len(found) < wanted:
                message = consumer.poll(PATIENCE_S)
                assert message is not None
                assert message.error() is None
                found.append(incoming(message))
        finally:
            consumer.close()
        return sorted(found, key=lambda each: (each.partition, each.offset))

    def write(self, *records: Record | Incoming) -> None:
        """Publish messages, good ones and bad ones; those that were read keep their partition."""
        producer = Producer({"bootstrap.servers": self.address})
        for record in records:
            producer.produce(
                record.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                partition=record.partition if isinstance(record, Incoming) else PARTITION_UA,
            )
        assert producer.flush(PATIENCE_S) == 0

    def committed(self, group: str, topic: str) -> int:
        """Return how many messages of a topic a group is done with."""
        consumer = Consumer({"bootstrap.servers": self.address, "group.id": group})
        try:
            partitions = consumer.list_topics(topic, timeout=PATIENCE_S).topics[topic].partitions
            places = [TopicPartition(topic, each) for each in partitions]
            offsets = [each.offset for each in consumer.committed(places, timeout=PATIENCE_S)]
        finally:
            consumer.close()
        return sum(max(0, offset) for offset in offsets)


def another_application(rig: Rig, settings: Settings, kafka: Any) -> Application:
    """Wire one more gateway process over the rig's database, PSP and back office."""
    doors = Doors(rig.database, rig.office, {ACCOUNT: rig.provider}, rig.now)
    return wire(doors, rig.routing, settings, kafka)


async def released(rig: Rig, *order_ids: str) -> bool:
    """Whether all these orders are released."""
    states = [await rig.order_state(order_id) for order_id in order_ids or ("order-1",)]
    return set(states) == {OrderState.RELEASED}


async def nothing_left(rig: Rig) -> bool:
    """Whether everybody was told of everything."""
    return await outbox_depth(rig.database) == 0


async def pay(rig: Rig, *order_ids: str) -> list[Payment]:
    """Store drafts and pay them, up to the moment at which the PSP has told of it."""
    payments = []
    for order_id in order_ids:
        await rig.draft(order_id)
        created = await rig.create(request_id=order_id, order_id=order_id)
        await rig.confirm(created)
        payments.append(created.payment)
    return payments


@asynccontextmanager
async def gateway(rig: Rig, settings: Settings) -> AsyncIterator[Application]:
    """Run a gateway whose work moves over Kafka, and let it take the rig's webhooks."""
    async with open_kafka(settings) as kafka:
        application = another_application(rig, settings, kafka)
        rig.application = application
        application.workers.start()
        try:
            yield application
        finally:
            await application.workers.stop()


def consumers_of(application: Application) -> list[KafkaConsumer]:
    """Return the consumers of a gateway: of webhooks, then of journal lines."""
    return [job.lanes for job in application.workers.jobs if isinstance(job.lanes, KafkaConsumer)]
