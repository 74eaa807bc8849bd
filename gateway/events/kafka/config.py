"""From settings to what librdkafka's clients are made with, and what is said of what it refuses."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from confluent_kafka import KafkaException

from gateway.events.kafka.library_log import library_log
from gateway.events.kafka.options import read_options
from gateway.events.kafka.topics import Topics
from gateway.settings import Settings, SettingsError

_PROPERTY: Final = re.compile(r'property:? "([^"]+)"')

_PRODUCER: Final[Mapping[str, Any]] = {
    "enable.idempotence": True,
    "acks": "all",
    # Well below the lease: what the broker did not take in time is put off, not forgotten.
    "message.timeout.ms": 10_000,
}
_CONSUMER: Final[Mapping[str, Any]] = {
    "enable.auto.commit": False,
    "enable.auto.offset.store": False,
    "auto.offset.reset": "earliest",
    "partition.assignment.strategy": "cooperative-sticky",
    # A replica that was killed is missed soon; the library's own default is three times as long.
    "session.timeout.ms": 15_000,
}
_OF_CONSUMERS_ALONE: Final = frozenset(
    {
        "partition.assignment.strategy",
        "group.instance.id",
        "session.timeout.ms",
        "heartbeat.interval.ms",
        "max.poll.interval.ms",
    }
)
_OF_PRODUCERS_ALONE: Final = frozenset(
    {
        "message.timeout.ms",
        "delivery.timeout.ms",
        "linger.ms",
        "queue.buffering.max.ms",
        "batch.size",
        "batch.num.messages",
        "compression.type",
        "compression.codec",
        "compression.level",
    }
)
"""Options that the library would warn of in any client of the other kind."""


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """How this process uses Kafka."""

    bootstrap_servers: str
    topics: Topics
    partitions: int
    replication: int
    """Copies of each partition; -1 leaves it to the brokers."""
    creates_topics: bool
    lease: timedelta
    """How long what was published may take to be done with before it is published again."""
    options: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def admin(self) -> dict[str, Any]:
        """Return the configuration of a client that looks after topics."""
        return {**self._common(), **self._options_but(_OF_CONSUMERS_ALONE | _OF_PRODUCERS_ALONE)}

    def producer(self) -> dict[str, Any]:
        """Return the configuration of a producer."""
        return {**self._common(), **_PRODUCER, **self._options_but(_OF_CONSUMERS_ALONE)}

    def consumer(self, group: str) -> dict[str, Any]:
        """Return the configuration of a consumer in a group."""
        return {
            **self._common(),
            **_CONSUMER,
            "group.id": group,
            **self._options_but(_OF_PRODUCERS_ALONE),
        }

    def _common(self) -> dict[str, Any]:
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "client.id": "paygate",
            # What the library logs goes where all libraries log, and through our redaction.
            "logger": library_log(),
        }

    def _options_but(self, others: AbstractSet[str]) -> dict[str, Any]:
        return {name: value for name, value in self.options.items() if name not in others}


def kafka_config(settings: Settings) -> KafkaConfig:
    """Read the settings of Kafka."""
    return KafkaConfig(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        topics=Topics(settings.kafka_topic_prefix),
        partitions=settings.kafka_partitions,
        replication=settings.kafka_replication,
        creates_topics=settings.kafka_create_topics,
        lease=timedelta(seconds=settings.kafka_lease_s),
        options=read_options(settings.kafka_options),
    )


@contextmanager
def explaining_refusals() -> Iterator[None]:
    """Turn what the library says of a wrong configuration into `SettingsError`, without values."""
    try:
        yield
    except (KafkaException, ValueError, TypeError) as error:
        named = _PROPERTY.search(str(error))
        if named:
            problem = f"the library refuses the option {named[1]}"
            cure = "correct it by librdkafka's list of configuration properties"
        else:
            problem = f"the library makes no client of the options ({type(error).__name__})"
            cure = "see the log line of librdkafka before this one, and check the files they name"
        raise SettingsError([f"PAYGATE_KAFKA_OPTIONS: {problem}: {cure}"]) from None
