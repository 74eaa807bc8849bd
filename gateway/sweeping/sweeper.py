"""The sweeper's pass: every old draft, streamed, so many at once for each PSP account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.job_lease import JobLease, LeaseLostError
from gateway.lanes import Lanes
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.payments import payments_of_order
from gateway.sweeping.beyond import BeyondDrafts
from gateway.sweeping.counts import PassCounts
from gateway.sweeping.decision import SweepAction
from gateway.sweeping.orders import OrderSweep, Swept
from gateway.sweeping.schedule import is_due
from legacy_bridge.errors import BackOfficeError
from legacy_bridge.port import BackOffice, DraftOrder

_log = structlog.get_logger(__name__)
_AT_ONCE: Final = 8
"""Orders of one PSP account that are swept at the same time: live payments come first there."""
_FAILURES_IN_A_ROW: Final = 5
"""After so many the account's PSP is left alone until the next pass."""
_MOST_AGAIN: Final = 10_000
"""Orders that are remembered for the next pass; any more wait until they are due anyway."""
_LOOK_AT_LEAST_S: Final = 1.0
LEASE_NAME: Final = "sweeper"

Report = Callable[[Swept], None]


class Sweeper:
    """Sweeps regularly as a job, or once as a command; one replica at a time."""

    def __init__(
        self,
        database: Database,
        back_office: BackOffice,
        orders: OrderSweep,
        beyond: BeyondDrafts,
        lease: JobLease,
        clock: Clock,
        interval: timedelta,
    ) -> None:
        self._database = database
        self._back_office = back_office
        self._orders = orders
        self._beyond = beyond
        self._lease = lease
        self._clock = clock
        self._ages = orders.ages
        self._interval = interval
        self.count: Callable[[Mapping[str, int]], None] = _count_nothing
        """Told of each pass: orders by what was done about them."""
        self._next_time: datetime | None = None
        self._again: set[str] = set()
        self.wake = Wake()
        """Rings when a lane is free."""
        self.lanes = Lanes("sweeper", _AT_ONCE, self.wake)

    async def run_once(self) -> int:
        """Do a pass if one is due; the number of orders that something was done about."""
        now = self._clock()
        if self._next_time is not None and now < self._next_time:
            return 0
        self._next_time = now + self._interval
        async with self._lease.held() as mine:
            if not mine:
                return 0
            last = await self._lease.done_until()
            if last is not None and now < last + self._interval:
                self._next_time = last + self._interval
                return 0
            return await self._regular_pass(last, now)

    async def sweep_now(self, report: Report, *, dry_run: bool) -> PassCounts | None:
        """Do one pass over every old draft; None if another process is at it.

        A dry run asks the PSPs and changes nothing, so that it needs no lease either.
        """
        if dry_run:
            return await self._pass(lambda _: True, self._orders.foresee, report, keep=_no_lease)
        async with self._lease.held() as mine:
            if not mine:
                return None
            started = self._clock()
            counts = await self._pass(
                lambda _: True, self._orders.sweep, report, keep=self._lease.keep
            )
            await self._beyond.look(None, counts, self._lease.keep)
            await self._lease.save(started)
        return counts

    async def _regular_pass(self, last: datetime | None, now: datetime) -> int:
        again, self._again = self._again, set()

        def wanted(order: DraftOrder) -> bool:
            return order.order_id in again or is_due(order.create_time, last, now, self._ages)

        try:
            counts = await self._pass(
                wanted, self._orders.sweep, lambda _: None, keep=self._lease.keep
            )
            await self._beyond.look(last, counts, self._lease.keep)
            await self._lease.save(now)
        except (BackOfficeError, LeaseLostError) as error:
            # Not done: whoever is next begins where this pass began.
            self._again |= again
            _log.warning("sweep_interrupted", why=str(error))
            return 0
        if counts.found_anything:
            _log.info("swept", **counts.document())
        return counts.orders - counts.actions[SweepAction.WAIT] - counts.actions[SweepAction.ALARM]

    async def _pass(
        self,
        wanted: Callable[[DraftOrder], bool],
        visit: Callable[[DraftOrder], Awaitable[Swept]],
        report: Report,
        keep: Callable[[], Awaitable[None]],
    ) -> PassCounts:
        counts = PassCounts()
        failures: Counter[str] = Counter()

        async def work(road: str, order: DraftOrder) -> None:
            self._remember(order)  # until it is known how it went
            try:
                swept = await visit(order)
            except Exception:
                failures[road] += 1
                raise
            counts.actions[swept.decision.told_as] += 1
            # A PSP that answers what cannot be used is none that is down: others are asked about.
            failures[road] = failures[road] + 1 if swept.unheard else 0
            if swept.put_off:
                counts.put_off += 1
            else:
                self._again.discard(order.order_id)
            report(swept)

        cutoff = self._clock() - self._ages.sweep_after
        try:
            async for order in self._back_office.list_drafts_older_than(cutoff):
                await keep()
                if not wanted(order):
                    continue
                road = await self._road_of(order)
                while not self.lanes.has_room(road):
                    await self.wake.wait(_LOOK_AT_LEAST_S)
                    await keep()
                if failures[road] >= _FAILURES_IN_A_ROW:
                    counts.skipped += 1
                    self._remember(order)
                    continue
                self.lanes.start(road, order.order_id, partial(work, road, order))
            while self.lanes.taken():
                # The last ones may take long: the job stays this replica's until they are done.
                await self.wake.wait(_LOOK_AT_LEAST_S)
                await keep()
        except BaseException:
            # Canceled, or the lease is lost: another goes on, from what is true by then.
            await self.lanes.stop()
            raise
        await self.lanes.join()
        self.count({**counts.actions, "put_off": counts.put_off, "skipped": counts.skipped})
        return counts

    async def _road_of(self, order: DraftOrder) -> str:
        """Return the account of the order's newest payment; empty if it has none."""
        payments = await payments_of_order(self._database, order.order_id)
        return payments[0].psp_account if payments else ""

    def _remember(self, order: DraftOrder) -> None:
        if len(self._again) < _MOST_AGAIN:
            self._again.add(order.order_id)


def _count_nothing(_counts: Mapping[str, int]) -> None:
    """Count nothing."""


async def _no_lease() -> None:
    """Keep nothing."""
