"""Payments as rows: store, change, find and list them."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.journal import EventType
from gateway.domain.payment import Payment, PaymentFilter, PaymentState
from gateway.domain.requests import RequestKey, StoredRequest
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.requests import key_parameters, matches_key, request_of
from gateway.storage.tables import (
    KNOWN_REFERENCE,
    OPEN_OPERATION,
    journal,
    operations,
    payments,
    requests,
)
from gateway.storage.writes import Write
from psp.money import Money
from psp.port import CapturePolicy, FailureCategory, PaymentMethod, PspFailure, ReviewStatus

# What a payment was made of is not among them: its PSP account above all never changes.
_CHANGING: Final = (
    "authorized_minor",
    "captured_minor",
    "refunded_minor",
    "state",
    "review",
    "psp_reference",
    "failure_json",
    "capture_before",
    "last_sequence",
    "update_time",
    "version",
    "review_reference",
)

_INSERT: Final = sa.insert(payments)
_UPDATE: Final = (
    sa.update(payments)
    .where(
        payments.c.id == sa.bindparam("key_id"), payments.c.version == sa.bindparam("read_version")
    )
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGING})
)
_GET: Final = sa.select(payments).where(payments.c.id == sa.bindparam("id"))
_FIND: Final = sa.select(payments).where(
    payments.c.psp_account == sa.bindparam("psp_account"),
    payments.c.psp_reference == sa.bindparam("psp_reference"),
    # Repeated as the partial index has it, which serves no other statement.
    KNOWN_REFERENCE,
)
_OF_ORDER: Final = (
    sa.select(payments)
    .where(
        payments.c.order_id == sa.bindparam("order_id"),
        # What was made before the gateway was decided its order then, and decides nothing now.
        payments.c.config_digest != sa.literal_column("''"),
    )
    .order_by(payments.c.id.desc())
)
_IS_CHANGING: Final = sa.exists(
    sa.select(operations.c.id).where(operations.c.payment_id == payments.c.id, OPEN_OPERATION)
).label("is_changing")
_FIND_CHANGING: Final = _FIND.add_columns(_IS_CHANGING)
_IS_RELEASE_TOLD: Final = sa.exists(
    sa.select(journal.c.sequence).where(
        journal.c.payment_id == payments.c.id,
        journal.c.type == sa.literal_column(f"'{EventType.ORDER_RELEASED}'"),
    )
).label("is_release_told")
_OF_ORDER_IN_DETAIL: Final = _OF_ORDER.add_columns(_IS_CHANGING, _IS_RELEASE_TOLD)
# One row whatever is there: either side may be missing.
_ONE: Final = sa.select(sa.literal_column("1").label("one")).subquery("one")
_GET_WITH_REQUEST: Final = sa.select(*payments.c, *requests.c).select_from(
    _ONE.outerjoin(payments, payments.c.id == sa.bindparam("id")).outerjoin(
        requests, matches_key(requests.c.caller, requests.c.method, requests.c.request_id)
    )
)
_OF_REFERENCES: Final = sa.select(
    payments.c.psp_reference, payments.c.id, payments.c.order_id
).where(
    payments.c.psp_account == sa.bindparam("psp_account"),
    payments.c.psp_reference.in_(select_rows("reference")),
    KNOWN_REFERENCE,
)
_OF_IDS: Final = sa.select(payments).where(payments.c.id.in_(select_rows("wanted")))
_WIDTH: Final = len(payments.c)


def insert_payment(payment: Payment) -> Write:
    """Store a new payment."""
    return Write(_INSERT, _values(payment))


def update_payment(payment: Payment, *, read_version: int) -> Write:
    """Store a payment as changed; fails as "payment_version" unless `read_version` still stands."""
    values = _values(payment)
    parameters = {f"new_{name}": values[name] for name in _CHANGING}
    parameters |= {"key_id": payment.id, "read_version": read_version}
    return Write(_UPDATE, parameters, guard="payment_version")


async def get_payment(database: Database, payment_id: str) -> Payment | None:
    """Return a payment, or None if there is none of that id."""
    return _first(await database.fetch(_GET, {"id": payment_id}))


async def get_payment_with_request(
    database: Database, payment_id: str, key: RequestKey
) -> tuple[Payment | None, StoredRequest | None]:
    """Return a payment and a request in one round trip, each None if it is not there."""
    parameters = {"id": payment_id, **key_parameters(key)}
    (row,) = await database.fetch(_GET_WITH_REQUEST, parameters)
    of_payment, of_request = row[:_WIDTH], row[_WIDTH:]
    return (
        None if of_payment[0] is None else _payment_of(of_payment),
        None if of_request[0] is None else request_of(of_request),
    )


async def find_payment_by_reference(
    database: Database, psp_account: str, psp_reference: str
) -> Payment | None:
    """Return the payment that an account's PSP knows by a reference, or None."""
    wanted = {"psp_account": psp_account, "psp_reference": psp_reference}
    return _first(await database.fetch(_FIND, wanted))


async def find_payment_and_change(
    database: Database, psp_account: str, psp_reference: str
) -> tuple[Payment | None, bool]:
    """Return the payment that an account's PSP knows by a reference, and if it is being changed."""
    wanted = {"psp_account": psp_account, "psp_reference": psp_reference}
    rows = await database.fetch(_FIND_CHANGING, wanted)
    return (_payment_of(rows[0][:_WIDTH]), bool(rows[0][_WIDTH])) if rows else (None, False)


