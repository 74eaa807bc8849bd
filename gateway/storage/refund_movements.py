"""Movements of refund files as rows: each once, due until it has its refund or is refused."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.refund_movement import Movement, MovementState
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.refund_file_tables import SENT_MOVEMENT, WAITING_MOVEMENT, refund_movements
from gateway.storage.tables import UtcDateTime
from gateway.storage.writes import Write
from psp.money import Money

MOVEMENT_GUARD: Final = "refund_movement_waiting"
"""Name of the guard that fails if a movement has its refund already, or is refused."""

_m: Final = refund_movements.c
_TEXTS: Final = (
    "movement_id",
    "order_id",
    "payment_id",
    "psp_account",
    "psp_reference",
    "currency",
    "reason",
    "country_code",
    "digest",
)
_NUMBERS: Final = ("line_number", "amount_minor")
MOVEMENT_COLUMNS: Final = (
    _m.movement_id,
    _m.batch_id,
    _m.line_number,
    _m.order_id,
    _m.payment_id,
    _m.psp_account,
    _m.psp_reference,
    _m.amount_minor,
    _m.currency,
    _m.reason,
    _m.country_code,
    _m.digest,
    _m.create_time,
    _m.state,
    _m.refund_id,
    _m.attempts,
)
_NOW: Final = sa.bindparam("now", type_=UtcDateTime)


def _insert() -> sa.Insert:
    given = select_rows(*_TEXTS, *_NUMBERS).subquery("given_movements")
    constants: Mapping[str, sa.ColumnElement[Any]] = {
        "batch_id": sa.bindparam("of_batch", type_=sa.Text),
        "create_time": _NOW,
        "next_attempt_time": sa.bindparam("due", type_=UtcDateTime),
        "state": sa.literal_column(f"'{MovementState.WAITING.value}'"),
        "refund_id": sa.literal_column("''"),
        "attempts": sa.literal_column("0"),
        "refusal": sa.literal_column("''"),
        "message": sa.literal_column("''"),
    }
    return sa.insert(refund_movements).from_select(
        [*_TEXTS, *_NUMBERS, *constants],
        sa.select(
            *(given.c[name] for name in _TEXTS),
            *(sa.cast(given.c[name], sa.BigInteger) for name in _NUMBERS),
            *constants.values(),
        ),
    )


_INSERT: Final = _insert()
_WAITING: Final = _m.state == sa.literal_column(f"'{MovementState.WAITING.value}'")
_BEGIN: Final = (
    sa.update(refund_movements)
    .where(_m.movement_id == sa.bindparam("key_movement_id"), _WAITING)
    .values(
        state=sa.literal_column(f"'{MovementState.SENT.value}'"),
        refund_id=sa.bindparam("new_refund_id"),
        next_attempt_time=sa.null(),
        refusal=sa.literal_column("''"),
        message=sa.literal_column("''"),
    )
)
_GIVE_BACK: Final = (
    sa.update(refund_movements)
    .where(_m.refund_id == sa.bindparam("key_refund_id"), SENT_MOVEMENT)
    .values(
        state=sa.literal_column(f"'{MovementState.WAITING.value}'"),
        refund_id=sa.literal_column("''"),
        attempts=_m.attempts + 1,
        next_attempt_time=sa.bindparam("new_next_attempt_time"),
        message=sa.bindparam("new_message"),
    )
)
_REFUSE_SENT: Final = (
    sa.update(refund_movements)
    .where(_m.refund_id == sa.bindparam("key_refund_id"), SENT_MOVEMENT)
    .values(
        state=sa.literal_column(f"'{MovementState.REFUSED.value}'"),
        refusal=sa.bindparam("new_refusal"),
        message=sa.bindparam("new_message"),
    )
)
_REFUSE: Final = (
    sa.update(refund_movements)
    .where(_m.movement_id == sa.bindparam("key_movement_id"), _WAITING)
    .values(
        state=sa.literal_column(f"'{MovementState.REFUSED.value}'"),
        next_attempt_time=sa.null(),
        refusal=sa.bindparam("new_refusal"),
        message=sa.bindparam("new_message"),
    )
)
_POSTPONE: Final = (
    sa.update(refund_movements)
    .where(_m.movement_id == sa.bindparam("key_movement_id"), _WAITING)
    .values(
        attempts=sa.bindparam("new_attempts"),
        next_attempt_time=sa.bindparam("new_next_attempt_time"),
        message=sa.bindparam("new_message"),
    )
)
_THESE: Final = sa.select(*MOVEMENT_COLUMNS).where(_m.movement_id.in_(select_rows("wanted")))
_DUE_WHERE: Final = (
    _m.psp_account == sa.bindparam("psp_account"),
    _m.next_attempt_time <= sa.bindparam("now"),
    WAITING_MOVEMENT,
)
_DUE: Final = (
    sa.select(*MOVEMENT_COLUMNS)
    .where(*_DUE_WHERE)
    .order_by(_m.next_attempt_time, _m.movement_id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_ANY_DUE: Final = sa.select(_m.movement_id).where(*_DUE_WHERE).limit(1)


def insert_movements(batch_id: str, movements: Sequence[Movement], now: datetime) -> Write:
    """Accept movements, due at once; one whose id was accepted before exists already."""
    rows: list[Mapping[str, str | int]] = [
        {
            **{name: getattr(movement, name) for name in _TEXTS if name != "currency"},
            "currency": movement.amount.currency,
            "amount_minor": movement.amount.amount_minor,
            "line_number": movement.line_number,
        }
        for movement in movements
    ]
    return Write(_INSERT, {"of_batch": batch_id, "now": now, "due": now, **rows_parameter(rows)})


def begin_movement(movement_id: str, refund_id: str) -> Write:
    """Tie a movement to its refund: part of the commit that writes the refund down.

    Fails as `MOVEMENT_GUARD` if it has one already, or is refused.
    """
    return Write(
        _BEGIN,
        {"key_movement_id": movement_id, "new_refund_id": refund_id},
        guard=MOVEMENT_GUARD,
    )


def give_movement_back(refund_id: str, next_attempt_time: datetime, message: str) -> Write:
    """Have the movement of a refund that surely was never made sent anew; part of its settlement.

    Does nothing for a refund that is no movement's.
    """
    return Write(
        _GIVE_BACK,
        {
            "key_refund_id": refund_id,
            "new_next_attempt_time": next_attempt_time,
            "new_message": message,
        },
    )


def refuse_movement_of(refund_id: str, refusal: str, message: str) -> Write:
    """Store that the PSP refused a movement's refund; part of its settlement, as above."""
    return Write(
        _REFUSE_SENT,
        {"key_refund_id": refund_id, "new_refusal": refusal, "new_message": message},
    )


