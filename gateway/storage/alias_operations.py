"""Changes of aliases as rows: committed before anybody is told of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Final

import sqlalchemy as sa

from gateway.domain.aliases import AliasOperation, AliasOperationKind, AliasOperationState
from gateway.domain.requests import RequestKey
from gateway.storage.database import Database, Row
from gateway.storage.requests import key_parameters, matches_key
from gateway.storage.tables import OPEN_OPERATION, UtcDateTime, alias_operations
from gateway.storage.writes import Write

CLAIM_GUARD: Final = "alias_operation_claim"
"""Name of the guard that fails if somebody else took a change on since it was read."""

_THIS_REQUEST: Final = matches_key(
    alias_operations.c.request_caller,
    alias_operations.c.request_method,
    alias_operations.c.request_id,
)
_INSERT: Final = sa.insert(alias_operations)
_AS_READ: Final = sa.and_(
    alias_operations.c.id == sa.bindparam("this_id"),
    alias_operations.c.attempts == sa.bindparam("read_attempts"),
)
_SETTLE: Final = (
    sa.update(alias_operations)
    .where(_AS_READ)
    .values(
        state=sa.bindparam("new_state"),
        error=sa.bindparam("new_error"),
        next_check_time=sa.bindparam("new_next_check_time", type_=UtcDateTime),
    )
)
_TAKE: Final = (
    sa.update(alias_operations)
    .where(_AS_READ, alias_operations.c.state != AliasOperationState.DONE.value)
    .values(
        attempts=alias_operations.c.attempts + sa.literal_column("1"),
        state=AliasOperationState.PENDING.value,
        parameters_json=sa.bindparam("new_parameters_json"),
        next_check_time=sa.bindparam("new_next_check_time", type_=UtcDateTime),
    )
)
_GET: Final = sa.select(alias_operations).where(alias_operations.c.id == sa.bindparam("this_id"))
_UNDER_KEY: Final = sa.select(alias_operations.c.id).where(
    alias_operations.c.idempotency_key == sa.bindparam("this_key")
)
_LATER: Final = (
    sa.select(alias_operations.c.id)
    .where(
        alias_operations.c.customer_id == sa.bindparam("of_customer"),
        alias_operations.c.id > sa.bindparam("this_id"),
        alias_operations.c.kind == sa.bindparam("of_kind"),
        alias_operations.c.state != AliasOperationState.FAILED.value,
    )
    .limit(1)
)
_IS_DUE: Final = sa.and_(
    alias_operations.c.next_check_time <= sa.bindparam("now", type_=UtcDateTime), OPEN_OPERATION
)
_DUE_ACCOUNTS: Final = sa.select(alias_operations.c.psp_account).where(_IS_DUE).distinct()
_DUE: Final = (
    sa.select(alias_operations)
    .where(_IS_DUE, alias_operations.c.psp_account == sa.bindparam("account"))
    .order_by(alias_operations.c.next_check_time, alias_operations.c.id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_OF_REQUEST: Final = (
    sa.select(alias_operations)
    .where(_THIS_REQUEST)
    # Ids grow: a request that was refused and sent again has several, and the last one counts.
    .order_by(alias_operations.c.id.desc())
    .limit(1)
)


def insert_alias_operation(operation: AliasOperation) -> Write:
    """Store a change that is about to be sent."""
    return Write(
        _INSERT,
        {
            "id": operation.id,
            "kind": operation.kind.value,
            "customer_id": operation.customer_id,
            "psp_account": operation.psp_account,
            "idempotency_key": operation.idempotency_key,
            "parameters_json": json.dumps(operation.parameters),
            "state": operation.state.value,
            "error": operation.error,
            "request_caller": operation.key.caller,
            "request_method": operation.key.method,
            "request_id": operation.key.request_id,
            "create_time": operation.create_time,
            "attempts": operation.attempts,
            "next_check_time": operation.next_check_time,
        },
    )


def settle_alias_operation(
    operation: AliasOperation,
    state: AliasOperationState,
    error: str = "",
    *,
    next_check_time: datetime | None = None,
) -> Write:
    """Store how a try ended; `next_check_time` is for what stays open.

    Fails as `CLAIM_GUARD` if somebody else took the change on since it was read or claimed.
    """
    return Write(
        _SETTLE,
        {
            "this_id": operation.id,
            "read_attempts": operation.attempts,
            "new_state": state.value,
            "new_error": error,
            "new_next_check_time": next_check_time,
        },
        guard=CLAIM_GUARD,
    )


def claim_alias_operation(
    operation: AliasOperation,
    next_check_time: datetime,
    parameters: Mapping[str, str] | None = None,
) -> Write:
    """Take a change on that is not done, until `next_check_time`, with new parameters if any.

    Fails as `CLAIM_GUARD` if it is done, or somebody else took it on since it was read.
    """
    given = operation.parameters if parameters is None else parameters
    return Write(
        _TAKE,
        {
            "this_id": operation.id,
            "read_attempts": operation.attempts,
            "new_parameters_json": json.dumps(dict(given)),
            "new_next_check_time": next_check_time,
        },
        guard=CLAIM_GUARD,
    )


async def get_alias_operation(database: Database, key: RequestKey) -> AliasOperation | None:
    """Return the last change that a request began; None if it began none."""
    rows = await database.fetch(_OF_REQUEST, key_parameters(key))
    return _operation_of(rows[0]) if rows else None


async def find_alias_operation(database: Database, operation_id: str) -> AliasOperation | None:
    """Return a change by its id."""
    rows = await database.fetch(_GET, {"this_id": operation_id})
    return _operation_of(rows[0]) if rows else None


async def has_alias_operation(database: Database, idempotency_key: str) -> bool:
    """Whether there is a change under this key, however it ended."""
    return bool(await database.fetch(_UNDER_KEY, {"this_key": idempotency_key}))


async def has_later(database: Database, operation: AliasOperation) -> bool:
    """Whether the shopper asked for another change of this kind since, which did not fail."""
    parameters = {
        "of_customer": operation.customer_id,
        "this_id": operation.id,
        "of_kind": operation.kind.value,
    }
    return bool(await database.fetch(_LATER, parameters))


async def list_due_accounts(database: Database, now: datetime) -> list[str]:
    """Return the accounts that changes are due at, configured or not."""
    return [row[0] for row in await database.fetch(_DUE_ACCOUNTS, {"now": now})]


async def list_due_alias_operations(
    database: Database, psp_account: str, now: datetime, limit: int
) -> list[AliasOperation]:
    """Return an account's open changes that may be looked at now, the longest due first."""
    rows = await database.fetch(_DUE, {"account": psp_account, "now": now, "limit": limit})
    return [_operation_of(row) for row in rows]


def _operation_of(row: Row) -> AliasOperation:
    (
        operation_id,
        kind,
        customer_id,
        psp_account,
        idempotency_key,
        parameters_json,
        state,
        error,
        caller,
        method,
        request_id,
        create_time,
        attempts,
        next_check_time,
    ) = row
    return AliasOperation(
        id=operation_id,
        kind=AliasOperationKind(kind),
        customer_id=customer_id,
        psp_account=psp_account,
        idempotency_key=idempotency_key,
        parameters=json.loads(parameters_json),
        key=RequestKey(caller, method, request_id),
        create_time=create_time,
        state=AliasOperationState(state),
        error=error,
        attempts=attempts,
        next_check_time=next_check_time,
    )
