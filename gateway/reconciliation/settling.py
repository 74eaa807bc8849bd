"""Posting what the PSP's books settle: each refund's debit once, and its reversal if it failed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from gateway.domain.reconciliation import Reconciliation
from gateway.domain.settlement_rules import settlements
from gateway.reconciliation.keeping import batched
from gateway.reconciliation.pairing import Pairs, judged
from gateway.reconciliation.staging import Keep, chunks
from gateway.storage.database import Database
from gateway.storage.settled_postings import insert_postings
from gateway.storage.settlement_lines import last_line, refunds_of_lines
from gateway.storage.settlement_pairs import RefundPair, resolved_unposted
from gateway.storage.writes import Write

_BATCH: Final = 2_000
"""Refunds of one commit."""


class Settling:
    """Writes movements of refunds down. A movement written twice is one."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def settle(self, run: Reconciliation, keep: Keep) -> int:
        """Post the refunds of a matched run on whose sums both sides agree; how many they are."""
        pairs = Pairs(self._database, run.psp_account)
        settled = 0
        for after, until in chunks(await last_line(self._database, run.id)):
            references = await refunds_of_lines(self._database, run.id, after, until)
            for batch in batched(references, _BATCH):
                await keep()
                settled += await self._post(pairs, batch)
        return settled + await self._settle_resolved(pairs, keep)

    async def _settle_resolved(self, pairs: Pairs, keep: Keep) -> int:
        """Post refunds whose sides agree since somebody closed their difference by hand.

        No run looks at one again whose line came long ago; the account waits for it all the same.
        """
        settled, last = 0, ""
        while batch := await resolved_unposted(self._database, pairs.psp_account, last, _BATCH):
            last = batch[-1]
            await keep()
            settled += await self._post(pairs, batch)
        return settled

    async def _post(self, pairs: Pairs, references: Sequence[str]) -> int:
        found = await pairs.refunds(references)
        await self._database.commit(self.writes(found))
        return sum(map(_is_settled, found))

    def writes(self, pairs: Iterable[RefundPair]) -> list[Write]:
        """Return what posts those of these refunds whose sides agree."""
        postings = [
            posting
            for pair in pairs
            if pair.ours is not None and pair.lines is not None and judged(pair) is None
            for posting in settlements(pair.ours, pair.lines)
        ]
        return [insert_postings(postings)] if postings else []


def _is_settled(pair: RefundPair) -> bool:
    return pair.ours is not None and pair.lines is not None and judged(pair) is None
