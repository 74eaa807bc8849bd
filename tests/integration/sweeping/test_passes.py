"""A pass is one replica's, bounded, resumable, and nothing happens twice whatever dies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from gateway.bootstrap import Application, Doors, wire
from gateway.domain.payment import Payment, PaymentState
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import Database
from gateway.storage.payments import insert_payment
from gateway.storage.tables import job_leases
from gateway.sweeping.orders import Swept
from gateway.sweeping.sweeper import LEASE_NAME
from legacy_bridge.port import DEFAULT_PAGE_SIZE, DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from psp.errors import MisconfiguredError, NotFoundError, UnavailableError
from psp.port import PspStatus
from tests.support.fake_psp import FakePsp
from tests.support.payments import NOW, draft, payment, word
from tests.support.rig import CrashError, Rig
from tests.support.shop import TABLE, StandingClock

_PAID, _HANGING = "psp_paid", "psp_hanging"
_MOST_STEPS = 60


class Sweepers:
    """Replicas over one database, one back office and two PSPs."""

    def __init__(self, database: Database, office: SqlBackOffice) -> None:
        self.database = database
        self.office = office
        self.clock = StandingClock(NOW + timedelta(hours=2))
        self.psps = {name: FakePsp(name, clock=self.clock) for name in (_PAID, _HANGING)}

    def replica(self, office: Any = None) -> Application:
        """Start another process."""
        providers: dict[str, Any] = dict(self.psps)
        doors = Doors(self.database, office or self.office, providers, self.clock)
        return wire(doors, RoutingSource(TABLE), load_settings())

    async def order(self, number: int, account: str = _PAID, **changes: Any) -> Payment:
        """Store a draft with a payment that the PSP shows as captured; nobody told us."""
        order_id = f"order-{number}"
        await self.office.save_draft(draft(order_id=order_id))
        values: dict[str, Any] = {
            "id": f"pay_{number:026}",
            "order_id": order_id,
            "psp_account": account,
            "psp_reference": f"pi_{number}",
        }
        stored = payment(PaymentState.AWAITING_CUSTOMER, **{**values, **changes})
        await self.database.commit([insert_payment(stored)])
        self.psps[account].payments[stored.psp_reference] = word(
            PspStatus.CAPTURED, psp_reference=stored.psp_reference, payment_id=stored.id
        )
        return stored

    async def states(self) -> list[OrderState]:
        """Where the orders stand, in order of their numbers."""
        drafts = [
            each
            async for each in self.office.list_drafts_older_than(
                datetime.max.replace(tzinfo=NOW.tzinfo)
            )
        ]
        return [each.state for each in drafts]

    async def state(self, number: int) -> OrderState:
        """Where one order stands."""
        order = await self.office.find_order(f"order-{number}")
        assert order is not None
        return order.state


@pytest.fixture
async def sweepers(database: Database, tmp_path: Path) -> AsyncIterator[Sweepers]:
    """Return what replicas share."""
    office = SqlBackOffice.open(f"sqlite+aiosqlite:///{tmp_path}/back_office.db")
    await office.create_schema()
    yield Sweepers(database, office)
    await office.close()


async def test_of_two_replicas_one_sweeps(sweepers: Sweepers) -> None:
    """The other one finds the job taken, and later done."""
    await sweepers.order(1)
    gate = sweepers.psps[_PAID].hold("retrieve_payment")
    first, second = sweepers.replica(), sweepers.replica()
    sweeping = asyncio.create_task(first.sweeper.run_once())
    await gate.reached()

    assert await second.sweeper.sweep_now(lambda _: None, dry_run=False) is None
    assert await second.sweeper.run_once() == 0
    gate.open()
    assert await sweeping == 1
    assert await sweepers.replica().sweeper.run_once() == 0

    assert await sweepers.state(1) is OrderState.RELEASED
    # Once by the sweeper, and once before the release.
    assert len(sweepers.psps[_PAID].calls_of("retrieve_payment")) == 2


async def test_a_pass_keeps_its_job_while_its_last_orders_hang(
    sweepers: Sweepers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Longer than a lease lasts: nobody else begins the same meanwhile."""
    monkeypatch.setattr("gateway.sweeping.sweeper._LOOK_AT_LEAST_S", 0.01)
    await sweepers.order(1)
    gate = sweepers.psps[_PAID].hold("retrieve_payment")
    sweeping = asyncio.create_task(sweepers.replica().sweeper.run_once())
    await gate.reached()

    for _ in range(3):
        sweepers.clock.advance(timedelta(minutes=3))
        kept = sweepers.clock() + timedelta(minutes=4)
        while await _lease_time(sweepers.database) < kept:  # noqa: ASYNC110 - it is in the database
            await asyncio.sleep(0.01)
    assert await sweepers.replica().sweeper.sweep_now(lambda _: None, dry_run=False) is None

    gate.open()
    assert await sweeping == 1


