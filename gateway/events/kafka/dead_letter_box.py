"""The topics of dead letters as a command sees them: what waits there, and its way back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Final, TypeVar

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition

from gateway.events.kafka.config import KafkaConfig, explaining_refusals
from gateway.events.kafka.consumer import incoming
from gateway.events.kafka.dead_letters import DeadLetter, describe, replayed
from gateway.events.kafka.errors import DeadLetterBoxError
from gateway.events.kafka.messages import Incoming
from gateway.events.kafka.replay_marks import ReplayMarks, read_marks
from gateway.events.kafka.topics import dead_letters_of

T = TypeVar("T")
_TIMEOUT_S: Final = 15.0


class DeadLetterBox:
    """Dead letters of one installation. Which ones were replayed is kept as a group's offsets."""

    def __init__(self, consumer: Consumer, producer: Producer, config: KafkaConfig) -> None:
        self._consumer = consumer
        self._producer = producer
        self._topics = config.topics

    def waiting(self, topics: Sequence[str]) -> Iterator[DeadLetter]:
        """Return what was buried from these topics and not replayed yet, the oldest first.

        Raises `DeadLetterBoxError`.
        """
        for topic in topics:
            for message, marks in self._messages(topic):
                if not marks.has(message.offset):
                    yield describe(message)

    def replay(self, topic: str, place: tuple[int, int] | None) -> Iterator[DeadLetter]:
        """Publish dead letters to their topic again, each once: all, or the one at a place.

        A place is a partition of the topic of dead letters, and an offset.

        One that is not there, or was replayed, is passed over. Raises `DeadLetterBoxError`; what
        was returned until then is replayed.
        """
        marks: dict[int, ReplayMarks] = {}
        for message, found in self._messages(topic):
            mine = marks.setdefault(message.partition, found)
            if mine.has(message.offset) or place not in {None, _place(message)}:
                continue
            later = mine.with_replayed(message.offset)
            # Published first: a crash in between replays it twice, and the handlers do not mind.
            self._publish(message)
            self._mark(message, later)
            marks[message.partition] = later
            yield describe(message)

    def _messages(self, topic: str) -> Iterator[tuple[Incoming, ReplayMarks]]:
        """Read a topic of dead letters from end to end, as it is now."""
        name = dead_letters_of(topic)
        for number in self._partitions(name):
            place = TopicPartition(name, number)
            low, high = self._asked(
                partial(self._consumer.get_watermark_offsets, place, timeout=_TIMEOUT_S)
            )
            (kept,) = self._asked(partial(self._consumer.committed, [place], timeout=_TIMEOUT_S))
            marks = read_marks(kept.offset, kept.metadata or "").moved_to(low)
            self._consumer.assign([TopicPartition(name, number, low)])
            next_offset = low
            while next_offset < high:
                message = self._asked(lambda: self._consumer.poll(_TIMEOUT_S))
                if message is None or message.error() is not None:
                    raise DeadLetterBoxError(
                        f"{name} cannot be read beyond offset {next_offset}: try again, and look "
                        "at the brokers"
                    )
                letter = incoming(message)
                next_offset = letter.offset + 1
                yield letter, marks

    def _partitions(self, name: str) -> list[int]:
        known = self._asked(lambda: self._consumer.list_topics(name, timeout=_TIMEOUT_S)).topics
        partitions = sorted(known[name].partitions) if name in known else []
        if not partitions:
            raise DeadLetterBoxError(
                f"there is no topic {name}: check PAYGATE_KAFKA_TOPIC_PREFIX, or start a worker, "
                "which creates it"
            )
        return partitions

    def _publish(self, message: Incoming) -> None:
        problems: list[str] = []
        record = replayed(message)

        def reported(error: KafkaError | None, _message: object) -> None:
            if error is not None:
                problems.append(str(error))

        self._producer.produce(
            record.topic,
            value=record.value,
            key=record.key,
            headers=list(record.headers),
            on_delivery=reported,
        )
        if self._producer.flush(_TIMEOUT_S) or problems:
            why = problems[0] if problems else "no broker answers"
            raise DeadLetterBoxError(f"{record.topic} did not take a message: {why}")

    def _mark(self, message: Incoming, marks: ReplayMarks) -> None:
        try:
            text = marks.text()
        except ValueError as error:
            raise DeadLetterBoxError(f"{message.topic}: {error}") from error
        place = TopicPartition(message.topic, message.partition, marks.position, text)
        self._asked(lambda: self._consumer.commit(offsets=[place], asynchronous=False))

    def _asked(self, question: Callable[[], T]) -> T:
        try:
            return question()
        except KafkaException as error:
            raise DeadLetterBoxError(
                f"the brokers do not answer: {error.args[0].str()}: see "
                "PAYGATE_KAFKA_BOOTSTRAP_SERVERS and PAYGATE_KAFKA_OPTIONS"
            ) from error


def _place(message: Incoming) -> tuple[int, int]:
    return message.partition, message.offset


@contextmanager
def open_dead_letter_box(config: KafkaConfig) -> Iterator[DeadLetterBox]:
    """Connect to the brokers, and disconnect at the end."""
    with explaining_refusals():
        consumer = Consumer(config.consumer(config.topics.replays_group))
    try:
        with explaining_refusals():
            producer = Producer(config.producer())
        yield DeadLetterBox(consumer, producer, config)
    finally:
        consumer.close()
