"""The outbox as rows: one for each journal line that somebody is still to be told of."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.journal import JournalEntry
from gateway.domain.outbox import Delivery
from gateway.storage.database import Database, Row
from gateway.storage.tables import outbox, payments
from gateway.storage.writes import Write

_COLUMNS: Final = (
    outbox.c.journal_id,
    outbox.c.order_id,
    outbox.c.payment_id,
    outbox.c.attempts,
    outbox.c.last_error,
)
_THIS: Final = outbox.c.journal_id == sa.bindparam("key_journal_id")
_INSERT: Final = sa.insert(outbox)
_DELETE: Final = sa.delete(outbox).where(_THIS)
_POSTPONE: Final = (
    sa.update(outbox)
    .where(_THIS)
    .values(
        attempts=sa.bindparam("new_attempts"),
        next_attempt_time=sa.bindparam("new_next_attempt_time"),
        last_error=sa.bindparam("new_last_error"),
    )
)
_DUE: Final = (
    sa.select(*_COLUMNS)
    .join(payments, payments.c.id == outbox.c.payment_id)
    .where(
        outbox.c.next_attempt_time <= sa.bindparam("now"),
        payments.c.psp_account == sa.bindparam("account"),
    )
    .order_by(outbox.c.journal_id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_COUNT: Final = sa.select(sa.func.count()).select_from(outbox)


def insert_delivery(entry: JournalEntry, now: datetime) -> Write:
    """Have a journal line delivered, from `now` on."""
    return Write(
        _INSERT,
        {
            "journal_id": entry.id,
            "order_id": entry.order_id,
            "payment_id": entry.payment_id,
            "attempts": 0,
            "next_attempt_time": now,
            "last_error": "",
        },
    )


def delete_delivery(journal_id: str) -> Write:
    """Strike a line off that was delivered; if it was already, that is as well."""
    return Write(_DELETE, {"key_journal_id": journal_id})


def postpone_delivery(delivery: Delivery, *, next_attempt_time: datetime, error: str) -> Write:
    """Count an attempt that failed, say why and when the next may follow."""
    return Write(
        _POSTPONE,
        {
            "key_journal_id": delivery.journal_id,
            "new_attempts": delivery.attempts + 1,
            "new_next_attempt_time": next_attempt_time,
            "new_last_error": error,
        },
    )


async def list_due_deliveries(
    database: Database, psp_account: str, now: datetime, limit: int
) -> list[Delivery]:
    """Return what may be delivered of an account's payments now, the oldest journal line first."""
    rows = await database.fetch(_DUE, {"account": psp_account, "now": now, "limit": limit})
    return [_delivery_of(row) for row in rows]


async def outbox_depth(database: Database) -> int:
    """Count what is still to be delivered."""
    ((count,),) = await database.fetch(_COUNT, {})
    return int(count)


def _delivery_of(row: Row) -> Delivery:
    journal_id, order_id, payment_id, attempts, last_error = row
    return Delivery(
        journal_id=journal_id,
        order_id=order_id,
        payment_id=payment_id,
        attempts=attempts,
        last_error=last_error,
    )
