"""What relays publish: the inbox, and the outbox with the journal lines it names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from gateway.domain.inbox import InboxEvent
from gateway.domain.journal import JournalEntry
from gateway.domain.outbox import Delivery
from gateway.events.kafka.messages import Record, journal_record, psp_event_record
from gateway.events.kafka.relay import Lease
from gateway.events.kafka.topics import Topics
from gateway.payments.books import is_delivered
from gateway.storage.database import Database
from gateway.storage.inbox import claim_due_events, extend_event
from gateway.storage.journal import get_entries
from gateway.storage.outbox import claim_due_deliveries, delete_deliveries, extend_delivery
from gateway.storage.payments import orders_of_references
from gateway.storage.writes import Write

_UNKNOWN = ("", "")


class InboxShelf:
    """Webhooks that are due. The consumer that applies one writes what became of it."""

    name = "inbox"

    def __init__(self, database: Database, topics: Topics) -> None:
        self._database = database
        self._topics = topics

    async def claim(self, account: str, lease: Lease, limit: int) -> Sequence[InboxEvent]:
        """See `Shelf`."""
        return await claim_due_events(self._database, account, lease.now, lease.until, limit)

    async def records(self, account: str, rows: Sequence[InboxEvent]) -> Sequence[Record]:
        """See `Shelf`."""
        references = {row.event.psp_reference for row in rows} - {""}
        known = await orders_of_references(self._database, account, references)
        return [
            psp_event_record(self._topics, row, *known.get(row.event.psp_reference, _UNKNOWN))
            for row in rows
        ]

    def published(self, rows: Sequence[InboxEvent]) -> Sequence[Write]:  # noqa: ARG002 - see `Shelf`
        """See `Shelf`."""
        return ()

    def postponed(self, row: InboxEvent, lease: Lease, until: datetime) -> Write:
        """See `Shelf`."""
        return extend_event(row, held=lease.until, until=until)


@dataclass(frozen=True, slots=True)
class Line:
    """A row of the outbox and the journal line that it is about."""

    row: Delivery
    entry: JournalEntry


class OutboxShelf:
    """Journal lines that are due. A line that decides about an order stays until that was told."""

    name = "outbox"

    def __init__(self, database: Database, topics: Topics) -> None:
        self._database = database
        self._topics = topics

    async def claim(self, account: str, lease: Lease, limit: int) -> Sequence[Line]:
        """See `Shelf`."""
        rows = await claim_due_deliveries(self._database, account, lease.now, lease.until, limit)
        if not rows:
            return []
        entries = await get_entries(self._database, [row.journal_id for row in rows])
        return [Line(row, entries[row.journal_id]) for row in rows]

    async def records(self, account: str, rows: Sequence[Line]) -> Sequence[Record]:
        """See `Shelf`."""
        return [journal_record(self._topics, account, line.row, line.entry) for line in rows]

    def published(self, rows: Sequence[Line]) -> Sequence[Write]:
        """See `Shelf`."""
        done = [line.entry.id for line in rows if not is_delivered(line.entry)]
        return [delete_deliveries(done)] if done else []

    def postponed(self, row: Line, lease: Lease, until: datetime) -> Write:
        """See `Shelf`."""
        return extend_delivery(row.row, held=lease.until, until=until)
