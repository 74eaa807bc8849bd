"""Payments as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.journal import EventType
from gateway.domain.operation import OperationState
from gateway.domain.payment import Payment, PaymentFilter, PaymentState
from gateway.domain.requests import RequestKey, StoredRequest
from gateway.domain.transitions import Event, entry_of
from gateway.storage.database import Database
from gateway.storage.journal import insert_entry
from gateway.storage.operations import insert_operation, settle_operation
from gateway.storage.payments import (
    OrderPayments,
    find_payment_and_change,
    find_payment_by_reference,
    get_payment,
    get_payment_with_request,
    insert_payment,
    list_payments,
    order_payments,
    payments_of_order,
    update_payment,
)
from gateway.storage.requests import insert_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError
from psp.port import FailureCategory, PspFailure, ReviewStatus
from tests.support.payments import NOW, operation, payment

FAILURE = PspFailure(FailureCategory.DECLINED, "do_not_honor", "La carte a été refusée.", True)
KEY = RequestKey("checkout", "CapturePayment", "r-1")
REQUEST = StoredRequest(KEY, "fingerprint", "pay_1", NOW)


def numbered(number: int, **changes: Any) -> Payment:
    """A payment whose id is in the order of its number."""
    return payment(id=f"pay_{number}", psp_reference=f"pi_{number}", **changes)


async def test_a_payment_is_read_as_it_was_stored(database: Database) -> None:
    """Every field survives, to the microsecond and with its types."""
    stored = payment(
        failure=FAILURE,
        capture_before=NOW + timedelta(days=7, microseconds=1),
        review=ReviewStatus.OPEN,
    )

    await database.commit([insert_payment(stored)])

    read = await get_payment(database, stored.id)
    assert read == stored
    assert read is not None
    assert isinstance(read.state, PaymentState)


async def test_an_unknown_payment_is_none(database: Database) -> None:
    """Nothing is found for an id that nobody made."""
    assert await get_payment(database, "pay_unknown") is None
    assert await find_payment_by_reference(database, "stripe_eu", "pi_unknown") is None
    assert await payments_of_order(database, "order-unknown") == []


async def test_a_second_payment_of_an_id_exists_already(database: Database) -> None:
    """An id belongs to one payment."""
    await database.commit([insert_payment(payment())])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_payment(payment(order_id="order-2"))])

    assert exists.value.table == "payments"


async def test_a_change_is_stored_over_the_version_that_was_read(database: Database) -> None:
    """A writer that read an older version is refused."""
    before = payment()
    await database.commit([insert_payment(before)])
    after = replace(
        before,
        state=PaymentState.CAPTURED,
        captured_minor=1999,
        refunded_minor=5,
        review=ReviewStatus.APPROVED,
        psp_reference="pi_2",
        failure=FAILURE,
        capture_before=NOW,
        last_sequence=4,
        update_time=NOW + timedelta(seconds=1),
        version=2,
    )

    await database.commit([update_payment(after, read_version=1)])
    with pytest.raises(GuardFailedError):
        await database.commit([update_payment(replace(before, version=2), read_version=1)])

    assert await get_payment(database, before.id) == after


async def test_the_psp_account_never_changes(database: Database) -> None:
    """A payment stays pinned, and stays what it was made as, whatever a writer hands in."""
    await database.commit([insert_payment(payment())])
    moved = payment(psp_account="stripe_us", order_id="order-2", country_code="US", version=2)

    await database.commit([update_payment(moved, read_version=1)])

    assert await get_payment(database, moved.id) == payment(version=2)


async def test_a_payment_is_found_by_its_reference(database: Database) -> None:
    """A reference is looked up at its own account."""
    await database.commit([insert_payment(numbered(1)), insert_payment(numbered(2))])

    assert await find_payment_by_reference(database, "stripe_eu", "pi_2") == numbered(2)
    assert await find_payment_by_reference(database, "stripe_us", "pi_2") is None


async def test_payments_of_an_order_come_newest_first(database: Database) -> None:
    """All attempts to pay an order, and no other order's."""
    made = [numbered(1), numbered(2, order_id="order-2"), numbered(3)]
    await database.commit([insert_payment(one) for one in made])

    assert await payments_of_order(database, "order-1") == [numbered(3), numbered(1)]


