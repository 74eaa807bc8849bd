"""Rows that replicas take for themselves, on each database."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.operation import OperationState
from gateway.domain.outbox import Delivery
from gateway.domain.payment import PaymentState
from gateway.storage.database import Database, open_database
from gateway.storage.inbox import (
    claim_due_events,
    extend_event,
    finish_event,
    get_event,
    insert_event,
    postpone_event,
)
from gateway.storage.operations import claim_due_operations, insert_operation, postpone_operation
from gateway.storage.outbox import (
    claim_due_deliveries,
    delete_deliveries,
    deliveries_of,
    extend_delivery,
    get_deliveries,
    insert_delivery,
)
from gateway.storage.payments import insert_payment
from gateway.storage.writes import GuardFailedError, Write
from psp.port import PspEvent, PspEventSubject, ReviewStatus
from tests.support.payments import NOW, operation, payment

ACCOUNT = "stripe_eu"
LEASE = timedelta(seconds=30)
UNTIL = NOW + LEASE
LATER = NOW + LEASE + timedelta(microseconds=1)
_ROWS = 60
_CLAIMERS = 4


def event(number: int, reference: str = "", **changes: Any) -> InboxEvent:
    """A webhook of a payment of its own, if not told otherwise, received in turn."""
    told = PspEvent(
        event_id=f"evt_{number:03}",
        event_type="payment_intent.succeeded",
        subject=PspEventSubject.PAYMENT,
        psp_reference=reference or f"pi_{number:03}",
        payment_id="",
        occurred_time=NOW,
    )
    received_time = NOW - timedelta(seconds=_ROWS - number)
    return replace(InboxEvent(ACCOUNT, told, received_time), **changes)


def line(number: int, order_id: str = "") -> JournalEntry:
    """A journal line of an order of its own, if not told otherwise."""
    return JournalEntry(
        id=f"jnl_{number:026}",
        payment_id=payment().id,
        order_id=order_id or f"order-{number:03}",
        sequence=number,
        type=EventType.STATE_CHANGED,
        state=PaymentState.AUTHORIZED,
        review=ReviewStatus.NONE,
        currency="EUR",
        captured_minor=0,
        refunded_minor=0,
        create_time=NOW,
        details={},
    )


def delivery(entry: JournalEntry) -> Delivery:
    """The line as it is to be delivered."""
    return Delivery(entry.id, entry.order_id, entry.payment_id)


@dataclass(frozen=True)
class Kind:
    """One kind of rows that are claimed, so that each promise is kept for all of them."""

    fill: Callable[[Database, int], Awaitable[None]]
    """Store so many rows, due now, each a piece of work of its own."""
    claim: Callable[[Database, datetime, datetime, int], Awaitable[Sequence[Any]]]
    name: Callable[[Any], str]


async def _fill_inbox(database: Database, rows: int) -> None:
    await database.commit([insert_event(event(number)) for number in range(1, rows + 1)])


async def _fill_outbox(database: Database, rows: int) -> None:
    await database.commit([insert_payment(payment())])
    await database.commit([insert_delivery(line(number), NOW) for number in range(1, rows + 1)])


async def _fill_operations(database: Database, rows: int) -> None:
    ids = [f"pay_{number:026}" for number in range(rows)]
    await database.commit([insert_payment(payment(id=each, psp_reference=each)) for each in ids])
    due = [
        operation(id=f"op_{each}", payment_id=each, idempotency_key=each, next_check_time=NOW)
        for each in ids
    ]
    await database.commit([insert_operation(each) for each in due])


KINDS = {
    "inbox": Kind(
        _fill_inbox,
        lambda database, now, until, limit: claim_due_events(database, ACCOUNT, now, until, limit),
        lambda row: str(row.event.event_id),
    ),
    "outbox": Kind(
        _fill_outbox,
        lambda database, now, until, limit: claim_due_deliveries(
            database, ACCOUNT, now, until, limit
        ),
        lambda row: str(row.journal_id),
    ),
    "operations": Kind(
        _fill_operations,
        lambda database, now, until, limit: claim_due_operations(
            database, ACCOUNT, now, until, limit
        ),
        lambda row: str(row.id),
    ),
}


@pytest.fixture(params=sorted(KINDS))
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of rows in turn."""
    return KINDS[request.param]


@pytest.fixture
async def replicas(migrated_url: str) -> AsyncIterator[list[Database]]:
    """Several processes' connections to one database."""
    async with AsyncExitStack() as stack:
        opened = [open_database(migrated_url) for _ in range(_CLAIMERS)]
        for each in opened:
            stack.push_async_callback(each.close)
        yield opened


