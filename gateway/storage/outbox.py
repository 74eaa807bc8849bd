"""The outbox as rows: one for each journal line that somebody is still to be told of."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.journal import JournalEntry
from gateway.domain.outbox import Delivery
from gateway.storage.claims import (
    claim_parameters,
    claiming,
    not_left_out,
    piece_of_work,
    place_in_line,
)
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.tables import journal, outbox, payments
from gateway.storage.writes import Write

_COLUMNS: Final = (
    outbox.c.journal_id,
    outbox.c.order_id,
    outbox.c.payment_id,
    outbox.c.attempts,
    outbox.c.last_error,
    outbox.c.trace_context,
)
_THIS: Final = outbox.c.journal_id == sa.bindparam("key_journal_id")
_INSERT: Final = sa.insert(outbox)
_DELETE_THESE: Final = sa.delete(outbox).where(outbox.c.journal_id.in_(select_rows("journal_id")))
_DELETE_UNTIL: Final = sa.delete(outbox).where(
    outbox.c.journal_id.in_(
        sa.select(journal.c.id).where(
            journal.c.payment_id == sa.bindparam("of_payment_id"),
            journal.c.sequence <= sa.bindparam("last_sequence"),
        )
    )
)
_POSTPONE: Final = (
    sa.update(outbox)
    .where(_THIS)
    .values(
        attempts=sa.bindparam("new_attempts"),
        next_attempt_time=sa.bindparam("new_next_attempt_time"),
        last_error=sa.bindparam("new_last_error"),
    )
)
_MOVE_LEASE: Final = (
    sa.update(outbox)
    .where(_THIS, outbox.c.next_attempt_time == sa.bindparam("held"))
    .values(next_attempt_time=sa.bindparam("new_next_attempt_time"))
)
_CLAIM: Final = claiming(
    sa.select(
        outbox.c.journal_id,
        piece_of_work(outbox.c.order_id),
        place_in_line(outbox.c.journal_id),
    )
    .join(payments, payments.c.id == outbox.c.payment_id)
    .where(
        outbox.c.next_attempt_time <= sa.bindparam("now"),
        payments.c.psp_account == sa.bindparam("account"),
        not_left_out(outbox.c.order_id),
    ),
    key=(outbox.c.journal_id,),
    until=outbox.c.next_attempt_time,
    returning=_COLUMNS,
)
_OF_ORDER: Final = (
    sa.select(*_COLUMNS)
    .where(outbox.c.order_id == sa.bindparam("order_id"))
    .order_by(outbox.c.journal_id)
)
_THESE: Final = (
    sa.select(*_COLUMNS)
    .where(outbox.c.journal_id.in_(select_rows("journal_id")))
    .order_by(outbox.c.journal_id)
)
_COUNT: Final = sa.select(sa.func.count()).select_from(outbox)


def insert_delivery(entry: JournalEntry, now: datetime, trace_context: str = "") -> Write:
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
            "trace_context": trace_context,
        },
    )


def delete_deliveries(journal_ids: Collection[str]) -> Write:
    """Strike lines off that were delivered; if one was already, that is as well."""
    return Write(_DELETE_THESE, _lines_parameter(journal_ids))


def delete_deliveries_until(payment_id: str, last_sequence: int) -> Write:
    """Strike off every line of a payment's journal up to one of them."""
    return Write(_DELETE_UNTIL, {"of_payment_id": payment_id, "last_sequence": last_sequence})


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


def extend_delivery(delivery: Delivery, *, held: datetime, until: datetime) -> Write:
    """Move the end of a lease that is `held` until now; one that was lost or is over stays."""
    return Write(
        _MOVE_LEASE,
        {
            "key_journal_id": delivery.journal_id,
            "held": held,
            "new_next_attempt_time": until,
        },
    )


async def claim_due_deliveries(
    database: Database,
    psp_account: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
    left_out: Collection[str] = (),
) -> list[Delivery]:
    """Take what is due of at most so many orders, until the lease ends; the oldest line first.

    Orders that are left out are not taken.
    """
    parameters = {
        "account": psp_account,
        "now": now,
        "lease_until": lease_until,
        **claim_parameters(limit, left_out),
    }
    deliveries = [_delivery_of(row) for row in await database.claim(_CLAIM, parameters)]
    return sorted(deliveries, key=lambda each: each.journal_id)


async def deliveries_of(database: Database, order_id: str) -> list[Delivery]:
    """Return what is still to be delivered of an order, due or not, the oldest line first."""
    rows = await database.fetch(_OF_ORDER, {"order_id": order_id})
    return [_delivery_of(row) for row in rows]


async def get_deliveries(database: Database, journal_ids: Collection[str]) -> list[Delivery]:
    """Return those of the lines that are still to be delivered, the oldest first."""
    rows = await database.fetch(_THESE, _lines_parameter(journal_ids))
    return [_delivery_of(row) for row in rows]


async def outbox_depth(database: Database) -> int:
    """Count what is still to be delivered."""
    ((count,),) = await database.fetch(_COUNT, {})
    return int(count)


def _lines_parameter(journal_ids: Collection[str]) -> Mapping[str, str]:
    return rows_parameter([{"journal_id": each} for each in journal_ids])


def _delivery_of(row: Row) -> Delivery:
    journal_id, order_id, payment_id, attempts, last_error, trace_context = row
    return Delivery(
        journal_id=journal_id,
        order_id=order_id,
        payment_id=payment_id,
        attempts=attempts,
        last_error=last_error,
        trace_context=trace_context,
    )
