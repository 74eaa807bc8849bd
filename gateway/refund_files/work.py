"""Carrying out what refund files moved: each account by one replica at a time, at its own rate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.refund_movement import Movement
from gateway.job_lease import JobLease, LeaseLostError
from gateway.lanes import Lanes
from gateway.refund_files.pace import Pace
from gateway.refund_files.sending import MovementSending
from gateway.signals import Wake
from gateway.steps import job_step
from gateway.storage.database import Database
from gateway.storage.refund_movements import any_due, due_movements
from psp.errors import RateLimitedError

_log = structlog.get_logger(__name__)
_PORTION: Final = 500
"""Movements that are in memory at the same time."""
_ELSEWHERE: Final = timedelta(seconds=5)
"""How long an account is left to the replica that has it, before it is looked at again."""
LEASE_PREFIX: Final = "refund_files:"


@dataclass(frozen=True, slots=True)
class Share:
    """How much of a PSP account refunds of files may use: the rest is for live payments."""

    rate_of: Callable[[str], float]
    """Given an account, so many a second."""
    at_once: int
    """So many at the same time."""


class MovementWork:
    """Sends what is due at each account. One replica at a time does, so that the rate is one."""

    def __init__(
        self,
        database: Database,
        accounts: Iterable[str],
        sending: MovementSending,
        share: Share,
        lease_of: Callable[[str], JobLease],
        clock: Clock,
        arrivals: Wake,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._sending = sending
        self._share = share
        self._lease_of = lease_of
        self._clock = clock
        self._paces: dict[str, Pace] = {}
        self.lanes = Lanes("refund_files", 1, arrivals)

    async def run_once(self) -> int:
        """Begin with each account at which something is due; how many were begun with."""
        begun = 0
        for account in list(self._accounts):
            now = self._clock()
            if not self.lanes.has_room(account) or self._pace(account).rests(now):
                continue
            if await any_due(self._database, account, now):
                begun += self.lanes.start(account, account, partial(self._work_off, account))
        return begun

    async def _work_off(self, account: str) -> None:
        pace = self._pace(account)
        lease = self._lease_of(f"{LEASE_PREFIX}{account}")
        try:
            async with lease.held() as mine:
                if not mine:
                    pace.rest(self._clock(), _ELSEWHERE)
                    return
                while not pace.rests(now := self._clock()):
                    due = await due_movements(self._database, account, now, _PORTION)
                    if not due:
                        return
                    await self._send_all(due, pace, lease)
        except LeaseLostError as lost:
            _log.warning("refund_files_interrupted", account=account, why=str(lost))

    def _pace(self, account: str) -> Pace:
        pace = self._paces.setdefault(account, Pace())
        pace.rate_per_s = self._share.rate_of(account)
        return pace

    async def _send_all(self, due: Sequence[Movement], pace: Pace, lease: JobLease) -> None:
        groups = iter(by_payment(due))
        senders = [
            asyncio.create_task(self._send_groups(groups, pace, lease))
            for _ in range(min(self._share.at_once, len(due)))
        ]
        try:
            await asyncio.gather(*senders)
        finally:
            for sender in senders:
                sender.cancel()
            await asyncio.gather(*senders, return_exceptions=True)

    async def _send_groups(
        self, groups: Iterator[Sequence[Movement]], pace: Pace, lease: JobLease
    ) -> None:
        for group in groups:
            for movement in group:
                await lease.keep()
                turn = pace.turn(self._clock())
                await asyncio.sleep(max(0.0, (turn - self._clock()).total_seconds()))
                if pace.rests(self._clock()):
                    return
                await self._send(movement, pace)

    async def _send(self, movement: Movement, pace: Pace) -> None:
        with job_step(
            "refund_movement",
            movement.movement_id,
            observe=self.lanes.observe,
            road=movement.psp_account,
            order_id=movement.order_id,
            country=movement.country_code,
        ) as line:
            trouble = await self._sending.send(movement)
            if trouble is not None:
                line.facts["outcome"] = "put_off"
        if trouble is None:
            pace.fine()
            return
        wish_s = trouble.retry_after_s if isinstance(trouble, RateLimitedError) else 0.0
        pace.trouble(self._clock(), timedelta(seconds=wish_s))
        _log.warning("refund_put_off", movement=movement.movement_id, why=type(trouble).__name__)


def by_payment(due: Sequence[Movement]) -> Sequence[Sequence[Movement]]:
    """Group movements by their payments: one change of a payment is under way at a time."""
    groups: dict[str, list[Movement]] = {}
    for movement in due:
        groups.setdefault(movement.payment_key, []).append(movement)
    return list(groups.values())
