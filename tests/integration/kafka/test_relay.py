"""A relay and the database: what is claimed, given back, and published again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import pytest

from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.events.kafka.messages import Record
from gateway.events.kafka.relay import Relay
from gateway.events.kafka.setup import BrokersUnreachableError
from gateway.events.kafka.shelves import InboxShelf
from gateway.events.kafka.topics import Topics
from gateway.storage.database import Database
from gateway.storage.inbox import finish_event, get_event, insert_event
from psp.port import PspEvent, PspEventSubject
from tests.support.payments import NOW

_ACCOUNT = "stripe_eu"
_LEASE = timedelta(minutes=2)


class Brokers:
    """Take messages, or do not."""

    def __init__(self) -> None:
        self.taken: list[Record] = []
        self.asked = 0
        self.problem = ""
        self.unreachable = False

    async def ensure(self) -> None:
        if self.unreachable:
            raise BrokersUnreachableError("nobody answers")

    async def publish(self, records: Sequence[Record]) -> list[str]:
        self.asked += 1
        if not self.problem:
            self.taken += records
        return [self.problem] * len(records)


class Bench:
    """A relay of the inbox whose time stands still."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.now = NOW
        self.brokers = Brokers()
        self.relay = Relay(
            InboxShelf(database, Topics()),
            database,
            [_ACCOUNT],
            self.brokers,
            self.brokers,
            self.clock,
            _LEASE,
        )

    def clock(self) -> datetime:
        return self.now

    async def receive(self, event_id: str = "evt_1") -> None:
        event = PspEvent(event_id, "a.b", PspEventSubject.PAYMENT, "pi_1", "", NOW)
        await self.database.commit([insert_event(InboxEvent(_ACCOUNT, event, NOW))])

    async def attempts(self) -> int:
        received = await get_event(self.database, _ACCOUNT, "evt_1")
        assert received is not None
        return received.attempts


@pytest.fixture
def bench(database: Database) -> Bench:
    """Return a relay and brokers that do as they are told."""
    return Bench(database)


async def test_what_was_published_waits_for_its_lease(bench: Bench) -> None:
    """Its consumer has so long; then it is published again, and the same."""
    await bench.receive()

    assert await bench.relay.run_once() == 1
    bench.now += _LEASE - timedelta(seconds=1)
    assert await bench.relay.run_once() == 0
    bench.now += timedelta(seconds=1)
    assert await bench.relay.run_once() == 1

    first, second = bench.brokers.taken
    assert first == second


async def test_what_is_done_is_not_published_again(bench: Bench) -> None:
    """Whatever its lease says."""
    await bench.receive()
    await bench.relay.run_once()
    await bench.database.commit([finish_event(_ACCOUNT, "evt_1", InboxOutcome.APPLIED)])

    bench.now += 2 * _LEASE

    assert await bench.relay.run_once() == 0


async def test_what_the_brokers_do_not_take_is_due_soon(bench: Bench) -> None:
    """After pauses that double up to ten seconds; no attempt of the handler is counted."""
    await bench.receive()
    bench.brokers.problem = "no leader"
    for asked, pause_s in enumerate((0.25, 0.5, 1, 2, 4, 8, 10, 10), start=1):
        assert await bench.relay.run_once() == 0
        bench.now += timedelta(seconds=pause_s, milliseconds=-1)
        assert await bench.relay.run_once() == 0
        assert bench.brokers.asked == asked
        bench.now += timedelta(milliseconds=1)

    assert await bench.attempts() == 0
    bench.brokers.problem = ""
    assert await bench.relay.run_once() == 1


async def test_nothing_is_claimed_while_nobody_answers(bench: Bench) -> None:
    """It is published at once when somebody does."""
    await bench.receive()
    bench.brokers.unreachable = True

    assert await bench.relay.run_once() == 0
    bench.brokers.unreachable = False

    assert await bench.relay.run_once() == 1
