"""Postings as rows: movements of the financial account, each due until the back office has it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from gateway.domain.posting import Posting, PostingState
from gateway.storage.account_tables import REFUSED_POSTING, WAITING_POSTING, account_postings
from gateway.storage.claims import (
    claim_parameters,
    claiming,
    not_left_out,
    piece_of_work,
    place_in_line,
)
from gateway.storage.database import Database, Row
from gateway.storage.writes import Write
from legacy_bridge.port import MovementKind
from psp.money import Money

_p: Final = account_postings.c
_COLUMNS: Final = (
    _p.key,
    _p.customer_id,
    _p.order_id,
    _p.kind,
    _p.amount_minor,
    _p.currency,
    _p.reference,
    _p.booking_time,
    _p.state,
    _p.attempts,
    _p.last_error,
)
_THIS: Final = _p.key == sa.bindparam("key_key")
_INSERT: Final = sa.insert(account_postings)
# Both dialects spell it like this (SQLite took it over from PostgreSQL), and the statement is
# compiled for the one that is there.
_INSERT_ONCE: Final = postgresql.insert(account_postings).on_conflict_do_nothing()


def _insert_again() -> sa.Insert:
    given = {
        column.name: sa.cast(sa.bindparam(column.name, type_=column.type), column.type)
        for column in account_postings.c
    }

    def posted(kind: MovementKind) -> sa.ScalarSelect[int]:
        return (
            sa.select(sa.func.count())
            .where(
                _p.order_id == given["order_id"],
                _p.reference == given["reference"],
                _p.kind == sa.literal_column(f"'{kind.value}'"),
            )
            .scalar_subquery()
        )

    due, lapsed = posted(MovementKind.REFUND_CREDIT), posted(MovementKind.REFUND_LAPSE)
    is_due = given["kind"] == sa.literal_column(f"'{MovementKind.REFUND_CREDIT.value}'")
    its_turn = sa.case((is_due, due == lapsed), else_=due > lapsed)
    # One that never lapsed has its first due, and its first lapse, under keys of their own. Said so
    # that it holds beside the writing of those: a commit may see what was there before it.
    again = sa.select(*given.values()).where(lapsed > sa.literal_column("0"), its_turn)
    return postgresql.insert(account_postings).from_select([*given], again).on_conflict_do_nothing()


_INSERT_AGAIN: Final = _insert_again()
_END: Final = (
    sa.update(account_postings)
    .where(_THIS)
    .values(
        state=sa.bindparam("new_state"),
        customer_id=sa.bindparam("new_customer_id"),
        next_attempt_time=sa.null(),
        last_error=sa.bindparam("new_last_error"),
    )
)
_POSTPONE: Final = (
    sa.update(account_postings)
    # What ended meanwhile, by another one who had it, stays ended.
    .where(_THIS, WAITING_POSTING)
    .values(
        attempts=sa.bindparam("new_attempts"),
        next_attempt_time=sa.bindparam("new_next_attempt_time"),
        last_error=sa.bindparam("new_last_error"),
    )
)
_MOVE_LEASE: Final = (
    sa.update(account_postings)
    .where(_THIS, _p.next_attempt_time == sa.bindparam("held"))
    .values(next_attempt_time=sa.bindparam("new_next_attempt_time"))
)
_RETRY: Final = (
    sa.update(account_postings)
    .where(_THIS, REFUSED_POSTING)
    .values(
        state=PostingState.DUE.value, attempts=0, next_attempt_time=sa.bindparam("new_attempt_time")
    )
)
_CLAIM: Final = claiming(
    sa.select(_p.key, piece_of_work(_p.order_id), place_in_line(_p.next_attempt_time)).where(
        _p.next_attempt_time <= sa.bindparam("now"), WAITING_POSTING, not_left_out(_p.order_id)
    ),
    key=(_p.key,),
    until=_p.next_attempt_time,
    returning=_COLUMNS,
)
_GET: Final = sa.select(*_COLUMNS).where(_THIS)
_OF_ORDER: Final = (
    sa.select(*_COLUMNS)
    .where(_p.order_id == sa.bindparam("order_id"))
    .order_by(_p.booking_time, _p.key)
)
_OPEN_OF_CUSTOMER: Final = (
    sa.select(*_COLUMNS)
    .where(_p.customer_id == sa.bindparam("customer_id"), sa.or_(WAITING_POSTING, REFUSED_POSTING))
    .order_by(_p.booking_time, _p.key)
)
_SUMS: Final[tuple[sa.ColumnElement[Any], ...]] = (
    sa.func.count(),
    sa.func.min(_p.booking_time),
)


def insert_posting(posting: Posting) -> Write:
    """Have a movement posted, from its booking time on; one whose key is there already stays.

    Whoever must know that the key stands for the very same movement uses `insert_new_posting`.
    """
    return Write(_INSERT_ONCE, _values(posting))


def insert_posting_again(posting: Posting) -> Write:
    """Have a refund that lapsed made due again, or lapse again: by turns, and as `insert_posting`.

    Does nothing for one that never lapsed.
    """
    return Write(_INSERT_AGAIN, _values(posting))


def insert_new_posting(posting: Posting) -> Write:
    """Have a movement posted, from its booking time on; a second one of its key exists already."""
    return Write(_INSERT, _values(posting))


def end_posting(posting: Posting, state: PostingState, error: str = "") -> Write:
    """Store what became of a posting, and whose account it was; it is not due again."""
    return Write(
        _END,
        {
            "key_key": posting.key,
            "new_state": state,
            "new_customer_id": posting.customer_id,
            "new_last_error": error,
        },
    )


def postpone_posting(posting: Posting, *, next_attempt_time: datetime, error: str) -> Write:
    """Count an attempt that failed, say why and when the next may follow."""
    return Write(
        _POSTPONE,
        {
            "key_key": posting.key,
            "new_attempts": posting.attempts + 1,
            "new_next_attempt_time": next_attempt_time,
            "new_last_error": error,
        },
    )


def extend_posting(posting: Posting, *, held: datetime, until: datetime) -> Write:
    """Move the end of a lease that is `held` until now; one that was lost or is over stays."""
    return Write(
        _MOVE_LEASE, {"key_key": posting.key, "held": held, "new_next_attempt_time": until}
    )


def retry_posting(key: str, now: datetime) -> Write:
    """Have a refused posting tried again; fails as "posting_refused" unless it is refused."""
    return Write(_RETRY, {"key_key": key, "new_attempt_time": now}, guard="posting_refused")


async def claim_due_postings(
    database: Database,
    now: datetime,
    lease_until: datetime,
    limit: int,
    left_out: Collection[str] = (),
) -> list[Posting]:
    """Take what is due of at most so many orders, until the lease ends; first booked first.

    Orders that are left out are not taken.
    """
    parameters = {"now": now, "lease_until": lease_until, **claim_parameters(limit, left_out)}
    postings = [_posting_of(row) for row in await database.claim(_CLAIM, parameters)]
    return sorted(postings, key=lambda each: (each.booking_time, each.key))


async def get_posting(database: Database, key: str) -> Posting | None:
    """Return a posting, or None if there is none of that key."""
    rows = await database.fetch(_GET, {"key_key": key})
    return _posting_of(rows[0]) if rows else None


async def postings_of_order(database: Database, order_id: str) -> list[Posting]:
    """Return all postings of an order, first booked first."""
    return [_posting_of(row) for row in await database.fetch(_OF_ORDER, {"order_id": order_id})]


async def open_postings_of_customer(database: Database, customer_id: str) -> list[Posting]:
    """Return what a shopper's account lacks: due, or refused by the back office."""
    rows = await database.fetch(_OPEN_OF_CUSTOMER, {"customer_id": customer_id})
    return [_posting_of(row) for row in rows]


def _values(posting: Posting) -> dict[str, Any]:
    return {
        "key": posting.key,
        "customer_id": posting.customer_id,
        "order_id": posting.order_id,
        "kind": posting.kind,
        "amount_minor": posting.amount.amount_minor,
        "currency": posting.amount.currency,
        "reference": posting.reference,
        "booking_time": posting.booking_time,
        "state": PostingState.DUE,
        "attempts": 0,
        "next_attempt_time": posting.booking_time,
        "last_error": "",
    }


def _posting_of(row: Row) -> Posting:
    (
        key,
        customer_id,
        order_id,
        kind,
        amount_minor,
        currency,
        reference,
        booking_time,
        state,
        attempts,
        last_error,
    ) = row
    return Posting(
        key=key,
        customer_id=customer_id,
        order_id=order_id,
        kind=MovementKind(kind),
        amount=Money(amount_minor, currency),
        reference=reference,
        booking_time=booking_time,
        state=PostingState(state),
        attempts=attempts,
        last_error=last_error,
    )
