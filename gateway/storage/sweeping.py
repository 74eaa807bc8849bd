"""What the sweeper asks the tables: orders that nobody could be told of, changes without an end."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.storage.database import Database
from gateway.storage.tables import UNFINISHED_PAYMENT, journal, outbox, payments

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
        UNFINISHED_PAYMENT,
        payments.c.id > sa.bindparam("after_id"),
        payments.c.update_time <= sa.bindparam("cutoff"),
    )
    .order_by(payments.c.id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)


async def untold_orders(
    database: Database, cutoff: datetime, after_order_id: str, limit: int
) -> list[str]:
    """Return orders with journal lines from before `cutoff` whose delivery failed, by id."""
    parameters = {"cutoff": cutoff, "after_order_id": after_order_id, "limit": limit}
    return [str(row[0]) for row in await database.fetch(_UNTOLD, parameters)]


async def unfinished_payments(
    database: Database, cutoff: datetime, after_id: str, limit: int
) -> list[tuple[str, datetime]]:
    """Return payments whose authorised money is on its way since before `cutoff`, by id."""
    parameters = {"cutoff": cutoff, "after_id": after_id, "limit": limit}
    return [(row[0], row[1]) for row in await database.fetch(_UNFINISHED, parameters)]
