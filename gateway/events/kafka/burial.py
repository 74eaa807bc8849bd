"""Setting poison aside, where it holds up nobody and waits for a person."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Final

import structlog

from gateway.events.kafka.dead_letters import dead_letter
from gateway.events.kafka.messages import Incoming
from gateway.events.kafka.poison import PoisonError
from gateway.events.kafka.publisher import Publisher

_log = structlog.get_logger(__name__)
_PAUSE_S: Final = 1.0


class Burial:
    """Moves messages to the topic of dead letters beside theirs."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def bury(self, message: Incoming, poison: PoisonError, now: datetime) -> None:
        """Return once the message is durable there; until then it is not done with."""
        letter = dead_letter(message, poison, now)
        while True:
            (problem,) = await self._publisher.publish([letter])
            if not problem:
                break
            _log.warning("kafka_not_buried", topic=letter.topic, error=problem)
            await asyncio.sleep(_PAUSE_S)
        _log.error(
            "kafka_message_buried",
            topic=message.topic,
            partition=message.partition,
            offset=message.offset,
            reason=poison.reason,
            detail=poison.detail,
        )