async def orders_of_references(
    database: Database, psp_account: str, references: Collection[str]
) -> Mapping[str, tuple[str, str]]:
    """Return payment id and order id by the PSP's reference; unknown ones are left out."""
    wanted = rows_parameter([{"reference": each} for each in references])
    rows = await database.fetch(_OF_REFERENCES, {"psp_account": psp_account, **wanted})
    return {reference: (payment_id, order_id) for reference, payment_id, order_id in rows}


async def payments_by_id(database: Database, payment_ids: Collection[str]) -> Mapping[str, Payment]:
    """Return those of these payments that are here."""
    wanted = rows_parameter([{"wanted": each} for each in payment_ids])
    found = (_payment_of(row) for row in await database.fetch(_OF_IDS, wanted))
    return {payment.id: payment for payment in found}


async def payments_of_order(database: Database, order_id: str) -> list[Payment]:
    """Return all payments that decide about an order, newest first: those made here."""
    return [_payment_of(row) for row in await database.fetch(_OF_ORDER, {"order_id": order_id})]


@dataclass(frozen=True, slots=True)
class OrderPayments:
    """The payments of an order and what else must be known to decide about it, all read at once."""

    payments: Sequence[Payment]
    """As `payments_of_order` returns them."""
    changing: frozenset[str]
    """Ids of those that have an operation under way."""
    release_told: frozenset[str]
    """Ids of those whose journal says that the order was released."""


async def order_payments(database: Database, order_id: str) -> OrderPayments:
    """Return what `payments_of_order` does, and what is under way and told of them."""
    rows = await database.fetch(_OF_ORDER_IN_DETAIL, {"order_id": order_id})
    found = [_payment_of(row[:_WIDTH]) for row in rows]
    changing, release_told = (
        frozenset(payment.id for payment, row in zip(found, rows, strict=True) if row[place])
        for place in (_WIDTH, _WIDTH + 1)
    )
    return OrderPayments(found, changing, release_told)


async def list_payments(
    database: Database, wanted: PaymentFilter, before_id: str, limit: int
) -> list[Payment]:
    """Return the newest payments, newest first; with `before_id`, the newest older than that."""
    narrowing = {name: value for name, value in _filters(wanted).items() if value}
    older = {"before_id": before_id} if before_id else {}
    statement = _list_statement(frozenset(narrowing), older=bool(older))
    rows = await database.fetch(statement, {**narrowing, **older, "limit": limit})
    return [_payment_of(row) for row in rows]


@cache
def _list_statement(narrowing: frozenset[str], *, older: bool) -> sa.Select[Any]:
    """Return one of the few statements that list, always the same object for the same filter."""
    statement = sa.select(payments).where(
        *(payments.c[name] == sa.bindparam(name) for name in sorted(narrowing))
    )
    if older:
        statement = statement.where(payments.c.id < sa.bindparam("before_id"))
    return statement.order_by(payments.c.id.desc()).limit(
        sa.bindparam("limit", type_=sa.BigInteger)
    )


def _filters(wanted: PaymentFilter) -> Mapping[str, str]:
    return {
        "order_id": wanted.order_id,
        "customer_id": wanted.customer_id,
        "state": wanted.state or "",
        "psp_account": wanted.psp_account,
    }


def _first(rows: Sequence[Row]) -> Payment | None:
    return _payment_of(rows[0]) if rows else None


def _values(payment: Payment) -> dict[str, Any]:
    return {
        "id": payment.id,
        "order_id": payment.order_id,
        "customer_id": payment.customer_id,
        "country_code": payment.country_code,
        "method": payment.method,
        "amount_minor": payment.amount.amount_minor,
        "currency": payment.amount.currency,
        "authorized_minor": payment.authorized_minor,
        "captured_minor": payment.captured_minor,
        "refunded_minor": payment.refunded_minor,
        "state": payment.state,
        "review": payment.review,
        "capture_policy": payment.capture_policy,
        "psp_account": payment.psp_account,
        "psp_reference": payment.psp_reference,
        "failure_json": failure_json(payment.failure),
        "capture_before": payment.capture_before,
        "config_digest": payment.config_digest,
        "last_sequence": payment.last_sequence,
        "create_time": payment.create_time,
        "update_time": payment.update_time,
        "version": payment.version,
        "review_reference": payment.review_reference,
    }


def _payment_of(row: Row) -> Payment:
    (
        payment_id,
        order_id,
        customer_id,
        country_code,
        method,
        amount_minor,
        currency,
        authorized_minor,
        captured_minor,
        refunded_minor,
        state,
        review,
        capture_policy,
        psp_account,
        psp_reference,
        failure,
        capture_before,
        config_digest,
        last_sequence,
        create_time,
        update_time,
        version,
        review_reference,
    ) = row
    return Payment(
        id=payment_id,
        order_id=order_id,
        customer_id=customer_id,
        country_code=country_code,
        method=PaymentMethod(method),
        amount=Money(amount_minor, currency),
        authorized_minor=authorized_minor,
        captured_minor=captured_minor,
        refunded_minor=refunded_minor,
        state=PaymentState(state),
        review=ReviewStatus(review),
        capture_policy=CapturePolicy(capture_policy),
        psp_account=psp_account,
        psp_reference=psp_reference,
        failure=failure_of(failure),
        capture_before=capture_before,
        config_digest=config_digest,
        last_sequence=last_sequence,
        create_time=create_time,
        update_time=update_time,
        version=version,
        review_reference=review_reference,
    )


def failure_json(failure: PspFailure | None) -> str:
    """Write a failure as a column holds it; empty if there is none."""
    return json.dumps(asdict(failure)) if failure else ""


def failure_of(stored: str) -> PspFailure | None:
    """Read what `failure_json` wrote."""
    if not stored:
        return None
    parts = json.loads(stored)
    return PspFailure(**{**parts, "category": FailureCategory(parts["category"])})
