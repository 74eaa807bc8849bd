"""A consumer: takes messages, has them handled, and commits what is durably done."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka.aio import AIOConsumer

from gateway.clock import Clock
from gateway.events.kafka.burial import Burial
from gateway.events.kafka.config import KafkaConfig, explaining_refusals
from gateway.events.kafka.handlers import Handler
from gateway.events.kafka.keyed import KeyedWork
from gateway.events.kafka.lag import STATISTICS, Lags, lags_of
from gateway.events.kafka.library_log import log_error
from gateway.events.kafka.messages import Incoming, Named
from gateway.events.kafka.offsets import OffsetTracker, Ticket
from gateway.events.kafka.poison import PoisonError
from gateway.events.kafka.setup import BrokersUnreachableError, TopicSetup
from gateway.signals import Wake
from gateway.steps import StepObserver, ignore_step, job_step
from gateway.storage.writes import StorageUnavailableError

_log = structlog.get_logger(__name__)
_POLL_S: Final = 0.25
_BATCH: Final = 200
_AT_ONCE: Final = 16
"""Keys that are worked at at the same time, of the payments of one account."""
_MOST_PENDING: Final = 1000
"""More are not taken until half of them are done with."""
_HANDOVER_S: Final = 5.0
"""How long a partition that goes to another replica waits for what is under way."""
_CLOSE_S: Final = 15.0
_PAUSE_AFTER_FAULT_S: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Task:
    """A message to be handled."""

    message: Incoming
    row: Named
    ticket: Ticket


class KafkaConsumer:
    """One member of a consumer group, as a job of the workers.

    Every message ends done: handled, passed over, or buried; only then is its offset committed.
    """

    def __init__(
        self,
        config: KafkaConfig,
        handler: Handler,
        burial: Burial,
        setup: TopicSetup,
        clock: Clock,
        most_pending: int = _MOST_PENDING,
        lags: Lags | None = None,
    ) -> None:
        self._config = config
        self._handler = handler
        self._burial = burial
        self._setup = setup
        self._clock = clock
        self._most_pending = most_pending
        self._lags = lags
        self._tracker = OffsetTracker()
        self._work = KeyedWork[_Task](_AT_ONCE, self._carry_out)
        self._burying: set[asyncio.Task[None]] = set()
        self._consumer: AIOConsumer | None = None
        self._is_paused = False
        self._has_new_partitions = False
        self._assigned: set[int] = set()
        self.wake = Wake()
        self.observe: StepObserver = ignore_step

    @property
    def pending(self) -> int:
        """How many messages were taken and are not done with, or are behind one that is not."""
        return self._tracker.pending

    @property
    def assigned(self) -> frozenset[int]:
        """The partitions that are this consumer's now."""
        return frozenset(self._assigned)

    async def run_once(self) -> int:
        """Take what has come, commit what is done; the number of messages that were taken."""
        try:
            await self._setup.ensure()
        except BrokersUnreachableError as error:
            _log.warning("kafka_unreachable", topic=self._handler.source.topic, error=str(error))
            return 0
        consumer = await self._opened()
        await self._hold_or_go_on(consumer)
        messages = await self._taken(consumer)
        for message in messages:
            self._begin(message)
        await self._commit(consumer, self._tracker.take_committable(), asynchronous=True)
        # Polling is how it waits: the next poll may follow at once.
        self.wake.set()
        return len(messages)

    async def join(self) -> None:
        """Wait until nothing is under way, and commit."""
        await self._work.join()
        if self._burying:
            await asyncio.wait(self._burying)
        if self._consumer is not None:
            await self._commit(self._consumer, self._tracker.take_committable(), asynchronous=False)

    async def stop(self) -> None:
        """Leave the group: what is under way is in the database, and is taken on again."""
        await self._work.stop()
        for task in self._burying:
            task.cancel()
        await asyncio.gather(*self._burying, return_exceptions=True)
        consumer, self._consumer = self._consumer, None
        if consumer is None:
            return
        try:
            async with asyncio.timeout(_CLOSE_S):
                # Hands the partitions over, see `_revoked`, which commits.
                await consumer.close()
        except (KafkaException, TimeoutError) as error:
            _log.warning("kafka_consumer_not_closed", error=f"{type(error).__name__}: {error}")

    # ------------------------------------------------------------ taking

    async def _opened(self) -> AIOConsumer:
        if self._consumer is None:
            source = self._handler.source
            configuration = {
                **self._config.consumer(source.group),
                "error_cb": self._report,
                "on_commit": self._committed,
            }
            if self._lags is not None:
                configuration = {**STATISTICS, **configuration, "stats_cb": self._measured}
            with explaining_refusals():
                consumer = AIOConsumer(configuration, max_workers=4)
            try:
                await consumer.subscribe(
                    [source.topic],
                    on_assign=self._took_over,
                    on_revoke=self._revoked,
                    on_lost=self._lost,
                )
            except BaseException:
                # One that reads nothing would be polled for ever: the next round makes another.
                await consumer.close()
                raise
            self._consumer = consumer
        return self._consumer

    async def _taken(self, consumer: AIOConsumer) -> list[Message]:
        # `consume` alone waits until its batch is full: a single message would be late.
        first: Message | None = await consumer.poll(_POLL_S)
        if first is None:
            return []
        room = max(self._most_pending - self._tracker.pending, 1)
        more: list[Message] = await consumer.consume(min(_BATCH, room), 0)
        return [message for message in (first, *more) if self._is_good(message)]

    def _is_good(self, message: Message) -> bool:
        error = message.error()
        if error is None:
            return True
        log_error("consumer", error)
        return False

    def _begin(self, message: Message) -> None:
        taken = incoming(message)
        ticket = self._tracker.received(taken.partition, taken.offset)
        try:
            row = self._handler.read(taken)
        except PoisonError as poison:
            self._bury(taken, poison, ticket)
            return
        if row is None:
            self._tracker.done(ticket)
            return
        key = (taken.key or b"").decode("utf-8", errors="replace")
        self._work.add(row.account, f"{row.account}:{key}", _Task(taken, row, ticket))

    async def _hold_or_go_on(self, consumer: AIOConsumer) -> None:
        """Take no more while too much is under way; the group still hears from this member."""
        pending, most = self._tracker.pending, self._most_pending
        holds = pending >= most or (self._is_paused and pending > most // 2)
        if holds and (not self._is_paused or self._has_new_partitions):
            await consumer.pause(await consumer.assignment())
        elif self._is_paused and not holds:
            await consumer.resume(await consumer.assignment())
        self._is_paused, self._has_new_partitions = holds, False

    # ------------------------------------------------------------ handling

    async def _carry_out(self, tasks: Sequence[_Task]) -> None:
        """Handle the messages of one key; raises nothing."""
        try:
            rows = [task.row for task in tasks]
            with job_step(
                self._handler.source.group,
                rows[0].row_id,
                trace=rows[0].trace_context,
                observe=self.observe,
                road=rows[0].account,
            ):
                absent = await self._handle(rows)
        except Exception:  # noqa: BLE001 - the outermost edge: its row is published again when its lease ends
            _log.exception("kafka_message_failed", rows=[task.row.row_id for task in tasks])
            absent = {}
        for task in tasks:
            if task.row.row_id in absent:
                self._bury(task.message, absent[task.row.row_id], task.ticket)
            else:
                self._tracker.done(task.ticket)

    async def _handle(self, rows: Sequence[Named]) -> Mapping[str, PoisonError]:
        while True:
            try:
                return await self._handler.handle(rows)
            except StorageUnavailableError as error:
                # Nothing can be read or put off: no other message would fare better.
                _log.warning("storage_unavailable", job="kafka consumer", error=str(error))
                await asyncio.sleep(_PAUSE_AFTER_FAULT_S)

    def _bury(self, message: Incoming, poison: PoisonError, ticket: Ticket) -> None:
        async def bury() -> None:
            await self._burial.bury(message, poison, self._clock())
            self._tracker.done(ticket)

        task = asyncio.create_task(bury(), name=f"bury:{message.topic}:{message.offset}")
        self._burying.add(task)
        task.add_done_callback(self._burying.discard)

    # ------------------------------------------------------------ offsets

    async def _commit(
        self, consumer: AIOConsumer, offsets: Mapping[int, int], *, asynchronous: bool
    ) -> None:
        if not offsets:
            return
        topic = self._handler.source.topic
        places = [TopicPartition(topic, number, offset) for number, offset in offsets.items()]
        try:
            await consumer.commit(offsets=places, asynchronous=asynchronous)
        except KafkaException as error:
            # What is not committed comes again, to whoever has the partition then.
            _log.warning("kafka_not_committed", topic=topic, error=str(error.args[0]))

    async def _took_over(self, _consumer: Any, partitions: Iterable[TopicPartition]) -> None:  # noqa: ANN401 - the library's own
        numbers = {each.partition for each in partitions}
        self._assigned |= numbers
        self._has_new_partitions = True
        self._log_partitions("kafka_partitions_assigned", numbers)

    async def _revoked(self, consumer: Any, partitions: Iterable[TopicPartition]) -> None:  # noqa: ANN401 - as above
        """Hand partitions over: end what was begun, commit, leave the rest to the next owner."""
        numbers = {each.partition for each in partitions}
        self._work.drop(lambda task: task.ticket.partition in numbers)
        under_way = self._work.tasks_at(lambda task: task.ticket.partition in numbers)
        if under_way:
            await asyncio.wait(under_way, timeout=_HANDOVER_S)
        await self._commit(consumer, self._tracker.positions(numbers), asynchronous=False)
        self._forget(numbers)
        self._log_partitions("kafka_partitions_revoked", numbers)

    async def _lost(self, _consumer: Any, partitions: Iterable[TopicPartition]) -> None:  # noqa: ANN401 - as above
        """Somebody else has these partitions already: commit nothing."""
        numbers = {each.partition for each in partitions}
        self._work.drop(lambda task: task.ticket.partition in numbers)
        self._forget(numbers)
        self._log_partitions("kafka_partitions_lost", numbers)

    def _forget(self, numbers: Collection[int]) -> None:
        self._assigned -= set(numbers)
        self._tracker.forget(numbers)

    # ------------------------------------------------------------ telling

    async def _report(self, error: KafkaError) -> None:
        log_error("consumer", error)

    async def _measured(self, statistics: str) -> None:
        if self._lags is not None:
            self._lags.show(lags_of(statistics), pending=self.pending)

    async def _committed(self, error: KafkaError | None, _places: object) -> None:
        if error is not None:
            _log.warning("kafka_not_committed", error=error.str())

    def _log_partitions(self, event: str, numbers: Collection[int]) -> None:
        _log.info(event, topic=self._handler.source.topic, partitions=sorted(numbers))


def incoming(message: Message) -> Incoming:
    """Return a message of the library as a value."""
    # What was consumed has its headers as pairs of bytes; the other types are for producing.
    pairs = cast("list[tuple[str, bytes | None]]", message.headers() or [])
    return Incoming(
        topic=message.topic() or "",
        partition=message.partition() or 0,
        offset=message.offset() or 0,
        key=message.key(),
        value=message.value(),
        headers=tuple(pairs),
    )
