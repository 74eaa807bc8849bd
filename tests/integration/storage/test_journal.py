"""The journal and its deliveries as rows, on each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.outbox import Delivery
from gateway.domain.payment import PaymentState
from gateway.storage.database import Database
from gateway.storage.journal import insert_entry, list_entries, newest_entries
from gateway.storage.outbox import (
    claim_due_deliveries,
    delete_deliveries,
    delete_deliveries_until,
    insert_delivery,
    outbox_depth,
    postpone_delivery,
)
from gateway.storage.payments import insert_payment
from gateway.storage.writes import AlreadyExistsError
from psp.port import ReviewStatus
from tests.support.payments import NOW, payment

PAYMENT = payment()
LATER = NOW + timedelta(seconds=30)


def line(sequence: int, order_id: str = PAYMENT.order_id) -> JournalEntry:
    """A line of a journal."""
    return JournalEntry(
        id=f"evt_{sequence}",
        payment_id=PAYMENT.id,
        order_id=order_id,
        sequence=sequence,
        type=EventType.STATE_CHANGED,
        state=PaymentState.CAPTURED,
        review=ReviewStatus.APPROVED,
        currency="EUR",
        captured_minor=1999,
        refunded_minor=1,
        create_time=NOW + timedelta(microseconds=sequence),
        details={"from": "authorized", "note": "é"},
    )


def delivery(entry: JournalEntry, **changes: Any) -> Delivery:
    """The delivery of a line."""
    base = Delivery(entry.id, entry.order_id, entry.payment_id)
    return replace(base, **changes)


@pytest.fixture
async def lines(database: Database) -> list[JournalEntry]:
    """Four lines of a payment, stored in no order."""
    entries = [line(number) for number in (1, 2, 3, 4)]
    shuffled = [entries[number] for number in (2, 0, 3, 1)]
    await database.commit([insert_payment(PAYMENT), *(insert_entry(one) for one in shuffled)])
    return entries


async def test_lines_are_read_in_their_sequence(
    database: Database, lines: list[JournalEntry]
) -> None:
    """Every field survives; a page goes on after a sequence."""
    assert await list_entries(database, PAYMENT.id, 0, 10) == lines
    assert await list_entries(database, PAYMENT.id, 1, 2) == lines[1:3]
    assert await list_entries(database, PAYMENT.id, 4, 10) == []
    assert await list_entries(database, "pay_unknown", 0, 10) == []


async def test_a_sequence_is_taken_once(database: Database, lines: list[JournalEntry]) -> None:
    """Two writers cannot both write a payment's next line."""
    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_entry(replace(lines[3], id="evt_other"))])

    assert exists.value.table == "journal"


async def test_due_lines_are_delivered_oldest_first(
    database: Database, lines: list[JournalEntry]
) -> None:
    """What is not due yet waits; a limit takes the orders whose lines are the oldest."""
    entries = [line(number, f"order_{number}") for number in (3, 1, 2)]
    await database.commit(
        [
            *(insert_delivery(entry, NOW) for entry in entries),
            insert_delivery(line(4), NOW + timedelta(microseconds=1)),
        ]
    )

    due = await claim_due_deliveries(database, "stripe_eu", NOW, NOW, 10)
    first = await claim_due_deliveries(database, "stripe_eu", NOW, NOW, 2)

    assert due == [delivery(line(number, f"order_{number}")) for number in (1, 2, 3)]
    assert first == due[:2]
    assert await outbox_depth(database) == 4


async def test_a_delivered_line_is_struck_off(
    database: Database, lines: list[JournalEntry]
) -> None:
    """Striking it off twice is no fault: delivery is at least once."""
    await database.commit([insert_delivery(line(1), NOW), insert_delivery(line(2), NOW)])

    await database.commit([delete_deliveries(["evt_1"])])
    await database.commit([delete_deliveries(["evt_1"])])

    assert await claim_due_deliveries(database, "stripe_eu", NOW, NOW, 10) == [delivery(line(2))]
    assert await outbox_depth(database) == 1


async def test_what_was_seen_of_a_journal_is_struck_off(
    database: Database, lines: list[JournalEntry]
) -> None:
    """Up to a line of one payment; later lines, and those of others, stay."""
    other = payment(id="pay_other", psp_reference="pi_other")
    foreign = replace(line(9), id="evt_9", payment_id=other.id, sequence=1)
    await database.commit([insert_payment(other), insert_entry(foreign)])
    await database.commit([insert_delivery(each, NOW) for each in (*lines, foreign)])

    await database.commit([delete_deliveries_until(PAYMENT.id, 2)])

    left = await claim_due_deliveries(database, "stripe_eu", NOW, NOW, 10)
    assert [each.journal_id for each in left] == ["evt_3", "evt_4", "evt_9"]


async def test_a_failed_delivery_is_put_off(database: Database, lines: list[JournalEntry]) -> None:
    """It counts the attempt, says why, and comes again when its time has come."""
    await database.commit([insert_delivery(line(1), NOW)])
    (read,) = await claim_due_deliveries(database, "stripe_eu", NOW, NOW, 10)

    await database.commit(
        [postpone_delivery(read, next_attempt_time=LATER, error="the back office is down")]
    )

    assert await claim_due_deliveries(database, "stripe_eu", NOW, NOW, 10) == []
    expected = delivery(line(1), attempts=1, last_error="the back office is down")
    assert await claim_due_deliveries(database, "stripe_eu", LATER, LATER, 10) == [expected]


async def test_a_line_is_delivered_once_at_a_time(database: Database) -> None:
    """A line has one row in the outbox."""
    await database.commit([insert_delivery(line(1), NOW)])

    with pytest.raises(AlreadyExistsError) as exists:
        await database.commit([insert_delivery(line(1), NOW)])

    assert exists.value.table == "outbox"


async def test_each_account_is_asked_for_its_own(
    database: Database, lines: list[JournalEntry]
) -> None:
    """A PSP that hangs does not stand in the way of another's orders."""
    await database.commit([insert_delivery(line(1), NOW)])

    assert await claim_due_deliveries(database, "stripe_us", NOW, NOW, 10) == []
    own = await claim_due_deliveries(database, PAYMENT.psp_account, NOW, NOW, 10)
    assert own == [delivery(line(1))]


async def test_the_newest_lines_of_one_type(database: Database, lines: list[JournalEntry]) -> None:
    """Newest first, and no other type's."""
    changed, released = EventType.STATE_CHANGED, EventType.ORDER_RELEASED

    assert await newest_entries(database, PAYMENT.id, changed, 2) == [lines[3], lines[2]]
    assert await newest_entries(database, PAYMENT.id, released, 2) == []
