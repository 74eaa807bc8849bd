"""Changes of aliases as rows: committed before anybody is told of them."""

from __future__ import annotations

import json
from typing import Final

import sqlalchemy as sa

from gateway.domain.aliases import AliasOperation, AliasOperationKind, AliasOperationState
from gateway.domain.requests import RequestKey
from gateway.storage.database import Database, Row
from gateway.storage.requests import key_parameters, matches_key
from gateway.storage.tables import alias_operations
from gateway.storage.writes import Write

_THIS_REQUEST: Final = matches_key(
    alias_operations.c.request_caller,
    alias_operations.c.request_method,
    alias_operations.c.request_id,
)
_INSERT: Final = sa.insert(alias_operations)
_SETTLE: Final = (
    sa.update(alias_operations)
    .where(alias_operations.c.id == sa.bindparam("this_id"))
    .values(state=sa.bindparam("new_state"), error=sa.bindparam("new_error"))
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
        },
    )


def settle_alias_operation(
    operation: AliasOperation, state: AliasOperationState, error: str = ""
) -> Write:
    """Store how a change ended."""
    parameters = {"this_id": operation.id, "new_state": state.value, "new_error": error}
    return Write(_SETTLE, parameters)


async def get_alias_operation(database: Database, key: RequestKey) -> AliasOperation | None:
    """Return the last change that a request began; None if it began none."""
    rows = await database.fetch(_OF_REQUEST, key_parameters(key))
    return _operation_of(rows[0]) if rows else None


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
    )
