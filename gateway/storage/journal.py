"""The journal as rows: appended and read, never changed."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Final

import sqlalchemy as sa

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.payment import PaymentState
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.tables import journal
from gateway.storage.writes import Write
from psp.port import ReviewStatus

_INSERT: Final = sa.insert(journal)
_LIST: Final = (
    sa.select(journal)
    .where(
        journal.c.payment_id == sa.bindparam("payment_id"),
        journal.c.sequence > sa.bindparam("after_sequence"),
    )
    .order_by(journal.c.sequence)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)

_OF_TYPE: Final = (
    sa.select(journal)
    .where(
        journal.c.payment_id == sa.bindparam("payment_id"), journal.c.type == sa.bindparam("type")
    )
    .order_by(journal.c.sequence.desc())
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_THESE: Final = sa.select(journal).where(journal.c.id.in_(select_rows("id")))


def insert_entry(entry: JournalEntry) -> Write:
    """Append a line; a second one of the same payment and sequence exists already."""
    return Write(
        _INSERT,
        {
            "id": entry.id,
            "payment_id": entry.payment_id,
            "order_id": entry.order_id,
            "sequence": entry.sequence,
            "type": entry.type,
            "state": entry.state,
            "review": entry.review,
            "currency": entry.currency,
            "captured_minor": entry.captured_minor,
            "refunded_minor": entry.refunded_minor,
            "create_time": entry.create_time,
            "details_json": json.dumps(dict(entry.details)),
        },
    )


async def list_entries(
    database: Database, payment_id: str, after_sequence: int, limit: int
) -> list[JournalEntry]:
    """Return a payment's lines after a sequence, oldest first."""
    rows = await database.fetch(
        _LIST, {"payment_id": payment_id, "after_sequence": after_sequence, "limit": limit}
    )
    return [_entry_of(row) for row in rows]


async def get_entries(database: Database, ids: Collection[str]) -> Mapping[str, JournalEntry]:
    """Return lines by id; those that are not there are left out."""
    wanted = rows_parameter([{"id": each} for each in ids])
    entries = [_entry_of(row) for row in await database.fetch(_THESE, wanted)]
    return {entry.id: entry for entry in entries}


async def newest_entries(
    database: Database, payment_id: str, event_type: EventType, limit: int
) -> list[JournalEntry]:
    """Return a payment's lines of one type, newest first."""
    parameters = {"payment_id": payment_id, "type": event_type, "limit": limit}
    return [_entry_of(row) for row in await database.fetch(_OF_TYPE, parameters)]


def _entry_of(row: Row) -> JournalEntry:
    (
        entry_id,
        payment_id,
        order_id,
        sequence,
        kind,
        state,
        review,
        currency,
        captured_minor,
        refunded_minor,
        create_time,
        details_json,
    ) = row
    return JournalEntry(
        id=entry_id,
        payment_id=payment_id,
        order_id=order_id,
        sequence=sequence,
        type=EventType(kind),
        state=PaymentState(state),
        review=ReviewStatus(review),
        currency=currency,
        captured_minor=captured_minor,
        refunded_minor=refunded_minor,
        create_time=create_time,
        details=json.loads(details_json),
    )
