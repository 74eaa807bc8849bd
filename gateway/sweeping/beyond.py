"""What a pass looks at besides drafts: money without an order, and changes without an end."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from gateway.sweeping.counts import PassCounts
from gateway.sweeping.unclaimed import UnclaimedMoney
from gateway.sweeping.unfinished import UnfinishedChanges


@dataclass(frozen=True, slots=True)
class BeyondDrafts:
    """Both looks, after the drafts."""

    unclaimed: UnclaimedMoney
    unfinished: UnfinishedChanges

    async def look(self, last_pass_time: datetime | None, counts: PassCounts) -> None:
        """Look, and add to the counts of the pass."""
        counts.unclaimed = await self.unclaimed.alarm()
        counts.ended = await self.unfinished.ask(last_pass_time)
