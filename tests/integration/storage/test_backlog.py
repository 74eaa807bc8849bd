"""What waits, counted on each database without reading what is dealt with."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy.dialects import sqlite as dialects

from gateway.domain.backlog import Backlog, Waiting
from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.operation import OperationState
from gateway.domain.payment import PaymentState
from gateway.domain.refund import RefundState
from gateway.storage.backlog import STATEMENTS, read_backlog
from gateway.storage.database import Database
from gateway.storage.inbox import finish_event, insert_event
from gateway.storage.job_leases import save_cursor, try_lease
from gateway.storage.journal import insert_entry
from gateway.storage.operations import insert_operation
from gateway.storage.outbox import insert_delivery
from gateway.storage.payments import insert_payment
from gateway.storage.refunds import insert_refund
from gateway.storage.sqlite import sqlite_file
from psp.port import PspEvent, PspEventSubject, ReviewStatus
from tests.support.payments import NOW, operation, payment, refund

_NOTHING = Waiting()
_QUEUES = ("inbox", "outbox", "account", "refund_files", "aliases")


async def test_an_empty_database_has_no_backlog(database: Database) -> None:
    """Every queue and every state is there, and empty."""
    assert await read_backlog(database, ["stripe_eu"], NOW) == Backlog(
        operations={"pending": _NOTHING, "unknown": _NOTHING},
        queues=dict.fromkeys(_QUEUES, _NOTHING),
        refunds_unsettled=_NOTHING,
        refunds_overdue=0,
        postings_refused=0,
        captures_unfinished=0,
    )


async def test_what_waits_is_counted_from_when_it_began(database: Database) -> None:
    """What is dealt with counts for nothing; the oldest of the rest says how old it is."""
    early, late = NOW - timedelta(hours=30), NOW - timedelta(minutes=1)
    unfinished = payment(
        PaymentState.PROCESSING,
        id="pay_00000000000000000000000003",
        psp_reference="pi_3",
        authorized_minor=1999,
    )
    await database.commit([insert_payment(payment()), insert_payment(unfinished)])
    done = operation(id="op_1", idempotency_key="k1", state=OperationState.SUCCEEDED)
    unknown = operation(
        id="op_2", idempotency_key="k2", state=OperationState.UNKNOWN, create_time=early
    )
    await database.commit([insert_operation(done), insert_operation(unknown)])
    for number, received in enumerate((early, late)):
        event = PspEvent(f"evt_{number}", "t", PspEventSubject.PAYMENT, "pi_1", "", received)
        await database.commit([insert_event(InboxEvent("stripe_eu", event, received))])
    await database.commit([finish_event("stripe_eu", "evt_0", InboxOutcome.APPLIED)])
    line = JournalEntry(
        id="jnl_1",
        payment_id=payment().id,
        order_id="order-1",
        sequence=1,
        type=EventType.STATE_CHANGED,
        state=PaymentState.AUTHORIZED,
        review=ReviewStatus.NONE,
        currency="EUR",
        captured_minor=0,
        refunded_minor=0,
        create_time=early,
    )
    await database.commit([insert_entry(line), insert_delivery(line, NOW)])
    open_refund = refund(RefundState.PENDING, create_time=early)
    young = replace(
        open_refund, id="ref_00000000000000000000000009", psp_reference="re_9", create_time=late
    )
    await database.commit([insert_refund(open_refund), insert_refund(young)])
    assert await try_lease(database, "sweeper", "me", NOW, NOW + timedelta(minutes=5))
    await database.commit([save_cursor("sweeper", "me", late.isoformat())])

    backlog = await read_backlog(database, ["stripe_eu"], NOW - timedelta(hours=24))

    assert backlog.operations == {"pending": _NOTHING, "unknown": Waiting(1, early)}
    assert backlog.queues["inbox"] == Waiting(1, late)
    assert backlog.queues["outbox"] == Waiting(1, early)
    assert backlog.refunds_unsettled == Waiting(2, early)
    assert backlog.refunds_overdue == 1
    assert backlog.captures_unfinished == 1
    assert backlog.jobs == {"sweeper": late}


@pytest.mark.parametrize("dialect", ["sqlite"], indirect=True)
@pytest.mark.parametrize("number", range(len(STATEMENTS)))
async def test_no_table_is_read_from_end_to_end(migrated_url: str, number: int) -> None:
    """An index answers each; the outbox alone is read whole, since all of it waits."""
    compiled = STATEMENTS[number].compile(dialect=dialects.dialect())
    with closing(sqlite3.connect(sqlite_file(migrated_url))) as connection:
        values = ["[]" if name == "rows_json" else 0 for name in compiled.positiontup or ()]
        rows = connection.execute(f"EXPLAIN QUERY PLAN {compiled}", values).fetchall()
    plan = [str(row[3]) for row in rows]

    scans = [step for step in plan if re.match(r"SCAN (?!outbox|given|json_each)", step)]
    assert [step for step in scans if "USING" not in step] == [], plan
