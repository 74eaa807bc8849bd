"""Catching up from the PSP's list of events: what the inbox does not have is put there.

Nothing is applied here. An event from the list has the id that its webhook has, so whichever comes
first is kept; and since an event only says whom to ask about, when it comes does not matter.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

import structlog

from gateway.catch_up.progress import CatchUpSource, CaughtUp, Progress
from gateway.clock import Clock
from gateway.domain.inbox import InboxEvent
from gateway.events.inbox import require_plain
from gateway.signals import Wake
from gateway.storage.catch_up import known_events
from gateway.storage.database import Database
from gateway.storage.inbox import insert_event
from gateway.storage.writes import AlreadyExistsError
from psp.errors import InvalidEventError
from psp.port import PaymentServiceProvider, PspEvent, PspEventSubject

_log = structlog.get_logger(__name__)
_BATCH: Final = 100


class EventCatchUp:
    """Reads one account's list of events into the inbox."""

    def __init__(self, database: Database, clock: Clock, arrivals: Wake) -> None:
        self._database = database
        self._clock = clock
        self._arrivals = arrivals

    async def run(
        self,
        provider: PaymentServiceProvider,
        since: datetime,
        progress: Progress,
        keep: Callable[[], Awaitable[None]],
    ) -> CaughtUp:
        """Read everything from `since` on; raises the errors of `psp.errors`.

        What was read before an error is in the inbox. `keep` is called after each batch.
        """
        so_far = CaughtUp(provider.account, CatchUpSource.EVENTS, since)
        batch: list[PspEvent] = []
        async for event in provider.list_events(since):
            batch.append(event)
            if len(batch) == _BATCH:
                so_far = await self._take(so_far, batch)
                batch = []
                progress(so_far)
                await keep()
        so_far = await self._take(so_far, batch)
        progress(so_far)
        return so_far

    async def _take(self, so_far: CaughtUp, batch: Sequence[PspEvent]) -> CaughtUp:
        """Put a batch into the inbox, without what is about nothing that the gateway keeps."""
        plain = [event for event in batch if _is_plain(so_far.account, event)]
        told = {event.event_id: event for event in plain if _is_ours(event)}
        known = await known_events(self._database, so_far.account, told) if told else frozenset()
        new = 0
        for event_id, event in told.items():
            if event_id not in known:
                new += await self._insert(InboxEvent(so_far.account, event, self._clock()))
        if new:
            self._arrivals.set()
        return replace(
            so_far,
            seen=so_far.seen + len(batch),
            new=so_far.new + new,
            failed=so_far.failed + len(batch) - len(plain),
        )

    async def _insert(self, received: InboxEvent) -> bool:
        try:
            await self._database.commit([insert_event(received)])
        except AlreadyExistsError:
            return False  # its webhook came at this very moment
        return True


def _is_ours(event: PspEvent) -> bool:
    return event.subject is not PspEventSubject.OTHER


def _is_plain(account: str, event: PspEvent) -> bool:
    try:
        require_plain(event)
    except InvalidEventError as error:
        _log.error("listed_event_unreadable", account=account, reason=error.reason)
        return False
    return True