async def test_no_two_claimers_get_the_same_row(replicas: list[Database], kind: Kind) -> None:
    """They claim side by side until nothing is left: each row is somebody's, and once."""
    await kind.fill(replicas[0], _ROWS)

    async def drain(database: Database) -> list[str]:
        mine: list[str] = []
        while rows := await kind.claim(database, NOW, UNTIL, 3):
            mine += [kind.name(row) for row in rows]
        return mine

    taken: Counter[str] = Counter()
    while len(taken) < _ROWS:  # a claimer that meets only rows of others goes home early
        for mine in await asyncio.gather(*(drain(each) for each in replicas)):
            taken.update(mine)

    assert set(taken.values()) == {1}
    assert len(taken) == _ROWS
    assert await kind.claim(replicas[0], NOW, UNTIL, _ROWS) == []


async def test_a_claim_takes_no_more_than_there_is_room_for(database: Database, kind: Kind) -> None:
    """The others stay due for whoever has room."""
    await kind.fill(database, 5)

    first = await kind.claim(database, NOW, UNTIL, 2)
    rest = await kind.claim(database, NOW, UNTIL, 9)

    assert (len(first), len(rest)) == (2, 3)
    names = [kind.name(row) for row in (*first, *rest)]
    assert names == sorted(names), "the first in line go first"


async def test_a_lease_that_ended_is_claimable(database: Database, kind: Kind) -> None:
    """Whoever held it may be dead."""
    await kind.fill(database, 1)
    (lost,) = await kind.claim(database, NOW, UNTIL, 1)

    before = await kind.claim(database, UNTIL - timedelta(microseconds=1), LATER + LEASE, 1)
    (taken,) = await kind.claim(database, UNTIL, LATER + LEASE, 1)

    assert before == []
    assert kind.name(taken) == kind.name(lost)


async def test_what_is_not_due_or_of_another_account_is_not_claimed(
    database: Database, kind: Kind
) -> None:
    """Each account's road has room of its own."""
    await kind.fill(database, 1)

    early = await kind.claim(database, NOW - timedelta(hours=1), UNTIL, 9)

    assert early == []
    assert await claim_due_events(database, "stripe_us", NOW, UNTIL, 9) == []
    assert await claim_due_deliveries(database, "stripe_us", NOW, UNTIL, 9) == []
    assert await claim_due_operations(database, "stripe_us", NOW, UNTIL, 9) == []


async def test_rows_of_one_piece_of_work_come_together(database: Database) -> None:
    """The room is counted in payments and in orders, not in rows."""
    events = [event(1, "pi_a"), event(2, "pi_b"), event(3, "pi_a"), event(4, "pi_c")]
    lines = [line(1, "order-a"), line(2, "order-b"), line(3, "order-a"), line(4, "order-c")]
    await database.commit([insert_payment(payment()), *map(insert_event, events)])
    await database.commit([insert_delivery(each, NOW) for each in lines])

    assert await claim_due_events(database, ACCOUNT, NOW, UNTIL, 1) == [events[0], events[2]]
    assert await claim_due_deliveries(database, ACCOUNT, NOW, UNTIL, 1) == [
        delivery(lines[0]),
        delivery(lines[2]),
    ]


async def test_events_about_no_payment_are_pieces_of_their_own(database: Database) -> None:
    """Nothing says that they belong together."""
    events = [
        replace(each, event=replace(each.event, psp_reference="")) for each in (event(1), event(2))
    ]
    await database.commit([*map(insert_event, events)])

    assert await claim_due_events(database, ACCOUNT, NOW, UNTIL, 1) == events[:1]
    assert await claim_due_events(database, ACCOUNT, NOW, UNTIL, 1, ["evt_002"]) == []


async def test_what_is_left_out_is_not_claimed(database: Database) -> None:
    """Its lane is taken: it waits, whatever else there is room for."""
    await database.commit([insert_payment(payment()), *map(insert_event, (event(1), event(2)))])
    await database.commit([insert_delivery(each, NOW) for each in (line(1), line(2))])

    assert await claim_due_events(database, ACCOUNT, NOW, UNTIL, 9, ["pi_001"]) == [event(2)]
    assert await claim_due_deliveries(database, ACCOUNT, NOW, UNTIL, 9, ["order-001"]) == [
        delivery(line(2))
    ]
    assert await claim_due_events(database, ACCOUNT, NOW, UNTIL, 9) == [event(1)]
    assert await claim_due_deliveries(database, ACCOUNT, NOW, UNTIL, 9) == [delivery(line(1))]


@dataclass(frozen=True)
class Held:
    """One row under a lease, and what its holder may do with it."""

    extend: Callable[[datetime, datetime], Write]
    release: Callable[[datetime, datetime], Write]
    claim: Callable[[datetime], Awaitable[int]]
    """Claim at a time; how many rows that got."""
    done: Write


