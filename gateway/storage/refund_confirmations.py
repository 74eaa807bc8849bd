"""Refunds that nobody confirmed yet, and movements that never got a turn, oldest first."""

from __future__ import annotations

from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.refund import Refund
from gateway.domain.refund_movement import OverdueMovement, standing
from gateway.storage.database import Database
from gateway.storage.refund_file_tables import UNSETTLED_REFUND, WAITING_MOVEMENT, refund_movements
from gateway.storage.refund_movements import MOVEMENT_COLUMNS, movement_of_row
from gateway.storage.refunds import refund_of_row
from gateway.storage.tables import UtcDateTime, refunds

_m, _r = refund_movements.c, refunds.c
_UNSETTLED: Final = (
    sa.select(*refunds.c, _m.movement_id)
    .select_from(refunds.outerjoin(refund_movements, _m.refund_id == _r.id))
    .where(
        sa.text(f"refunds.{UNSETTLED_REFUND.text}"),
        _r.create_time <= sa.bindparam("before", type_=UtcDateTime),
        sa.tuple_(_r.create_time, _r.id)
        > sa.tuple_(
            sa.bindparam("after_time", type_=UtcDateTime), sa.bindparam("after_id", type_=sa.Text)
        ),
    )
    .order_by(_r.create_time, _r.id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_LATE: Final = (
    sa.select(*MOVEMENT_COLUMNS)
    .where(WAITING_MOVEMENT, _m.create_time <= sa.bindparam("before", type_=UtcDateTime))
    .order_by(_m.create_time, _m.movement_id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)


async def unsettled_refunds(
    database: Database, before: datetime, after: tuple[datetime, str], limit: int
) -> list[tuple[Refund, str]]:
    """Return refunds asked for before then that the PSP has more to say of, oldest first.

    Each with its movement, empty if it has none. `after` is time and id of the last one of the page
    before.
    """
    parameters = {
        "before": before,
        "after_time": after[0],
        "after_id": after[1],
        "limit": limit,
    }
    rows = await database.fetch(_UNSETTLED, parameters)
    return [(refund_of_row(row[:-1]), row[-1] or "") for row in rows]


async def late_movements(database: Database, before: datetime, limit: int) -> list[OverdueMovement]:
    """Return movements that were accepted before then and have no refund yet, oldest first."""
    rows = await database.fetch(_LATE, {"before": before, "limit": limit})
    return [
        OverdueMovement(
            movement_id=each.movement_id,
            refund_id="",
            psp_account=each.psp_account,
            psp_reference="",
            order_id=each.order_id,
            amount=each.amount,
            standing=standing(each.state, None),
            since=each.create_time,
        )
        for each in map(movement_of_row, rows)
    ]
