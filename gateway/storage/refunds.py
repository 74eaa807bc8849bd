"""Refunds as rows."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.refund import Refund, RefundCause, RefundFilter, RefundState
from gateway.storage.database import Database, Row
from gateway.storage.payments import failure_json, failure_of
from gateway.storage.tables import refunds
from gateway.storage.writes import Write
from psp.money import Money

REFUND_GUARD: Final = "refund_version"
"""Name of the guard that fails if the refund changed since it was read."""

_CHANGING: Final = ("state", "psp_reference", "failure_json", "update_time", "version")
_INSERT: Final = sa.insert(refunds)
_UPDATE: Final = (
    sa.update(refunds)
    .where(
        refunds.c.id == sa.bindparam("key_id"), refunds.c.version == sa.bindparam("read_version")
    )
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGING})
)
_GET: Final = sa.select(refunds).where(refunds.c.id == sa.bindparam("id"))
_OF_PAYMENT: Final = (
    sa.select(refunds)
    .where(refunds.c.payment_id == sa.bindparam("payment_id"))
    .order_by(refunds.c.id)
)
_OF_ORDER: Final = (
    sa.select(refunds).where(refunds.c.order_id == sa.bindparam("order_id")).order_by(refunds.c.id)
)


def insert_refund(refund: Refund) -> Write:
    """Store a new refund; a second one of the same PSP reference exists already."""
    return Write(_INSERT, _values(refund))


def update_refund(refund: Refund, *, read_version: int) -> Write:
    """Store a refund as changed; fails as `REFUND_GUARD` unless `read_version` still stands."""
    values = _values(refund)
    parameters = {f"new_{name}": values[name] for name in _CHANGING}
    parameters |= {"key_id": refund.id, "read_version": read_version}
    return Write(_UPDATE, parameters, guard=REFUND_GUARD)


async def get_refund(database: Database, refund_id: str) -> Refund | None:
    """Return a refund, or None if there is none of that id."""
    rows = await database.fetch(_GET, {"id": refund_id})
    return refund_of_row(rows[0]) if rows else None


async def refunds_of_payment(database: Database, payment_id: str) -> list[Refund]:
    """Return all refunds of a payment, oldest first."""
    return [
        refund_of_row(row) for row in await database.fetch(_OF_PAYMENT, {"payment_id": payment_id})
    ]


async def refunds_of_order(database: Database, order_id: str) -> list[Refund]:
    """Return all refunds of an order's payments, oldest first."""
    return [refund_of_row(row) for row in await database.fetch(_OF_ORDER, {"order_id": order_id})]


async def list_refunds(
    database: Database, wanted: RefundFilter, before_id: str, limit: int
) -> list[Refund]:
    """Return the newest refunds, newest first; with `before_id`, the newest older than that."""
    narrowing = {name: value for name, value in _filters(wanted).items() if value}
    older = {"before_id": before_id} if before_id else {}
    statement = _list_statement(frozenset(narrowing), older=bool(older))
    rows = await database.fetch(statement, {**narrowing, **older, "limit": limit})
    return [refund_of_row(row) for row in rows]


@cache
def _list_statement(narrowing: frozenset[str], *, older: bool) -> sa.Select[Any]:
    """Return one of the few statements that list, always the same object for the same filter."""
    statement = sa.select(refunds).where(
        *(refunds.c[name] == sa.bindparam(name) for name in sorted(narrowing))
    )
    if older:
        statement = statement.where(refunds.c.id < sa.bindparam("before_id"))
    return statement.order_by(refunds.c.id.desc()).limit(sa.bindparam("limit", type_=sa.BigInteger))


def _filters(wanted: RefundFilter) -> Mapping[str, str]:
    return {
        "payment_id": wanted.payment_id,
        "order_id": wanted.order_id,
        "state": wanted.state or "",
        "psp_account": wanted.psp_account,
    }


def _values(refund: Refund) -> dict[str, Any]:
    return {
        "id": refund.id,
        "payment_id": refund.payment_id,
        "order_id": refund.order_id,
        "amount_minor": refund.amount.amount_minor,
        "currency": refund.amount.currency,
        "state": refund.state,
        "cause": refund.cause,
        "reason": refund.reason,
        "psp_account": refund.psp_account,
        "psp_reference": refund.psp_reference,
        "failure_json": failure_json(refund.failure),
        "create_time": refund.create_time,
        "update_time": refund.update_time,
        "version": refund.version,
    }


def refund_of_row(row: Row) -> Refund:
    """Read a row of the table."""
    (
        refund_id,
        payment_id,
        order_id,
        amount_minor,
        currency,
        state,
        cause,
        reason,
        psp_account,
        psp_reference,
        failure,
        create_time,
        update_time,
        version,
    ) = row
    return Refund(
        id=refund_id,
        payment_id=payment_id,
        order_id=order_id,
        amount=Money(amount_minor, currency),
        state=RefundState(state),
        cause=RefundCause(cause),
        reason=reason,
        psp_account=psp_account,
        psp_reference=psp_reference,
        failure=failure_of(failure),
        create_time=create_time,
        update_time=update_time,
        version=version,
    )
