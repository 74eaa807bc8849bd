"""Operations as rows: written ahead, settled or put off once, and found again by the resolver."""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.operation import Operation, OperationKind, OperationState
from gateway.domain.requests import RequestKey
from gateway.storage.claims import (
    claim_parameters,
    claiming,
    not_left_out,
    piece_of_work,
    place_in_line,
)
from gateway.storage.database import Database, Row
from gateway.storage.requests import key_parameters, matches_key
from gateway.storage.tables import OPEN_OPERATION, operations
from gateway.storage.writes import Write

_INSERT: Final = sa.insert(operations)
_SETTLE: Final = (
    sa.update(operations)
    .where(operations.c.id == sa.bindparam("key_id"), OPEN_OPERATION)
    .values(state=sa.bindparam("new_state"), error=sa.bindparam("new_error"))
)
_POSTPONE: Final = (
    sa.update(operations)
    .where(
        operations.c.id == sa.bindparam("key_id"),
        operations.c.attempts == sa.bindparam("read_attempts"),
        OPEN_OPERATION,
    )
    .values(
        attempts=operations.c.attempts + sa.literal_column("1"),
        state=sa.bindparam("new_state"),
        error=sa.bindparam("new_error"),
        next_check_time=sa.bindparam("new_next_check_time"),
    )
)
_GET: Final = sa.select(operations).where(operations.c.id == sa.bindparam("id"))
_GET_OPEN: Final = sa.select(operations).where(
    operations.c.payment_id == sa.bindparam("payment_id"), OPEN_OPERATION
)
_OF_REQUEST: Final = (
    sa.select(operations)
    .where(
        matches_key(
            operations.c.request_caller, operations.c.request_method, operations.c.request_id
        )
    )
    .order_by(operations.c.id.desc())
    .limit(1)
)

_CLAIM: Final = claiming(
    sa.select(
        operations.c.id,
        piece_of_work(operations.c.id),
        place_in_line(operations.c.next_check_time),
    ).where(
        operations.c.next_check_time <= sa.bindparam("now"),
        operations.c.psp_account == sa.bindparam("account"),
        OPEN_OPERATION,
        not_left_out(operations.c.id),
    ),
    key=(operations.c.id,),
    until=operations.c.next_check_time,
    returning=tuple(operations.c),
).values(attempts=operations.c.attempts + sa.literal_column("1"))


def insert_operation(operation: Operation) -> Write:
    """Write an operation ahead of its sending.

    A second open one of the same payment exists already, as far as the database is concerned.
    """
    request = operation.request or RequestKey("", "", "")
    return Write(
        _INSERT,
        {
            "id": operation.id,
            "payment_id": operation.payment_id,
            "kind": operation.kind,
            "psp_account": operation.psp_account,
            "amount_minor": operation.amount_minor,
            "currency": operation.currency,
            "idempotency_key": operation.idempotency_key,
            "parameters_json": json.dumps(dict(operation.parameters)),
            "state": operation.state,
            "error": operation.error,
            "attempts": operation.attempts,
            "request_caller": request.caller,
            "request_method": request.method,
            "request_id": request.request_id,
            "create_time": operation.create_time,
            "next_check_time": operation.next_check_time,
        },
    )


def settle_operation(operation_id: str, state: OperationState, error: str) -> Write:
    """Store how an operation ended; fails as "operation_open" if it had ended already."""
    parameters = {"key_id": operation_id, "new_state": state, "new_error": error}
    return Write(_SETTLE, parameters, guard="operation_open")


def postpone_operation(
    operation: Operation, *, state: OperationState, error: str, next_check_time: datetime
) -> Write:
    """Count an attempt and say when the next may follow.

    Fails as "operation_claim" if somebody else counted one since it was read, or it ended.
    """
    parameters = {
        "key_id": operation.id,
        "read_attempts": operation.attempts,
        "new_state": state,
        "new_error": error,
        "new_next_check_time": next_check_time,
    }
    return Write(_POSTPONE, parameters, guard="operation_claim")


async def get_operation(database: Database, operation_id: str) -> Operation | None:
    """Return an operation, or None if there is none of that id."""
    return _first(await database.fetch(_GET, {"id": operation_id}))


async def get_open_operation(database: Database, payment_id: str) -> Operation | None:
    """Return the operation of a payment that is under way, or None."""
    return _first(await database.fetch(_GET_OPEN, {"payment_id": payment_id}))


async def get_operation_of_request(database: Database, key: RequestKey) -> Operation | None:
    """Return the newest operation that a request began, or None."""
    return _first(await database.fetch(_OF_REQUEST, key_parameters(key)))


async def claim_due_operations(
    database: Database,
    psp_account: str,
    now: datetime,
    lease_until: datetime,
    limit: int,
    left_out: Collection[str] = (),
) -> list[Operation]:
    """Take the open operations of an account that are due for longest, the oldest first.

    Each counts an attempt and is nobody else's until the lease ends; those that are left out, by
    id, are not taken.
    """
    parameters = {
        "account": psp_account,
        "now": now,
        "lease_until": lease_until,
        **claim_parameters(limit, left_out),
    }
    claimed = [_operation_of(row) for row in await database.claim(_CLAIM, parameters)]
    return sorted(claimed, key=lambda each: each.id)


def _first(rows: Sequence[Row]) -> Operation | None:
    return _operation_of(rows[0]) if rows else None


def _operation_of(row: Row) -> Operation:
    (
        operation_id,
        payment_id,
        kind,
        psp_account,
        amount_minor,
        currency,
        idempotency_key,
        parameters_json,
        state,
        error,
        attempts,
        request_caller,
        request_method,
        request_id,
        create_time,
        next_check_time,
    ) = row
    return Operation(
        id=operation_id,
        payment_id=payment_id,
        kind=OperationKind(kind),
        psp_account=psp_account,
        amount_minor=amount_minor,
        currency=currency,
        idempotency_key=idempotency_key,
        parameters=json.loads(parameters_json),
        state=OperationState(state),
        error=error,
        attempts=attempts,
        request=RequestKey(request_caller, request_method, request_id) if request_id else None,
        create_time=create_time,
        next_check_time=next_check_time,
    )