@pytest.fixture(params=["event", "delivery"])
async def held(database: Database, request: pytest.FixtureRequest) -> Held:
    """A row that is claimed until `UNTIL`."""

    async def events(now: datetime) -> int:
        return len(await claim_due_events(database, ACCOUNT, now, now + LEASE, 9))

    async def deliveries(now: datetime) -> int:
        return len(await claim_due_deliveries(database, ACCOUNT, now, now + LEASE, 9))

    await database.commit([insert_payment(payment())])
    if request.param == "event":
        await database.commit([insert_event(event(1))])
        assert await events(NOW) == 1
        return Held(
            lambda held, until: extend_event(event(1), held=held, until=until),
            lambda held, now: extend_event(event(1), held=held, until=now),
            events,
            finish_event(ACCOUNT, "evt_001", InboxOutcome.APPLIED),
        )
    await database.commit([insert_delivery(line(1), NOW)])
    assert await deliveries(NOW) == 1
    told = delivery(line(1))
    return Held(
        lambda held, until: extend_delivery(told, held=held, until=until),
        lambda held, now: extend_delivery(told, held=held, until=now),
        deliveries,
        delete_deliveries([told.journal_id]),
    )


async def test_an_extended_lease_holds_longer(database: Database, held: Held) -> None:
    """Slow work stays with who does it."""
    await database.commit([held.extend(UNTIL, UNTIL + LEASE)])

    assert await held.claim(LATER) == 0
    assert await held.claim(LATER + LEASE) == 1


async def test_a_released_row_is_due_at_once(database: Database, held: Held) -> None:
    """A process that stops keeps nobody waiting, and no attempt is counted."""
    await database.commit([held.release(UNTIL, NOW)])

    assert await held.claim(NOW) == 1
    read = await get_event(database, ACCOUNT, "evt_001")
    lines = await deliveries_of(database, "order-001")
    assert [each.attempts for each in (read, *lines) if each] == [0]


async def test_a_lost_lease_cannot_be_moved(database: Database, held: Held) -> None:
    """Who was too slow touches no lease of whoever took over."""
    assert await held.claim(LATER) == 1

    await database.commit([held.extend(UNTIL, LATER + 3 * LEASE)])
    assert await held.claim(LATER + LEASE) == 1
    await database.commit([held.release(UNTIL, NOW)])

    assert await held.claim(LATER + LEASE) == 0


async def test_what_is_done_is_not_due_again_by_a_late_extension(
    database: Database, held: Held
) -> None:
    """The work ended while its lease was being extended."""
    await database.commit([held.done])

    await database.commit([held.extend(UNTIL, UNTIL + LEASE)])
    await database.commit([held.release(UNTIL, NOW)])

    assert await held.claim(LATER + 9 * LEASE) == 0


async def test_what_was_put_off_stays_put_off(database: Database) -> None:
    """Its pause is longer than a lease that nobody ended."""
    await database.commit([insert_event(event(1))])
    (mine,) = await claim_due_events(database, ACCOUNT, NOW, UNTIL, 1)
    await database.commit([postpone_event(mine, NOW + 9 * LEASE)])

    await database.commit([extend_event(mine, held=UNTIL, until=NOW)])

    assert await claim_due_events(database, ACCOUNT, LATER, LATER + LEASE, 1) == []


async def test_a_claimed_operation_counts_an_attempt(database: Database) -> None:
    """Whoever read it before cannot claim it, nor put it off."""
    await _fill_operations(database, 1)
    (stale,) = await claim_due_operations(database, ACCOUNT, NOW, NOW, 1)

    (claimed,) = await claim_due_operations(database, ACCOUNT, NOW, UNTIL, 1)

    assert (stale.attempts, claimed.attempts) == (1, 2)
    assert claimed == replace(stale.claimed(), next_check_time=UNTIL)
    write = postpone_operation(stale, state=OperationState.PENDING, error="", next_check_time=NOW)
    with pytest.raises(GuardFailedError):
        await database.commit([write])


async def test_lines_are_found_by_order_and_by_id(database: Database) -> None:
    """Due or not: who reads them was told of them elsewhere."""
    await database.commit([insert_payment(payment())])
    lines = [line(1, "order-a"), line(2, "order-b"), line(3, "order-a")]
    await database.commit([insert_delivery(each, LATER) for each in lines])

    assert await deliveries_of(database, "order-a") == [delivery(lines[0]), delivery(lines[2])]
    assert await deliveries_of(database, "order-z") == []
    assert await get_deliveries(database, [lines[2].id, lines[1].id, "jnl_none"]) == [
        delivery(lines[1]),
        delivery(lines[2]),
    ]
    assert await get_deliveries(database, []) == []
