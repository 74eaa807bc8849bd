"""Dead letters: a message beside the reason why nobody could apply it, and the way back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.events.kafka.headers import time_text
from gateway.events.kafka.messages import Incoming, Record
from gateway.events.kafka.poison import PoisonError
from gateway.events.kafka.topics import dead_letters_of, source_of

_MARK: Final = "dlq_"
_REASON: Final = "dlq_reason"
_DETAIL: Final = "dlq_detail"
_TOPIC: Final = "dlq_topic"
_PARTITION: Final = "dlq_partition"
_OFFSET: Final = "dlq_offset"
_TIME: Final = "dlq_time"
_REPLAY_OF: Final = "paygate_replay_of"


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message in a topic of dead letters, as an operator sees it."""

    topic: str
    """Where it was meant to be read."""
    partition: int
    """Of the topic of dead letters, and so is the offset."""
    offset: int
    key: str
    reason: str
    detail: str
    time: str
    origin: str
    """Topic, partition and offset at which it was found."""
    event_id: str


def dead_letter(message: Incoming, poison: PoisonError, now: datetime) -> Record:
    """Write a message to its topic of dead letters: as it came, with what is wrong beside it."""
    marks = {
        _REASON: poison.reason.value,
        _DETAIL: poison.detail,
        _TOPIC: message.topic,
        _PARTITION: str(message.partition),
        _OFFSET: str(message.offset),
        _TIME: time_text(now),
    }
    return Record(
        dead_letters_of(message.topic),
        message.key or b"",
        message.value or b"",
        (
            *_unmarked(message),
            *((name, value.encode()) for name, value in marks.items()),
        ),
    )


def describe(message: Incoming) -> DeadLetter:
    """Return what a topic of dead letters says of a message."""
    named = {name: _text(value) for name, value in message.headers}
    places = (named.get(name, "?") for name in (_TOPIC, _PARTITION, _OFFSET))
    return DeadLetter(
        topic=source_of(message.topic),
        partition=message.partition,
        offset=message.offset,
        key=_text(message.key),
        reason=named.get(_REASON, "unknown"),
        detail=named.get(_DETAIL, ""),
        time=named.get(_TIME, ""),
        origin="/".join(places),
        event_id=named.get("ce_id", ""),
    )


def replayed(message: Incoming) -> Record:
    """Write a dead letter to the topic it was meant for, as it first came."""
    place = f"{message.topic}/{message.partition}/{message.offset}"
    return Record(
        source_of(message.topic),
        message.key or b"",
        message.value or b"",
        (*_unmarked(message), (_REPLAY_OF, place.encode())),
    )


def _unmarked(message: Incoming) -> tuple[tuple[str, bytes], ...]:
    return tuple(
        (name, value or b"")
        for name, value in message.headers
        if not name.startswith(_MARK) and name != _REPLAY_OF
    )


def _text(value: bytes | None) -> str:
    return (value or b"").decode("utf-8", errors="replace")
