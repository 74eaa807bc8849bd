"""A unit of work: all or nothing, in its order, and refusals with a name."""

from __future__ import annotations

from dataclasses import replace

import asyncpg
import pytest

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.operation import OperationState
from gateway.domain.payment import PaymentState
from gateway.domain.requests import RequestKey, StoredRequest
from gateway.storage.database import Database
from gateway.storage.journal import insert_entry, list_entries
from gateway.storage.operations import get_operation, insert_operation, settle_operation
from gateway.storage.outbox import insert_delivery, outbox_depth
from gateway.storage.payments import get_payment, insert_payment, update_payment
from gateway.storage.requests import get_request, insert_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError
from psp.port import ReviewStatus
from tests.support.databases import INTEGRITY_ERRORS
from tests.support.payments import NOW, operation, payment

PAYMENT = payment()
OPERATION = operation()
KEY = RequestKey("checkout", "CapturePayment", "r-1")
REQUEST = StoredRequest(KEY, "fingerprint", PAYMENT.id, NOW)
ENTRY = JournalEntry(
    id="evt_1",
    payment_id=PAYMENT.id,
    order_id=PAYMENT.order_id,
    sequence=1,
    type=EventType.PAYMENT_CREATED,
    state=PaymentState.AUTHORIZED,
    review=ReviewStatus.NONE,
    currency="EUR",
    captured_minor=0,
    refunded_minor=0,
    create_time=NOW,
)


async def test_a_unit_is_written_whole(database: Database) -> None:
    """Writes of every table go in one commit."""
    await database.commit(
        [
            insert_request(REQUEST),
            insert_operation(OPERATION),
            insert_payment(PAYMENT),
            insert_entry(ENTRY),
            insert_delivery(ENTRY, NOW),
        ]
    )

    assert await get_payment(database, PAYMENT.id) == PAYMENT
    assert await get_operation(database, OPERATION.id) == OPERATION
    assert await get_request(database, KEY) == REQUEST
    assert await list_entries(database, PAYMENT.id, 0, 10) == [ENTRY]
    assert await outbox_depth(database) == 1


async def test_no_writes_are_no_work(database: Database) -> None:
    """A change of nothing is stored by doing nothing."""
    await database.commit([])

    assert await get_payment(database, PAYMENT.id) is None


@pytest.mark.parametrize("place", [0, 1, 2])
async def test_a_failed_guard_undoes_the_unit(database: Database, place: int) -> None:
    """Wherever the guarded write stands, nothing of the unit is written."""
    await database.commit([insert_payment(PAYMENT)])
    writes = [insert_operation(OPERATION), insert_entry(ENTRY)]
    stale = replace(PAYMENT, state=PaymentState.CAPTURED, version=3)
    writes.insert(place, update_payment(stale, read_version=2))

    with pytest.raises(GuardFailedError) as failed:
        await database.commit(writes)

    assert failed.value.guard == "payment_version"
    assert await get_payment(database, PAYMENT.id) == PAYMENT
    assert await get_operation(database, OPERATION.id) is None
    assert await list_entries(database, PAYMENT.id, 0, 10) == []


async def test_the_second_guard_counts_as_well(database: Database) -> None:
    """A unit with two guards needs both."""
    await database.commit([insert_payment(PAYMENT), insert_operation(OPERATION)])
    await database.commit([settle_operation(OPERATION.id, OperationState.SUCCEEDED, "")])
    captured = replace(PAYMENT, state=PaymentState.CAPTURED, captured_minor=1999, version=2)

    with pytest.raises(GuardFailedError) as failed:
        await database.commit(
            [
                update_payment(captured, read_version=1),
                settle_operation(OPERATION.id, OperationState.FAILED, "late"),
            ]
        )

    assert failed.value.guard == "operation_open"
    assert await get_payment(database, PAYMENT.id) == PAYMENT


async def test_a_row_that_exists_undoes_the_unit(database: Database) -> None:
    """A unique key that is taken is named by its table, and nothing is written."""
    await database.commit([insert_request(REQUEST)])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_payment(PAYMENT), insert_request(REQUEST)])

    assert exists.value.table == "requests"
    assert await get_payment(database, PAYMENT.id) is None


@pytest.mark.parametrize("first", ["requests", "operations"])
async def test_the_first_write_that_cannot_be_decides(database: Database, first: str) -> None:
    """Of several rows that exist, the one whose write stands first is named."""
    await database.commit(
        [insert_payment(PAYMENT), insert_request(REQUEST), insert_operation(OPERATION)]
    )
    another = replace(OPERATION, id="op_2", idempotency_key="paygate-op_2")
    writes = [insert_request(REQUEST), insert_operation(another)]

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit(writes if first == "requests" else writes[::-1])

    assert exists.value.table == first


async def test_a_guard_that_stands_first_fails_first(database: Database) -> None:
    """A failed guard before a row that exists is what the caller hears of."""
    await database.commit([insert_payment(PAYMENT), insert_request(REQUEST)])

    with pytest.raises(GuardFailedError):
        await database.commit([update_payment(PAYMENT, read_version=9), insert_request(REQUEST)])
    with pytest.raises(AlreadyExistsError):
        await database.commit([insert_request(REQUEST), update_payment(PAYMENT, read_version=9)])


@pytest.mark.parametrize(
    "sums",
    [
        {"refunded_minor": -1},
        {"captured_minor": 1000, "refunded_minor": 1001},
        {"authorized_minor": 1999, "captured_minor": 2000},
        {"authorized_minor": 2000},
    ],
)
async def test_sums_that_cannot_be_are_refused(database: Database, sums: dict[str, int]) -> None:
    """0 ≤ refunded ≤ captured ≤ authorised ≤ amount: the database itself holds that."""
    await database.commit([insert_payment(PAYMENT)])
    wrong = payment(PaymentState.AUTHORIZED, version=2, **sums)

    with pytest.raises(INTEGRITY_ERRORS):
        await database.commit([update_payment(wrong, read_version=1), insert_entry(ENTRY)])

    assert await get_payment(database, PAYMENT.id) == PAYMENT
    assert await list_entries(database, PAYMENT.id, 0, 10) == []


async def test_a_value_that_no_column_holds_is_a_fault(database: Database) -> None:
    """It is not taken for an outage, nothing is written, and the connection goes on."""
    with pytest.raises((asyncpg.DataError, OverflowError)):
        await database.commit([insert_request(REQUEST), insert_payment(payment(version=2**63))])

    assert await get_request(database, KEY) is None


async def test_an_operation_without_its_payment_is_refused(database: Database) -> None:
    """A foreign key that leads nowhere at the end of a unit is a fault, and nothing is written."""
    with pytest.raises(INTEGRITY_ERRORS):
        await database.commit([insert_request(REQUEST), insert_operation(OPERATION)])

    assert await get_request(database, KEY) is None
    await database.commit([insert_request(REQUEST)])
