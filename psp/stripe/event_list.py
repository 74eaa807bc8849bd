"""Past events from Stripe's own list, the oldest first: the way back after an outage."""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import datetime
from typing import Final

import structlog

from psp.errors import InvalidEventError
from psp.port import PspEvent
from psp.stripe.client import StripeCaller
from psp.stripe.events import read_event
from psp.stripe.fields import JsonObject, text
from psp.stripe.paging import read_all
from psp.stripe.paths import EVENTS

_log = structlog.get_logger(__name__)

_HOUR_S: Final = 3600
WINDOW_S: Final = 6 * _HOUR_S
"""How much is read at once. A month is 120 windows, and an outage of an hour is one."""
# Stripe API, events: 30 days. An hour more, in case our clock is ahead.
REACHES_BACK_S: Final = 30 * 24 * _HOUR_S + _HOUR_S
# 500,000 events in one window; what is busier than that is told, not cut.
_MAX_PAGES: Final = 5000


class StripeEventList:
    """The events of one account that Stripe still keeps.

    Stripe lists the newest first, so the oldest is known only once a list was read to its end.
    The time since `since` is therefore cut into windows: each is read whole and turned round.
    Memory holds the reduced events of one window, and a caller that is interrupted has dealt with
    all that it was given.
    """

    def __init__(self, caller: StripeCaller, clock: Callable[[], float] = time.time) -> None:
        self._caller = caller
        self._clock = clock

    async def since(self, since: datetime) -> AsyncIterator[PspEvent]:
        """Yield what occurred from `since` on, widened to a whole second, the oldest first.

        One that cannot be read is logged and passed over: it would stop all that follow for ever.
        """
        for created in windows(since.timestamp(), self._clock()):
            listed = read_all(self._caller, EVENTS, {"created": created}, _MAX_PAGES)
            found = [event async for entry in listed if (event := self._read(entry)) is not None]
            for event in reversed(found):
                yield event

    def _read(self, entry: JsonObject) -> PspEvent | None:
        try:
            return read_event(entry)
        except InvalidEventError as error:
            _log.warning(
                "stripe_event_unreadable",
                account=self._caller.account,
                event_id=text(entry, "id"),
                event_type=text(entry, "type"),
                reason=error.reason,
            )
            return None


def windows(since_s: float, now_s: float) -> Iterator[dict[str, int]]:
    """Return `created` bounds, each window after the one before; the last one is open.

    Open, because Stripe's clock may be ahead of ours. What lies further back than Stripe keeps
    events is one window, found empty, rather than years of them.
    """
    start, oldest = math.floor(since_s), math.floor(now_s - REACHES_BACK_S)
    if start < oldest:
        yield {"gte": start, "lt": oldest}
        start = oldest
    while start + WINDOW_S < now_s:
        yield {"gte": start, "lt": start + WINDOW_S}
        start += WINDOW_S
    yield {"gte": start}