async def test_lists_are_paged_newest_first(database: Database) -> None:
    """A page starts after the last id of the one before."""
    await database.commit([insert_payment(numbered(number)) for number in range(1, 6)])
    everything = PaymentFilter()

    first = await list_payments(database, everything, "", 2)
    second = await list_payments(database, everything, first[-1].id, 2)
    third = await list_payments(database, everything, second[-1].id, 2)

    pages = [[one.id for one in page] for page in (first, second, third)]
    assert pages == [["pay_5", "pay_4"], ["pay_3", "pay_2"], ["pay_1"]]


@pytest.mark.parametrize(
    "wanted, expected",
    [
        (PaymentFilter(), ["pay_4", "pay_3", "pay_2", "pay_1"]),
        (PaymentFilter(order_id="order-2"), ["pay_2"]),
        (PaymentFilter(customer_id="shopper-2"), ["pay_3"]),
        (PaymentFilter(state=PaymentState.CAPTURED), ["pay_4"]),
        (PaymentFilter(psp_account="stripe_us"), ["pay_4", "pay_2"]),
        (PaymentFilter(psp_account="stripe_us", state=PaymentState.AUTHORIZED), ["pay_2"]),
        (PaymentFilter(order_id="order-2", customer_id="shopper-2"), []),
    ],
)
async def test_a_filter_narrows_by_every_field_it_names(
    database: Database, wanted: PaymentFilter, expected: list[str]
) -> None:
    """Fields are combined; an empty one does not narrow."""
    made = [
        numbered(1),
        numbered(2, order_id="order-2", psp_account="stripe_us"),
        numbered(3, customer_id="shopper-2"),
        numbered(4, state=PaymentState.CAPTURED, captured_minor=1999, psp_account="stripe_us"),
    ]
    await database.commit([insert_payment(one) for one in made])

    listed = await list_payments(database, wanted, "", 10)
    older = await list_payments(database, wanted, "pay_3", 10)

    assert [one.id for one in listed] == expected
    assert [one.id for one in older] == [one for one in expected if one < "pay_3"]


@pytest.mark.parametrize("has_payment", [True, False])
@pytest.mark.parametrize("has_request", [True, False])
async def test_a_payment_and_a_request_come_in_one_answer(
    database: Database, has_payment: bool, has_request: bool
) -> None:
    """Each is there or not, whatever the other is."""
    await database.commit(
        [
            *([insert_payment(numbered(1))] if has_payment else []),
            *([insert_request(REQUEST)] if has_request else []),
            insert_payment(numbered(2)),
            insert_request(replace(REQUEST, key=replace(KEY, request_id="r-2"))),
        ]
    )

    found = await get_payment_with_request(database, "pay_1", KEY)

    assert found == (numbered(1) if has_payment else None, REQUEST if has_request else None)


async def test_payments_are_read_with_whether_they_are_being_changed_or_told(
    database: Database,
) -> None:
    """In one round trip: an operation under way counts, one that is settled does not."""
    first, second = numbered(1), numbered(2)
    begun = operation(id="op_1", payment_id=second.id)
    await database.commit([insert_payment(first), insert_payment(second), insert_operation(begun)])

    during = await order_payments(database, first.order_id)
    found = [
        await find_payment_and_change(database, each.psp_account, each.psp_reference)
        for each in (first, second)
    ]
    await database.commit([settle_operation(begun.id, OperationState.SUCCEEDED, "")])
    told = [
        entry_of(first, Event(EventType.ORDER_RELEASED), 1, NOW),
        entry_of(second, Event(EventType.ORDER_HELD), 1, NOW),
    ]
    await database.commit([insert_entry(each) for each in told])
    after = await order_payments(database, first.order_id)

    assert during == OrderPayments([second, first], frozenset({second.id}), frozenset())
    assert found == [(first, False), (second, True)]
    assert after == OrderPayments([second, first], frozenset(), frozenset({first.id}))
    assert await find_payment_and_change(database, "stripe_eu", "pi_unknown") == (None, False)
