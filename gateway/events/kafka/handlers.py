"""What is done with a message: its row is looked up, and the very same handlers are called."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.domain.outbox import Delivery
from gateway.events.applying import EventApplier
from gateway.events.delivery import LocalDelivery
from gateway.events.kafka.messages import Incoming, Named, read_deciding_line, read_psp_event
from gateway.events.kafka.poison import PoisonError, PoisonReason
from gateway.events.kafka.topics import Topics
from gateway.storage.database import Database
from gateway.storage.inbox import get_events, payment_key
from gateway.storage.journal import get_entries
from gateway.storage.outbox import get_deliveries

Absent = Mapping[str, PoisonError]
"""By row: what is wrong with messages whose row is not there."""


@dataclass(frozen=True, slots=True)
class Source:
    """What a consumer reads, and as whom."""

    topic: str
    group: str


class Handler(Protocol):
    """Reads messages of one topic and carries them out."""

    source: Source

    def read(self, message: Incoming) -> Named | None:
        """Return the row that a message names, None if there is nothing to do for it.

        Raises `PoisonError`.
        """

    async def handle(self, rows: Sequence[Named]) -> Absent:
        """Carry out rows of one key: done, or put off in the database, when this returns.

        A row that is done already, or was put off since its message was published, is passed over:
        it is published again when it is due. Raises `StorageUnavailableError`.
        """


class PspEventHandler:
    """Applies webhooks."""

    def __init__(self, topics: Topics, database: Database, applier: EventApplier) -> None:
        self.source = Source(topics.psp_events, topics.psp_events_group)
        self._database = database
        self._applier = applier

    def read(self, message: Incoming) -> Named:
        """See `Handler`."""
        return read_psp_event(message)

    async def handle(self, rows: Sequence[Named]) -> Absent:
        """See `Handler`."""
        absent: dict[str, PoisonError] = {}
        for account in dict.fromkeys(row.account for row in rows):
            attempts = {row.row_id: row.attempt for row in rows if row.account == account}
            found = await get_events(self._database, account, attempts.keys())
            known = {received.event.event_id for received in found}
            absent |= _absent(attempts.keys(), known, "webhook")
            due = [received for received in found if _is_due(received, attempts)]
            for events in _by_payment(due):
                await self._applier.apply(events)
        return absent


class DecidingLineHandler:
    """Tells orders of the journal lines that decide about them."""

    def __init__(self, topics: Topics, database: Database, delivery: LocalDelivery) -> None:
        self.source = Source(topics.payments, topics.orders_group)
        self._database = database
        self._delivery = delivery

    def read(self, message: Incoming) -> Named | None:
        """See `Handler`."""
        return read_deciding_line(message)

    async def handle(self, rows: Sequence[Named]) -> Absent:
        """See `Handler`."""
        attempts = {row.row_id: row.attempt for row in rows}
        waiting = await get_deliveries(self._database, attempts.keys())
        done = attempts.keys() - {line.journal_id for line in waiting}
        by_order: dict[str, list[Delivery]] = {}
        for line in waiting:
            if line.attempts == attempts[line.journal_id]:
                by_order.setdefault(line.order_id, []).append(line)
        for order_id, lines in by_order.items():
            await self._delivery.deliver(order_id, lines)
        # Who was told is struck off the outbox; the journal knows who ever was to be.
        known = await get_entries(self._database, done) if done else {}
        return _absent(done, known, "journal line")


def _absent(ids: Collection[str], found: Collection[str], what: str) -> dict[str, PoisonError]:
    return {
        each: PoisonError(PoisonReason.UNKNOWN_ROW, f"no {what} here has the id {each}")
        for each in ids
        if each not in found
    }


def _is_due(received: InboxEvent, attempts: Mapping[str, int]) -> bool:
    return (
        received.outcome is InboxOutcome.WAITING
        and received.attempts == attempts[received.event.event_id]
    )


def _by_payment(events: Sequence[InboxEvent]) -> list[list[InboxEvent]]:
    groups: dict[str, list[InboxEvent]] = {}
    for event in events:
        groups.setdefault(payment_key(event), []).append(event)
    return list(groups.values())
