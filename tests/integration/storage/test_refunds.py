"""Refunds as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from gateway.domain.refund import RefundCause, RefundFilter, RefundState
from gateway.storage.database import Database
from gateway.storage.payments import insert_payment
from gateway.storage.refunds import (
    REFUND_GUARD,
    get_refund,
    insert_refund,
    list_refunds,
    refunds_of_order,
    refunds_of_payment,
    update_refund,
)
from gateway.storage.writes import AlreadyExistsError, GuardFailedError
from psp.port import FailureCategory, PspFailure
from tests.support.payments import NOW, payment, refund

_FAILURE = PspFailure(FailureCategory.DECLINED, "declined", "Refusé.", retryable=False)
_OTHER = "pay_00000000000000000000000002"


@pytest.fixture
async def stored(database: Database) -> Database:
    """Return a database with two payments of two orders."""
    other = payment(id=_OTHER, order_id="order-2", psp_reference="pi_2")
    await database.commit([insert_payment(payment()), insert_payment(other)])
    return database


async def test_a_refund_is_read_as_it_was_stored(stored: Database) -> None:
    """Every field survives, with its types."""
    kept = refund(RefundState.FAILED, failure=_FAILURE, cause=RefundCause.PSP, reason="")
    await stored.commit([insert_refund(kept)])

    read = await get_refund(stored, kept.id)

    assert read == kept
    assert read is not None
    assert isinstance(read.state, RefundState)
    assert isinstance(read.cause, RefundCause)
    assert await get_refund(stored, "ref_unknown") is None


async def test_a_change_is_stored_over_the_version_that_was_read(stored: Database) -> None:
    """A writer that read an older version is refused."""
    before = refund(RefundState.OUTCOME_UNKNOWN, psp_reference="")
    await stored.commit([insert_refund(before)])
    after = replace(
        before,
        state=RefundState.FAILED,
        psp_reference="re_9",
        failure=_FAILURE,
        update_time=NOW + timedelta(seconds=1),
        version=2,
    )

    await stored.commit([update_refund(after, read_version=1)])
    with pytest.raises(GuardFailedError) as failed:
        await stored.commit([update_refund(replace(after, version=3), read_version=1)])

    assert failed.value.guard == REFUND_GUARD
    assert await get_refund(stored, before.id) == after


async def test_what_is_set_once_is_never_changed(stored: Database) -> None:
    """An amount, a cause or a payment that another writer believes in is not stored."""
    before = refund()
    await stored.commit([insert_refund(before)])
    wrong = replace(
        before, amount=before.amount.with_amount(1), payment_id=_OTHER, psp_account="x", version=2
    )

    await stored.commit([update_refund(wrong, read_version=1)])

    assert await get_refund(stored, before.id) == replace(before, version=2)


async def test_a_psps_refund_is_one_row(stored: Database) -> None:
    """Whoever learns of it second is told so, by insert or by update."""
    unanswered = refund(RefundState.OUTCOME_UNKNOWN, id="ref_2", psp_reference="")
    await stored.commit([insert_refund(refund()), insert_refund(unanswered)])

    for write in (
        insert_refund(refund(id="ref_3")),
        update_refund(replace(unanswered, psp_reference="re_1", version=2), read_version=1),
    ):
        with pytest.raises(AlreadyExistsError) as exists:
            await stored.commit([write])
        assert exists.value.table == "refunds"


async def test_references_differ_by_account_and_may_be_missing(stored: Database) -> None:
    """Two accounts may use the same reference, and many refunds have none yet."""
    rows = [
        refund(),
        refund(id="ref_2", psp_account="ogone_fr"),
        refund(id="ref_3", psp_reference=""),
        refund(id="ref_4", psp_reference=""),
    ]
    await stored.commit([insert_refund(row) for row in rows])

    assert len(await refunds_of_payment(stored, payment().id)) == 4


async def test_refunds_are_found_by_payment_and_by_order(stored: Database) -> None:
    """The oldest first, and no others."""
    rows = [
        refund(id="ref_2", psp_reference="re_2"),
        refund(id="ref_1", psp_reference="re_1"),
        refund(id="ref_3", psp_reference="re_3", payment_id=_OTHER, order_id="order-2"),
    ]
    await stored.commit([insert_refund(row) for row in rows])

    assert await refunds_of_payment(stored, payment().id) == [rows[1], rows[0]]
    assert await refunds_of_order(stored, "order-2") == [rows[2]]
    assert await refunds_of_order(stored, "order-9") == []


@pytest.mark.parametrize(
    "wanted,numbers",
    [
        (RefundFilter(), [4, 3, 2, 1]),
        (RefundFilter(payment_id=_OTHER), [4, 3]),
        (RefundFilter(order_id="order-1"), [2, 1]),
        (RefundFilter(state=RefundState.PENDING), [4, 2]),
        (RefundFilter(psp_account="ogone_fr"), [1]),
        (RefundFilter(order_id="order-2", state=RefundState.SUCCEEDED), [3]),
        (RefundFilter(order_id="order-9"), []),
    ],
)
async def test_a_list_is_narrowed_and_paged(
    stored: Database, wanted: RefundFilter, numbers: list[int]
) -> None:
    """The newest first; a page goes on after the last id of the one before."""
    await stored.commit(
        [
            insert_refund(
                refund(
                    RefundState.SUCCEEDED if number % 2 else RefundState.PENDING,
                    id=f"ref_{number}",
                    psp_reference=f"re_{number}",
                    psp_account="ogone_fr" if number == 1 else "stripe_eu",
                    payment_id=payment().id if number < 3 else _OTHER,
                    order_id="order-1" if number < 3 else "order-2",
                )
            )
            for number in (1, 2, 3, 4)
        ]
    )

    found = await list_refunds(stored, wanted, "", 500)
    assert [each.id for each in found] == [f"ref_{number}" for number in numbers]
    paged, before_id = [], ""
    while page := await list_refunds(stored, wanted, before_id, 1):
        paged += page
        before_id = page[-1].id
    assert paged == found
