"""Topics are there before anything is published or consumed: created, or missed out loud."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from gateway.events.kafka.config import KafkaConfig, explaining_refusals
from gateway.settings import SettingsError

_log = structlog.get_logger(__name__)
_TIMEOUT_S: Final = 5.0
_PING_S: Final = 1.5
"""Readiness waits for two seconds."""


class BrokersUnreachableError(Exception):
    """No broker answers: this passes, and everything waits in the database meanwhile."""


def check_options(config: KafkaConfig) -> None:
    """Make a client of each kind; raises `SettingsError` if the library takes no such options."""
    with explaining_refusals():
        Producer(config.producer())
        Consumer(config.consumer("paygate-check")).close()


class TopicSetup:
    """Makes sure of the topics once."""

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._is_done = False
        self._lock = asyncio.Lock()
        self._pinging = asyncio.Lock()
        self._pinger: AdminClient | None = None

    async def ensure(self) -> None:
        """Return once all topics are there.

        Raises `BrokersUnreachableError`, and `SettingsError` if they are missing and may not or
        cannot be created.
        """
        async with self._lock:
            if not self._is_done:
                await asyncio.to_thread(self._ensure)
                self._is_done = True

    async def ping(self) -> None:
        """Return if a broker answers; raises `BrokersUnreachableError`.

        One at a time and over one connection, however often it is asked for.
        """
        async with self._pinging:
            await asyncio.to_thread(self._ping)

    def _ping(self) -> None:
        if self._pinger is None:
            self._pinger = AdminClient(self._config.admin())
        try:
            self._pinger.list_topics(timeout=_PING_S)
        except KafkaException as error:
            raise BrokersUnreachableError(
                f"no broker answers at {self._config.bootstrap_servers}: {_text(error)}"
            ) from error

    def _ensure(self) -> None:
        with explaining_refusals():
            admin = AdminClient(self._config.admin())
        missing = self._missing(admin)
        if missing and not self._config.creates_topics:
            raise SettingsError(
                [
                    f"PAYGATE_KAFKA_CREATE_TOPICS: the topic {topic} is missing: "
                    "create it, or let the gateway do so"
                    for topic in missing
                ]
            )
        problems = self._create(admin, missing) if missing else []
        if problems:
            raise SettingsError(problems)

    def _missing(self, admin: AdminClient) -> list[str]:
        topics = self._config.topics
        try:
            present = admin.list_topics(timeout=_TIMEOUT_S).topics
        except KafkaException as error:
            raise BrokersUnreachableError(
                f"no broker answers at {self._config.bootstrap_servers}: {_text(error)}"
            ) from error
        return [name for name in (*topics.sources, *topics.dead_letters) if name not in present]

    def _create(self, admin: AdminClient, missing: Collection[str]) -> list[str]:
        wanted = [
            NewTopic(
                name,
                # Dead letters are few, and read from end to end by a person.
                num_partitions=(
                    1 if name in self._config.topics.dead_letters else self._config.partitions
                ),
                replication_factor=self._config.replication,
            )
            for name in missing
        ]
        problems = []
        for name, created in admin.create_topics(wanted, request_timeout=_TIMEOUT_S).items():
            try:
                created.result()
            except KafkaException as error:
                # Another replica that starts at the same time may have been first.
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    problems.append(
                        f"PAYGATE_KAFKA_CREATE_TOPICS: the topic {name} is missing, and the "
                        f"brokers do not create it: {_text(error)}: create it, or check "
                        "PAYGATE_KAFKA_PARTITIONS and PAYGATE_KAFKA_REPLICATION"
                    )
            else:
                _log.info("kafka_topic_created", topic=name)
        return problems


def _text(error: KafkaException) -> str:
    return str(error.args[0].str())
