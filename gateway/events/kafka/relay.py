"""Relays: what is due in the database is published, and due again if nobody deals with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Generic, Protocol, TypeVar

import structlog

from gateway.clock import Clock
from gateway.domain.pauses import Pauses
from gateway.events.kafka.messages import Record
from gateway.events.kafka.setup import BrokersUnreachableError
from gateway.leases import unbroken
from gateway.steps import job_step
from gateway.storage.database import Database
from gateway.storage.writes import Write

R = TypeVar("R")
_log = structlog.get_logger(__name__)
_BATCH: Final = 200
_PAUSES: Final = Pauses(first=timedelta(milliseconds=250), longest=timedelta(seconds=10))
"""Between two tries to reach brokers that do not take what is due."""


class Publishing(Protocol):
    """Sends messages; for each, empty once it is durable, or what went wrong."""

    async def publish(self, records: Sequence[Record]) -> list[str]:
        """See the class."""


class Setup(Protocol):
    """Makes sure of the topics."""

    async def ensure(self) -> None:
        """Return once they are there; raises `BrokersUnreachableError`."""


@dataclass(frozen=True, slots=True)
class Lease:
    """The time for which rows are taken; whoever claimed them knows its end."""

    now: datetime
    until: datetime


class Shelf(Protocol[R]):
    """One table of rows that are due: how they are claimed, written and let go."""

    name: str

    async def claim(self, account: str, lease: Lease, limit: int) -> Sequence[R]:
        """Take what is due of an account's payments."""

    async def records(self, account: str, rows: Sequence[R]) -> Sequence[Record]:
        """Write each row as a message."""

    def published(self, rows: Sequence[R]) -> Sequence[Write]:
        """Return what is to be written once messages are durable, if not by their consumers."""

    def postponed(self, row: R, lease: Lease, until: datetime) -> Write:
        """Have a row due again at a time, unless the lease is over. No attempt is counted."""


Count = Callable[[str, str, int], None]
"""Told of each batch: the shelf's name, `published` or `failed`, how many."""


def _count_nothing(_shelf: str, _outcome: str, _count: int) -> None:
    """Count nothing."""


class Relay(Generic[R]):
    """Publishes the rows of one shelf.

    A claimed row stays where it is: its lease is the time that its consumer has. If the message or
    the consumer is lost, the lease ends, and the row is published again.
    """

    def __init__(
        self,
        shelf: Shelf[R],
        database: Database,
        accounts: Iterable[str],
        publisher: Publishing,
        setup: Setup,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        self._shelf = shelf
        self._database = database
        self._accounts = accounts
        self._publisher = publisher
        self._setup = setup
        self._clock = clock
        self._lease = lease
        self._failures = 0
        self.count: Count = _count_nothing

    async def run_once(self) -> int:
        """Publish what is due; the number of rows that left, 0 if the brokers took nothing."""
        try:
            await self._setup.ensure()
        except BrokersUnreachableError as error:
            _log.warning("kafka_unreachable", relay=self._shelf.name, error=str(error))
            return 0
        # What is claimed is published and settled, also by a process that is told to end.
        return sum([await unbroken(self._relay(account)) for account in self._accounts])

    async def _relay(self, account: str) -> int:
        now = self._clock()
        lease = Lease(now, now + self._lease)
        rows = await self._shelf.claim(account, lease, _BATCH)
        if not rows:
            return 0
        with job_step(f"{self._shelf.name} relay", account, road=account, rows=len(rows)) as line:
            taken = await self._publish(account, rows, lease)
            if taken < len(rows):
                line.facts.update(outcome="put_off", taken=taken)
        return taken

    async def _publish(self, account: str, rows: Sequence[R], lease: Lease) -> int:
        problems = await self._publisher.publish(await self._shelf.records(account, rows))
        failed = [row for row, problem in zip(rows, problems, strict=True) if problem]
        taken = [row for row, problem in zip(rows, problems, strict=True) if not problem]
        writes = list(self._shelf.published(taken))
        if failed:
            writes += self._put_off(failed, lease, next(filter(None, problems)))
        else:
            self._failures = 0
        if writes:
            await self._database.commit(writes)
        self.count(self._shelf.name, "published", len(taken))
        self.count(self._shelf.name, "failed", len(failed))
        return len(taken)

    def _put_off(self, failed: Sequence[R], lease: Lease, problem: str) -> list[Write]:
        pause = _PAUSES.after(self._failures)
        self._failures += 1
        _log.warning(
            "kafka_not_published",
            relay=self._shelf.name,
            rows=len(failed),
            pause_s=pause.total_seconds(),
            error=problem,
        )
        until = self._clock() + pause
        return [self._shelf.postponed(row, lease, until) for row in failed]