def refuse_movement(movement_id: str, refusal: str, message: str) -> Write:
    """Refuse a movement for good; one that is no longer waiting stays as it is."""
    return Write(
        _REFUSE,
        {"key_movement_id": movement_id, "new_refusal": refusal, "new_message": message},
    )


def postpone_movement(movement: Movement, *, next_attempt_time: datetime, message: str) -> Write:
    """Count an attempt, say why it came to nothing and when the next may follow.

    A movement that is no longer waiting stays as it is.
    """
    return Write(
        _POSTPONE,
        {
            "key_movement_id": movement.movement_id,
            "new_attempts": movement.attempts + 1,
            "new_next_attempt_time": next_attempt_time,
            "new_message": message,
        },
    )


async def movements_by_id(
    database: Database, movement_ids: Collection[str]
) -> Mapping[str, Movement]:
    """Return those of these movements that were accepted."""
    wanted = rows_parameter([{"wanted": each} for each in movement_ids])
    found = (movement_of_row(row) for row in await database.fetch(_THESE, wanted))
    return {movement.movement_id: movement for movement in found}


async def due_movements(
    database: Database, psp_account: str, now: datetime, limit: int
) -> list[Movement]:
    """Return what is due at an account, the longest waiting first."""
    parameters = {"psp_account": psp_account, "now": now, "limit": limit}
    return [movement_of_row(row) for row in await database.fetch(_DUE, parameters)]


async def any_due(database: Database, psp_account: str, now: datetime) -> bool:
    """Whether anything is due at an account."""
    return bool(await database.fetch(_ANY_DUE, {"psp_account": psp_account, "now": now}))


def movement_of_row(row: Row) -> Movement:
    """Read a row of `MOVEMENT_COLUMNS`."""
    (
        movement_id,
        batch_id,
        line_number,
        order_id,
        payment_id,
        psp_account,
        psp_reference,
        amount_minor,
        currency,
        reason,
        country_code,
        digest,
        create_time,
        state,
        refund_id,
        attempts,
    ) = row
    return Movement(
        movement_id=movement_id,
        batch_id=batch_id,
        line_number=line_number,
        order_id=order_id,
        payment_id=payment_id,
        psp_account=psp_account,
        psp_reference=psp_reference,
        amount=Money(amount_minor, currency),
        reason=reason,
        country_code=country_code,
        digest=digest,
        create_time=create_time,
        state=MovementState(state),
        refund_id=refund_id,
        attempts=attempts,
    )
