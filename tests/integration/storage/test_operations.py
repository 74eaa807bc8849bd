"""Operations as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.operation import OPEN_STATES, Operation, OperationKind, OperationState
from gateway.domain.requests import RequestKey
from gateway.storage.database import Database
from gateway.storage.operations import (
    claim_due_operations,
    get_open_operation,
    get_operation,
    get_operation_of_request,
    insert_operation,
    postpone_operation,
    settle_operation,
)
from gateway.storage.payments import insert_payment
from gateway.storage.tables import OPEN_OPERATION
from gateway.storage.writes import AlreadyExistsError, GuardFailedError
from tests.support.payments import NOW, operation, payment

KEY = RequestKey("checkout", "CapturePayment", "r-1")
LATER = NOW + timedelta(minutes=5)
SETTLED = sorted(set(OperationState) - OPEN_STATES)


def numbered(number: int, **changes: Any) -> Operation:
    """An operation of a payment of its own."""
    return operation(
        **{
            "id": f"op_{number}",
            "payment_id": f"pay_{number}",
            "idempotency_key": f"paygate-op_{number}",
            **changes,
        }
    )


async def store(database: Database, *operations: Operation) -> None:
    """Store operations, and the payments they are of."""
    payments = {one.payment_id: payment(id=one.payment_id, psp_reference="") for one in operations}
    await database.commit(
        [
            *(insert_payment(one) for one in payments.values()),
            *(insert_operation(one) for one in operations),
        ]
    )


async def test_an_operation_is_read_as_it_was_stored(database: Database) -> None:
    """Every field survives, the request it serves among them."""
    stored = operation(
        OperationKind.CANCEL, request=KEY, attempts=3, error="time-out", parameters={"reason": "é"}
    )

    await store(database, stored)

    assert await get_operation(database, stored.id) == stored
    assert await get_operation(database, "op_unknown") is None


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
async def test_a_payment_has_one_open_operation(database: Database, state: OperationState) -> None:
    """The database refuses a second one, until the first is settled."""
    await store(database, numbered(1, state=state))
    second = numbered(2, payment_id="pay_1")

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_operation(second)])
    assert exists.value.table == "operations"

    await database.commit([settle_operation("op_1", OperationState.SUCCEEDED, "")])
    await database.commit([insert_operation(second)])
    assert await get_open_operation(database, "pay_1") == second


async def test_the_open_states_are_those_of_the_domain() -> None:
    """The index and the queries name the states that the domain calls open."""
    names = ", ".join(f"'{state}'" for state in sorted(OPEN_STATES))

    assert f"state IN ({names})" == OPEN_OPERATION.text


async def test_an_idempotency_key_is_never_used_twice(database: Database) -> None:
    """Two operations under one key would be one to the PSP."""
    await store(database, numbered(1, state=OperationState.FAILED))
    again = numbered(2, payment_id="pay_1", idempotency_key="paygate-op_1")

    with pytest.raises(AlreadyExistsError):
        await database.commit([insert_operation(again)])


@pytest.mark.parametrize("state", SETTLED)
async def test_an_operation_is_settled_once(database: Database, state: OperationState) -> None:
    """Whoever comes second is told, and changes nothing."""
    await store(database, numbered(1))

    await database.commit([settle_operation("op_1", state, "why")])
    with pytest.raises(GuardFailedError) as failed:
        await database.commit([settle_operation("op_1", OperationState.SUCCEEDED, "late")])

    assert failed.value.guard == "operation_open"
    assert await get_operation(database, "op_1") == numbered(1, state=state, error="why")
    assert await get_open_operation(database, "pay_1") is None


async def test_an_attempt_is_counted_by_one_of_two(database: Database) -> None:
    """Of two that read the same row, one takes the operation on."""
    read = numbered(1)
    await store(database, read)
    claim = postpone_operation(
        read, state=OperationState.UNKNOWN, error="no answer", next_check_time=LATER
    )

    await database.commit([claim])
    with pytest.raises(GuardFailedError) as failed:
        await database.commit([claim])

    assert failed.value.guard == "operation_claim"
    assert await get_operation(database, "op_1") == replace(
        read.claimed(), state=OperationState.UNKNOWN, error="no answer", next_check_time=LATER
    )


async def test_a_settled_operation_is_not_put_off(database: Database) -> None:
    """What ended stays ended."""
    read = numbered(1)
    await store(database, read)
    await database.commit([settle_operation("op_1", OperationState.FAILED, "refused")])

    with pytest.raises(GuardFailedError):
        await database.commit(
            [
                postpone_operation(
                    read, state=OperationState.UNKNOWN, error="", next_check_time=LATER
                )
            ]
        )

    stored = await get_operation(database, "op_1")
    assert stored == replace(read, state=OperationState.FAILED, error="refused")


async def test_a_request_finds_its_newest_operation(database: Database) -> None:
    """A request that was forgotten and made again is served by its last operation."""
    first = numbered(1, request=KEY, state=OperationState.FAILED)
    again = numbered(2, payment_id="pay_1", request=KEY)
    await store(database, first, again, numbered(3, request=replace(KEY, caller="care")))

    assert await get_operation_of_request(database, KEY) == again
    assert await get_operation_of_request(database, replace(KEY, request_id="r-9")) is None


async def test_what_is_due_comes_longest_due_first(database: Database) -> None:
    """Open operations whose time has come, at most so many; settled ones never."""
    await store(
        database,
        numbered(1, next_check_time=NOW),
        numbered(2, next_check_time=NOW - timedelta(seconds=1)),
        numbered(3, next_check_time=NOW + timedelta(microseconds=1)),
        numbered(4, next_check_time=NOW, state=OperationState.SUCCEEDED),
        numbered(5, next_check_time=NOW, state=OperationState.UNKNOWN),
    )

    first = await claim_due_operations(database, "stripe_eu", NOW, LATER, 1)
    rest = await claim_due_operations(database, "stripe_eu", NOW, LATER, 10)

    assert [one.id for one in first] == ["op_2"]
    assert [one.id for one in rest] == ["op_1", "op_5"]