async def _lease_time(database: Database) -> datetime:
    ((until,),) = await database.fetch(
        sa.select(job_leases.c.lease_time).where(job_leases.c.name == LEASE_NAME), {}
    )
    return datetime.fromisoformat(str(until))


async def test_a_pass_that_died_is_done_again(sweepers: Sweepers) -> None:
    """Its lease ends, and the next replica begins where it began."""
    await sweepers.order(1)
    gate = sweepers.psps[_PAID].hold("retrieve_payment")
    dying = sweepers.replica()
    sweeping = asyncio.create_task(dying.sweeper.run_once())
    await gate.reached()
    sweeping.cancel()
    gate.open()
    await asyncio.gather(sweeping, dying.sweeper.lanes.stop(), return_exceptions=True)
    sweepers.clock.advance(timedelta(minutes=6))

    await sweepers.replica().sweeper.run_once()

    assert await sweepers.state(1) is OrderState.RELEASED


async def test_passes_are_an_interval_apart(sweepers: Sweepers) -> None:
    """Also for a process that has just started."""
    await sweepers.replica().sweeper.run_once()
    await sweepers.order(1)

    sweepers.clock.advance(timedelta(minutes=9))
    assert await sweepers.replica().sweeper.run_once() == 0
    late = sweepers.replica()
    await late.sweeper.run_once()
    sweepers.clock.advance(timedelta(hours=2))

    assert await late.sweeper.run_once() == 1


async def test_an_account_that_is_down_holds_up_nobody_and_is_left_alone(
    sweepers: Sweepers,
) -> None:
    """After some failures in a row its orders are skipped; the next pass comes back to them."""
    for number in range(1, 31):
        await sweepers.order(number, _HANGING)
    await sweepers.order(31)
    hanging = sweepers.psps[_HANGING]
    hanging.fail("retrieve_payment", UnavailableError(_HANGING, "down"), times=30)
    application = sweepers.replica()

    await application.sweeper.run_once()

    asked = len(hanging.calls_of("retrieve_payment"))
    assert asked < 30
    assert await sweepers.state(31) is OrderState.RELEASED
    assert await sweepers.state(1) is OrderState.DRAFT
    hanging._failures.clear()  # noqa: SLF001 - it is up again
    sweepers.clock.advance(timedelta(minutes=10))
    await application.sweeper.run_once()
    assert await sweepers.states() == []


