"""Catching up regularly, from where the last pass came to; and on demand, from any moment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from gateway.catch_up.events import EventCatchUp
from gateway.catch_up.payments import PaymentCatchUp
from gateway.catch_up.progress import CaughtUp, Progress
from gateway.clock import Clock
from gateway.events.errors import UnknownAccountError
from gateway.job_lease import JobLease, LeaseLostError
from gateway.lanes import Lanes
from gateway.signals import Wake
from psp.errors import PspError
from psp.port import Capability, PaymentServiceProvider

_log = structlog.get_logger(__name__)
OVERLAP: Final = timedelta(minutes=10)
"""How far each pass reaches back into the last one: a PSP's list may lag behind what happened, and
its clock behind ours. What is read twice is in the inbox once."""
FIRST_REACH: Final = timedelta(days=3)
"""How far the very first pass reaches back: as long as Stripe repeats a webhook. Older gaps are
`paygate events catch-up --since`'s business."""

KEPT: Final = timedelta(days=30)
"""How long a PSP lists its events (Stripe API, events); see `_tell_of_a_gap`."""


class CatchUp:
    """Catches up with every account whose PSP keeps a list of events; one replica at a time.

    Accounts without one are caught up with by command only: their PSPs forbid to poll every
    transaction (Ogone, DirectLink guide), and after an outage that is what it comes to.
    """

    def __init__(
        self,
        providers: Mapping[str, PaymentServiceProvider],
        events: EventCatchUp,
        payments: PaymentCatchUp,
        lease_of: Callable[[str], JobLease],
        clock: Clock,
        interval: timedelta,
        wake: Wake,
    ) -> None:
        self._providers = providers
        self._events = events
        self._payments = payments
        self._lease_of = lease_of
        self._clock = clock
        self._interval = interval
        self._next_times: dict[str, datetime] = {}
        self.lanes = Lanes("catch_up", 1, wake)

    async def run_once(self) -> int:
        """Begin what is due: each account at the start, and then regularly; how many were begun."""
        now, begun = self._clock(), 0
        for account, provider in list(self._providers.items()):
            due = self._next_times.get(account)
            if Capability.LIST_EVENTS not in provider.capabilities or (due and now < due):
                continue
            self._next_times[account] = now + self._interval
            begun += self.lanes.start(account, account, partial(self._pass, account))
        return begun

    async def catch_up(self, account: str, since: datetime, progress: Progress) -> CaughtUp:
        """Catch up with an account from `since` on, whatever was read before.

        Raises `UnknownAccountError` and the errors of `psp.errors`.
        """
        provider = self._providers.get(account)
        if provider is None:
            raise UnknownAccountError(account)
        if Capability.LIST_EVENTS in provider.capabilities:
            return await self._events.run(provider, since, progress, _no_lease)
        return await self._payments.run(account, since, progress)

    async def _pass(self, account: str) -> None:
        lease = self._lease_of(f"catch_up:{account}")
        async with lease.held() as mine:
            if not mine:
                return
            now = self._clock()
            last = await lease.done_until()
            since = now - FIRST_REACH if last is None else last - OVERLAP
            _tell_of_a_gap(account, since, now)
            try:
                caught = await self._events.run(
                    self._providers[account], since, lambda _: None, lease.keep
                )
                await lease.save(now)
            except (PspError, LeaseLostError) as error:
                # The next pass begins where this one began.
                _log.warning("catch_up_interrupted", account=account, why=str(error))
                return
        _log.info("caught_up", **caught.document())


def _tell_of_a_gap(account: str, since: datetime, now: datetime) -> None:
    """Say what no list tells any more: what became of refunds, reviews and disputes then.

    Drafts are the sweeper's, and it asks about every payment of them.
    """
    if now - since > KEPT:
        _log.error(
            "events_lost",
            account=account,
            since=since.isoformat(),
            until=(now - KEPT).isoformat(),
            advice="reconcile these days: the PSP does not list their events any more",
        )


async def _no_lease() -> None:
    """Keep nothing: a command needs no lease, since what is read twice is kept once."""
