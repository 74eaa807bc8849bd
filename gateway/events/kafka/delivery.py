"""Kafka delivery as one thing: the relays and consumers of a process, opened and closed."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import structlog

from gateway.events.kafka.burial import Burial
from gateway.events.kafka.config import KafkaConfig, kafka_config
from gateway.events.kafka.consumer import KafkaConsumer
from gateway.events.kafka.handlers import DecidingLineHandler, Handler, PspEventHandler
from gateway.events.kafka.lag import Lags
from gateway.events.kafka.neighbours import Neighbours
from gateway.events.kafka.publisher import Publisher
from gateway.events.kafka.relay import Relay, Shelf
from gateway.events.kafka.setup import BrokersUnreachableError, TopicSetup, check_options
from gateway.events.kafka.shelves import InboxShelf, OutboxShelf
from gateway.lanes import Lanes
from gateway.settings import Settings
from gateway.signals import Wake
from gateway.workers import Job

R = TypeVar("R")
_log = structlog.get_logger(__name__)
_GATHERS_S: Final = 0.02
"""A round of a relay costs three trips to the database, however few lines it takes."""


class KafkaDelivery:
    """Builds the jobs that take the place of the local ones."""

    def __init__(self, config: KafkaConfig, publisher: Publisher, setup: TopicSetup) -> None:
        self._config = config
        self._publisher = publisher
        self._setup = setup

    async def ping(self) -> None:
        """Return if a broker answers; raises `BrokersUnreachableError`."""
        await self._setup.ping()

    def jobs(self, among: Neighbours) -> list[Job]:
        """Return the jobs of one process; nothing is connected yet."""
        topics, database = self._config.topics, among.database
        return [
            self._relay(among, InboxShelf(database, topics), among.arrivals),
            self._relay(among, OutboxShelf(database, topics), among.deliveries),
            self._consumer(among, PspEventHandler(topics, database, among.applier)),
            self._consumer(among, DecidingLineHandler(topics, database, among.delivery)),
        ]

    def _relay(self, among: Neighbours, shelf: Shelf[R], wake: Wake) -> Job:
        relay = Relay(
            shelf,
            among.database,
            among.accounts,
            self._publisher,
            self._setup,
            among.clock,
            self._config.lease,
        )
        relay.count = among.metrics.count_published
        name = f"{shelf.name} relay"
        return Job(name, relay.run_once, wake, Lanes(name, 1, wake), gathers_s=_GATHERS_S)

    def _consumer(self, among: Neighbours, handler: Handler) -> Job:
        consumer = KafkaConsumer(
            self._config,
            handler,
            Burial(self._publisher),
            self._setup,
            among.clock,
            lags=Lags(handler.source.group, among.metrics),
        )
        return Job(handler.source.group, consumer.run_once, consumer.wake, consumer)


@asynccontextmanager
async def open_kafka(settings: Settings) -> AsyncIterator[KafkaDelivery]:
    """Check the topics, and close the producer at the end.

    Raises `SettingsError` if the library takes no such options, or if topics are missing that may
    not, or cannot, be created. Brokers that do not answer yet are waited for by the jobs: payments
    go on meanwhile.
    """
    config = kafka_config(settings)
    await asyncio.to_thread(check_options, config)
    setup = TopicSetup(config)
    try:
        await setup.ensure()
    except BrokersUnreachableError as error:
        _log.error("kafka_unreachable_at_start", error=str(error))
    publisher = Publisher(config)
    try:
        yield KafkaDelivery(config, publisher, setup)
    finally:
        await publisher.close()