class _ManyDrafts:
    """A back office with so many drafts that they must not be held at once."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.listed = 0
        self.found = 0

    async def list_drafts_older_than(
        self, cutoff: datetime, *, page_size: int = DEFAULT_PAGE_SIZE
    ) -> AsyncIterator[DraftOrder]:
        for number in range(self.number):
            self.listed += 1
            yield draft(order_id=f"order-{number}")
            await asyncio.sleep(0)


async def test_a_pass_reads_no_further_than_it_works(sweepers: Sweepers) -> None:
    """Ten thousand drafts are a stream: a handful is under way, whatever waits behind it."""
    office = _ManyDrafts(10_000)
    sweeper = sweepers.replica(office).sweeper
    behind: list[int] = []
    seen = 0

    def report(_: Swept) -> None:
        nonlocal seen
        seen += 1
        behind.append(office.listed - seen)

    counts = await sweeper.sweep_now(report, dry_run=True)

    assert counts is not None
    assert (counts.orders, counts.actions["wait"]) == (10_000, 10_000)
    assert max(behind) <= 16


async def test_answers_of_no_use_keep_nobody_from_being_asked_about(sweepers: Sweepers) -> None:
    """A PSP that answers in a status of tomorrow is not down, however often it does."""
    for number in range(10, 30):
        stored = await sweepers.order(number)
        sweepers.psps[_PAID].payments[stored.psp_reference] = word(
            PspStatus.UNKNOWN, psp_reference=stored.psp_reference, payment_id=stored.id
        )
    await sweepers.order(99)

    counts = await sweepers.replica().sweeper.sweep_now(lambda _: None, dry_run=False)

    assert counts is not None
    assert (counts.put_off, counts.skipped) == (20, 0)
    assert await sweepers.state(99) is OrderState.RELEASED


async def test_a_page_that_was_never_opened_is_no_obstacle(sweepers: Sweepers) -> None:
    """Ogone hears of a payment when its shopper opens the page: before, it knows of none."""
    unseen = await sweepers.order(1, psp_reference=f"pay_{1:026}")
    del sweepers.psps[_PAID].payments[unseen.psp_reference]
    sweeper = sweepers.replica().sweeper
    await sweeper.run_once()
    assert await sweepers.state(1) is OrderState.DRAFT

    sweepers.clock.advance(timedelta(hours=23))
    await sweeper.run_once()

    assert await sweepers.state(1) is OrderState.CANCELED
    assert sweepers.psps[_PAID].calls_of("cancel_payment") == []


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(NotFoundError(_PAID, "no such payment"), id="not found"),
        pytest.param(MisconfiguredError(_PAID, "wrong key"), id="misconfigured"),
    ],
)
async def test_a_wrong_key_cancels_nothing(sweepers: Sweepers, error: Exception) -> None:
    """A PSP that no longer knows what it named itself is the wrong account: all orders wait."""
    await sweepers.order(1)
    sweepers.psps[_PAID].fail("retrieve_payment", error)
    sweepers.clock.advance(timedelta(hours=30))

    await sweepers.replica().sweeper.run_once()

    assert await sweepers.state(1) is OrderState.DRAFT


async def _paid_unheard(rig: Rig, order_id: str) -> None:
    created = await rig.create(request_id=order_id, order_id=order_id, country_code="DE")
    await rig.confirm(created)


async def _abandoned(rig: Rig, order_id: str) -> None:
    await rig.create(request_id=order_id, order_id=order_id)


@pytest.mark.parametrize(
    "story, expected, status",
    [
        pytest.param(_paid_unheard, OrderState.RELEASED, "succeeded", id="paid"),
        pytest.param(_abandoned, OrderState.CANCELED, "canceled", id="abandoned"),
    ],
)
async def test_a_sweep_survives_death_at_every_step(
    rig: Rig, story: Any, expected: OrderState, status: str
) -> None:
    """Each step is died at once: the order ends the same, and is released at most once."""
    rig.sandbox.webhooks.hold()
    for crash_at in range(1, _MOST_STEPS):
        order_id = f"order-{crash_at}"
        rig.restart()
        await rig.draft(order_id)
        await story(rig, order_id)
        rig.pass_time(hours=25)
        rig.restart(crash_at)
        doomed = rig.steps

        with suppress(CrashError):
            await rig.application.sweeper.sweep_now(lambda _: None, dry_run=False)
        rig.restart()
        await rig.recover()

        place = f"died at step {crash_at}: {doomed.taken}"
        assert await rig.order_state(order_id) is expected, place
        assert await rig.releases(order_id) == (expected is OrderState.RELEASED), place
        assert [intent["status"] for intent in rig.intents(order_id)] == [status], place
        if not doomed.crashed:
            break
    else:
        raise AssertionError("the sweep has more steps than were tried")

    assert crash_at > 4
