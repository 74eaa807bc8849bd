"""What a pass looks at besides drafts: money without an order, orders held, changes unfinished."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from gateway.sweeping.counts import PassCounts
from gateway.sweeping.held import HeldOrders
from gateway.sweeping.unclaimed import UnclaimedMoney
from gateway.sweeping.unfinished import UnfinishedChanges


@dataclass(frozen=True, slots=True)
class BeyondDrafts:
    """All further looks, after the drafts."""

    unclaimed: UnclaimedMoney
    held: HeldOrders
    unfinished: UnfinishedChanges

    async def look(
        self,
        last_pass_time: datetime | None,
        counts: PassCounts,
        keep: Callable[[], Awaitable[None]],
    ) -> None:
        """Look, and add to the counts of the pass; `keep` keeps its lease meanwhile."""
        counts.unclaimed = await self.unclaimed.alarm(keep)
        counts.decided = await self.held.follow(keep)
        counts.ended = await self.unfinished.ask(last_pass_time, keep)
