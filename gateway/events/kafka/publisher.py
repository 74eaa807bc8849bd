"""The producer: messages go out in order, and each is answered for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from threading import Thread
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from gateway.events.kafka.config import KafkaConfig, explaining_refusals
from gateway.events.kafka.library_log import log_error
from gateway.events.kafka.messages import Record

_log = structlog.get_logger(__name__)
_POLL_S: Final = 0.2
_LAST_FLUSH_S: Final = 5.0


class Publisher:
    """Publishes for one process. The library's asyncio producer takes no headers, so this does.

    A thread carries the library's reports to the event loop. After a fatal error of the idempotent
    producer a new one is made: what was not acknowledged is published again by its caller.
    """

    def __init__(self, config: KafkaConfig) -> None:
        self._config = config
        self._running: _RunningProducer | None = None

    async def publish(self, records: Sequence[Record]) -> list[str]:
        """Send messages; for each, empty once every replica in sync has it, or what went wrong.

        Messages of one key keep their order.
        """
        running = await self._producer()
        return list(await asyncio.gather(*(running.send(record) for record in records)))

    async def close(self) -> None:
        """Send what is still to be sent, within a few seconds, and end."""
        if self._running is not None:
            running, self._running = self._running, None
            await running.close()

    async def _producer(self) -> _RunningProducer:
        if self._running is not None and self._running.fatal:
            _log.error("kafka_producer_replaced", error=self._running.fatal)
            await self.close()
        if self._running is None:
            self._running = _RunningProducer(self._config)
        return self._running


class _RunningProducer:
    """One producer of the library, with the thread that polls it."""

    def __init__(self, config: KafkaConfig) -> None:
        self.fatal = ""
        self._loop = asyncio.get_running_loop()
        with explaining_refusals():
            self._producer = Producer({**config.producer(), "error_cb": self._report})
        self._ending = False
        self._thread = Thread(target=self._poll, name="kafka-producer", daemon=True)
        self._thread.start()

    def send(self, record: Record) -> asyncio.Future[str]:
        answer: asyncio.Future[str] = self._loop.create_future()

        def reported(error: KafkaError | None, _message: Message) -> None:
            self._loop.call_soon_threadsafe(_answer, answer, "" if error is None else str(error))

        try:
            self._producer.produce(
                record.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                on_delivery=reported,
            )
        except (BufferError, KafkaException) as error:
            answer.set_result(f"not sent: {error}")
        return answer

    async def close(self) -> None:
        left = await asyncio.to_thread(self._producer.flush, _LAST_FLUSH_S)
        if left:
            _log.warning("kafka_messages_given_up", messages=left)
            self._producer.purge()
        self._ending = True
        await asyncio.to_thread(self._thread.join)
        await asyncio.to_thread(self._producer.flush, 0)  # reports what was given up

    def _poll(self) -> None:
        while not self._ending:
            try:
                self._producer.poll(_POLL_S)
            except KafkaException as error:
                # A fatal error is raised here too. What waits is still to be reported as failed.
                self.fatal = self.fatal or str(error)
                time.sleep(_POLL_S)

    def _report(self, error: KafkaError) -> None:
        if error.fatal():
            self.fatal = str(error)
        log_error("producer", error)


def _answer(answer: asyncio.Future[str], error: str) -> None:
    if not answer.done():
        answer.set_result(error)
