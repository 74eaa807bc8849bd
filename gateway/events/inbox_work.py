"""Working off the inbox: claims what is due and has it applied, one payment at a time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import partial
from typing import Final

from gateway.clock import Clock
from gateway.domain.inbox import InboxEvent
from gateway.events.applying import EventApplier
from gateway.lanes import Lanes
from gateway.leases import WorkLeases
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.inbox import claim_due_events, extend_event, payment_key
from gateway.storage.writes import Write

_AT_ONCE: Final = 16
"""Payments of one account that are looked at at the same time."""


class InboxWork:
    """Shares what is due in the inbox with every other process that does the same."""

    def __init__(
        self,
        database: Database,
        accounts: Iterable[str],
        applier: EventApplier,
        clock: Clock,
        arrivals: Wake,
        leases: WorkLeases,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._applier = applier
        self._clock = clock
        self._leases = leases
        self.lanes = Lanes("inbox", _AT_ONCE, arrivals)

    async def run_once(self) -> int:
        """Begin what is due, one payment's events at a time; the number that was begun."""
        return await self.lanes.fill(self._accounts, self._begin)

    async def _begin(self, account: str) -> int:
        """Claim what there are lanes for; events of a payment whose lane is taken wait for it."""
        here = f"{account}:"
        taken = [key.removeprefix(here) for key in self.lanes.taken() if key.startswith(here)]
        now, until = self._clock(), self._leases.end()
        room = self.lanes.room(account)
        by_payment: dict[str, list[InboxEvent]] = {}
        for due in await claim_due_events(self._database, account, now, until, room, taken):
            by_payment.setdefault(payment_key(due), []).append(due)
        return sum(
            self.lanes.start(
                account,
                here + payment,
                partial(self._apply_claimed, events, until),
                trace=events[0].trace_context,
            )
            for payment, events in by_payment.items()
        )

    async def _apply_claimed(self, events: Sequence[InboxEvent], held: datetime) -> None:
        def move(held: datetime, until: datetime) -> list[Write]:
            return [extend_event(each, held=held, until=until) for each in events]

        await self._leases.keep(held, move, partial(self._applier.apply, events))
