"""What the sweeper asks the tables: orders untold, orders held, and changes without an end."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.journal import EventType
from gateway.domain.payment import PaymentState
from gateway.storage.database import Database
from gateway.storage.tables import (
    FAILED_PAYMENT,
    HELD_LINE,
    PROCESSING_PAYMENT,
    journal,
    outbox,
    payments,
)

_UNTOLD: Final = (
    sa.select(outbox.c.order_id)
    .join(journal, journal.c.id == outbox.c.journal_id)
    .where(
        journal.c.create_time <= sa.bindparam("cutoff"),
        outbox.c.order_id > sa.bindparam("after_order_id"),
        outbox.c.last_error != sa.literal_column("''"),
    )
    .distinct()
    .order_by(outbox.c.order_id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_UNFINISHED: Final = (
    sa.select(payments.c.id, payments.c.update_time)
    .where(
        payments.c.id > sa.bindparam("after_id"),
        payments.c.update_time <= sa.bindparam("cutoff"),
    )
    .order_by(payments.c.id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_PROCESSING: Final = _UNFINISHED.where(PROCESSING_PAYMENT)
_FAILED: Final = _UNFINISHED.where(FAILED_PAYMENT, payments.c.update_time > sa.bindparam("since"))
_LATER: Final = journal.alias("later")
_HELD: Final = (
    sa.select(journal.c.order_id)
    .join(payments, payments.c.id == journal.c.payment_id)
    .where(
        HELD_LINE,
        journal.c.order_id > sa.bindparam("after_order_id"),
        sa.or_(
            payments.c.state == sa.literal_column(f"'{PaymentState.AUTHORIZED}'"),
            payments.c.captured_minor > payments.c.refunded_minor,
        ),
        ~sa.exists().where(
            _LATER.c.payment_id == journal.c.payment_id,
            _LATER.c.type.in_(
                [
                    sa.literal_column(f"'{EventType.ORDER_RELEASED}'"),
                    sa.literal_column(f"'{EventType.ORDER_CANCELED}'"),
                ]
            ),
        ),
    )
    .distinct()
    .order_by(journal.c.order_id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)


async def untold_orders(
    database: Database, cutoff: datetime, after_order_id: str, limit: int
) -> list[str]:
    """Return orders with journal lines from before `cutoff` whose delivery failed, by id."""
    parameters = {"cutoff": cutoff, "after_order_id": after_order_id, "limit": limit}
    return [str(row[0]) for row in await database.fetch(_UNTOLD, parameters)]


async def processing_payments(
    database: Database, cutoff: datetime, after_id: str, limit: int
) -> list[tuple[str, datetime]]:
    """Return payments at which a PSP is at work since before `cutoff`, by id."""
    parameters = {"cutoff": cutoff, "after_id": after_id, "limit": limit}
    return [(row[0], row[1]) for row in await database.fetch(_PROCESSING, parameters)]


async def failed_payments(
    database: Database, since: datetime, cutoff: datetime, after_id: str, limit: int
) -> list[tuple[str, datetime]]:
    """Return payments that failed between `since` and `cutoff`, by id."""
    parameters = {"since": since, "cutoff": cutoff, "after_id": after_id, "limit": limit}
    return [(row[0], row[1]) for row in await database.fetch(_FAILED, parameters)]


async def held_orders(database: Database, after_order_id: str, limit: int) -> list[str]:
    """Return orders that were held, whose payment has money, and whose end was not told, by id."""
    parameters = {"after_order_id": after_order_id, "limit": limit}
    return [str(row[0]) for row in await database.fetch(_HELD, parameters)]
