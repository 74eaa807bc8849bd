"""Several processes over one database: they share the work, and survive each other."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa

from gateway.bootstrap import Doors, wire
from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.events.applying import EventApplier
from gateway.events.delivery import LocalDelivery
from gateway.events.inbox_work import InboxWork
from gateway.leases import WorkLeases
from gateway.orders.decision import OrderAction, OrderDecision
from gateway.orders.handler import DoneWith, OrderHandler
from gateway.settings import load_settings
from gateway.signals import Wake
from gateway.storage.database import Database, open_database
from gateway.storage.inbox import finish_event, get_event, insert_event
from gateway.storage.outbox import insert_delivery, outbox_depth
from gateway.storage.payments import insert_payment
from gateway.storage.tables import inbox
from gateway.storage.writes import StorageUnavailableError
from gateway.workers import Job, Workers
from legacy_bridge.port import OrderState
from tests.integration.storage.test_claims import ACCOUNT as CLAIMED_ACCOUNT
from tests.integration.storage.test_claims import event, line
from tests.support.payments import payment
from tests.support.rig import ACCOUNT, Rig, SteppedDatabase, Steps
from tests.support.shop import StandingClock

LEASE = timedelta(seconds=30)
_PATIENCE_S = 60.0
_LOOK_EVERY_S = 0.01
_DUE = sa.select(inbox.c.event_id).where(inbox.c.next_attempt_time <= sa.bindparam("later"))


async def eventually(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what has to come; a time-out is a failure, and how long it takes is none."""
    async with asyncio.timeout(_PATIENCE_S):
        while not await holds():  # noqa: ASYNC110 - what is waited for is in the database
            await asyncio.sleep(_LOOK_EVERY_S)


class Applied:
    """What takes the place of the applier: it notes each event, and may hang before it ends."""

    def __init__(self, database: Database, counts: Counter[str]) -> None:
        self._database = database
        self._counts = counts
        self.open = asyncio.Event()
        self.open.set()
        self.failure: Exception | None = None

    async def apply(self, events: Sequence[InboxEvent]) -> InboxOutcome:
        self._counts.update(each.event.event_id for each in events)
        if self.failure is not None:
            raise self.failure
        await self.open.wait()
        await self._database.commit(
            [
                finish_event(each.psp_account, each.event.event_id, InboxOutcome.APPLIED)
                for each in events
            ]
        )
        return InboxOutcome.APPLIED


class Told:
    """What takes the place of the orders' handler: it notes who was told."""

    def __init__(self, database: Database, counts: Counter[str]) -> None:
        self._database = database
        self._counts = counts

    async def handle(self, order_id: str, done_with: DoneWith) -> OrderDecision:
        self._counts[order_id] += 1
        await asyncio.sleep(0)
        await self._database.commit(done_with({}))
        return OrderDecision(OrderAction.WAIT, "it was told")


class Replica:
    """The inbox and the delivery of one process, with a connection of its own."""

    def __init__(
        self, url: str, clock: StandingClock, counts: Counter[str], length: timedelta = LEASE
    ) -> None:
        self._opened = open_database(url)
        self.steps = Steps()
        database = SteppedDatabase(self._opened, self.steps)
        leases = WorkLeases(database, clock, length)
        self.applied = Applied(database, counts)
        applier = cast("EventApplier", self.applied)
        handler = cast("OrderHandler", Told(database, counts))
        arrivals, deliveries, accounts = Wake(), Wake(), (CLAIMED_ACCOUNT,)
        inbox = InboxWork(database, accounts, applier, clock, arrivals, leases)
        delivery = LocalDelivery(database, accounts, handler, clock, deliveries, leases)
        self.inbox = Job("inbox", inbox.run_once, arrivals, inbox.lanes)
        jobs = [self.inbox, Job("delivery", delivery.run_once, deliveries, delivery.lanes)]
        self.workers = Workers(jobs, look_every_s=0.01)

    async def kill(self) -> None:
        """Die as by `kill -9`: nothing more reaches the database."""
        self.steps.die()
        await self.workers.stop()

    async def close(self) -> None:
        await self.workers.stop()
        await self._opened.close()


@pytest.fixture
def clock() -> StandingClock:
    """The time of all replicas."""
    return StandingClock()


@pytest.fixture
def counts() -> Counter[str]:
    """How often each event was applied, and each order told, by all replicas together."""
    return Counter()


@pytest.fixture
async def replicas(
    migrated_url: str, clock: StandingClock, counts: Counter[str]
) -> AsyncIterator[tuple[Replica, Replica]]:
    """Two processes over one database."""
    one, other = (Replica(migrated_url, clock, counts) for _ in range(2))
    yield one, other
    await one.close()
    await other.close()


async def test_each_event_is_applied_and_each_order_told_once(
    replicas: tuple[Replica, Replica], database: Database, counts: Counter[str]
) -> None:
    """Whoever comes first has it, and the other finds other work."""
    events = [event(number, f"pi_{number // 2}") for number in range(1, 60)]
    await database.commit([insert_payment(payment()), *map(insert_event, events)])
    lines = [line(number) for number in range(1, 60)]
    await database.commit([insert_delivery(each, events[0].receive_time) for each in lines])
    for replica in replicas:
        replica.workers.start()

    async def all_done() -> bool:
        return len(counts) == len(events) + len(lines) and await outbox_depth(database) == 0

    await eventually(all_done)

    assert set(counts.values()) == {1}


async def _hanging(replica: Replica, database: Database, counts: Counter[str]) -> None:
    """Have a replica take an event on, and not come to its end."""
    await database.commit([insert_event(event(1))])
    replica.applied.open.clear()
    replica.workers.start()

    async def begun() -> bool:
        return counts["evt_001"] == 1

    await eventually(begun)


async def test_the_other_takes_over_once_the_lease_has_ended(
    replicas: tuple[Replica, Replica],
    database: Database,
    clock: StandingClock,
    counts: Counter[str],
) -> None:
    """A process was killed while it was at something; nobody takes it before the lease ends."""
    killed, other = replicas
    await _hanging(killed, database, counts)

    await killed.kill()
    clock.advance(LEASE - timedelta(microseconds=1))
    before = await other.workers.round()
    clock.advance(timedelta(microseconds=1))
    after = await other.workers.round()

    assert (before, after) == (False, True)
    assert counts == {"evt_001": 2}
    assert await _outcome(database) is InboxOutcome.APPLIED


async def test_a_process_that_stops_gives_back_what_it_is_at(
    replicas: tuple[Replica, Replica], database: Database, counts: Counter[str]
) -> None:
    """The other takes it at once, and no attempt is counted."""
    stopped, other = replicas
    await _hanging(stopped, database, counts)

    await stopped.workers.stop()

    given_back = await get_event(database, CLAIMED_ACCOUNT, "evt_001")
    assert given_back is not None
    assert given_back.attempts == 0
    assert await other.workers.round()
    assert await _outcome(database) is InboxOutcome.APPLIED


async def test_slow_work_is_not_taken_away(
    migrated_url: str, database: Database, clock: StandingClock, counts: Counter[str]
) -> None:
    """Its lease is renewed for as long as it lasts, here for ten times its length."""
    length = timedelta(milliseconds=30)
    slow = Replica(migrated_url, clock, counts, length)
    await _hanging(slow, database, counts)

    for _ in range(10):
        clock.advance(length - timedelta(milliseconds=1))
        now = clock.now

        async def renewed(now: Any = now) -> bool:
            # It would be due a little later than the old lease ends, if that was not renewed.
            later = now + timedelta(milliseconds=2)
            return not await database.fetch(_DUE, {"later": later})

        await eventually(renewed)
    slow.applied.open.set()
    await slow.inbox.lanes.join()

    assert counts == {"evt_001": 1}
    assert await _outcome(database) is InboxOutcome.APPLIED
    await slow.close()


async def test_what_failed_is_due_again(
    replicas: tuple[Replica, Replica], database: Database, counts: Counter[str]
) -> None:
    """The database was away when the work was to be stored: nobody waits for the lease to end."""
    failing, other = replicas
    await database.commit([insert_event(event(1))])
    failing.applied.failure = StorageUnavailableError("away")

    assert await failing.workers.round()
    assert await other.workers.round()

    assert counts == {"evt_001": 2}
    assert await _outcome(database) is InboxOutcome.APPLIED


async def test_events_of_a_payment_whose_lane_is_taken_wait_for_it(
    replicas: tuple[Replica, Replica], database: Database, counts: Counter[str]
) -> None:
    """They are not claimed, so that they are nobody's for no longer than that."""
    one, _ = replicas
    await _hanging(one, database, counts)
    again = event(2)
    again = replace(again, event=replace(again.event, psp_reference="pi_001"))
    await database.commit([insert_event(again), insert_event(event(3))])

    async def third_begun() -> bool:
        return counts["evt_003"] == 1

    await eventually(third_begun)
    assert counts["evt_002"] == 0
    one.applied.open.set()

    async def second_begun() -> bool:
        return counts["evt_002"] == 1

    await eventually(second_begun)


async def _outcome(database: Database) -> InboxOutcome | None:
    found = await get_event(database, CLAIMED_ACCOUNT, "evt_001")
    return None if found is None else found.outcome


@pytest.mark.parametrize("skew_h", [0, 1, -1])
async def test_two_gateways_release_each_order_once(
    rig: Rig, migrated_url: str, skew_h: int
) -> None:
    """Both work all the time, also if their clocks differ: every lease is then over for one."""
    orders = [f"order-{number}" for number in range(1, 7)]
    second = open_database(migrated_url)
    skew = timedelta(hours=skew_h)
    doors = Doors(second, rig.office, {ACCOUNT: rig.psp}, lambda: rig.now() + skew)
    other = wire(doors, rig.routing, load_settings(worker_poll_interval_s=0.01))
    rig.application.workers.start()
    other.workers.start()

    async def pay(order_id: str) -> None:
        await rig.draft(order_id)
        await rig.confirm(await rig.create(request_id=order_id, order_id=order_id))

    for order_id in orders:
        await pay(order_id)

    async def all_released() -> bool:
        states = [await rig.order_state(order_id) for order_id in orders]
        return set(states) == {OrderState.RELEASED}

    await eventually(all_released)
    await rig.application.workers.stop()
    await other.workers.stop()
    await rig.settle()

    assert [await rig.releases(order_id) for order_id in orders] == [1] * len(orders)
    intents = [intent for order_id in orders for intent in rig.intents(order_id)]
    assert [intent["captures"] for intent in intents] == [1] * len(orders)
    await other.shield.drain(0)
    await second.close()
