"""Keeping what a run finds: a difference found again is the same discrepancy."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final, TypeVar

from gateway.clock import Clock
from gateway.domain.discrepancy import Discrepancy, Finding, healed, seen
from gateway.domain.reconciliation import Reconciliation
from gateway.storage.database import Database
from gateway.storage.discrepancies import (
    DISCREPANCY_GUARD,
    discrepancies_of,
    get_discrepancy,
    insert_discrepancy,
    update_discrepancy,
)
from gateway.storage.writes import GuardFailedError, Write

T = TypeVar("T")

_BATCH: Final = 100
"""Findings of one commit: each is a part of one statement."""
_MOST_ROUNDS: Final = 5


class DiscrepancyBooks:
    """Stores discrepancies. A person who resolves one at the same moment is not overruled."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def keep(self, run: Reconciliation, findings: Iterable[Finding]) -> None:
        """Store findings as discrepancies, new ones or the ones they are."""
        for batch in batched(findings, _BATCH):
            await self._keep_batch(run, batch)

    async def heal(self, known: Discrepancy, reason: str, writes: Sequence[Write] = ()) -> bool:
        """Close a discrepancy, with `writes`, in one commit; False if somebody resolved it."""
        write = update_discrepancy(healed(known, reason, self._clock()), read_version=known.version)
        try:
            await self._database.commit([write, *writes])
        except GuardFailedError as failed:
            if failed.guard != DISCREPANCY_GUARD:
                raise
            return False
        return True

    async def _keep_batch(self, run: Reconciliation, findings: Sequence[Finding]) -> None:
        for _ in range(_MOST_ROUNDS - 1):
            try:
                return await self._try_to_keep(run, findings)
            except GuardFailedError as failed:
                if failed.guard != DISCREPANCY_GUARD:
                    raise
                # Somebody resolved one of them meanwhile: what he did stands.
        return await self._try_to_keep(run, findings)

    async def _try_to_keep(self, run: Reconciliation, findings: Sequence[Finding]) -> None:
        known = await discrepancies_of(
            self._database, run.psp_account, [each.subject.reference for each in findings]
        )
        now = self._clock()
        writes: list[Write] = []
        for finding in findings:
            before = known.get((finding.subject, finding.type))
            after = seen(before, finding, run.psp_account, run.id, now)
            if before is None:
                writes.append(insert_discrepancy(after))
            elif after is not before:
                writes.append(update_discrepancy(after, read_version=before.version))
        await self._database.commit(writes)

    async def get(self, discrepancy_id: str) -> Discrepancy | None:
        """Return one, or None."""
        return await get_discrepancy(self._database, discrepancy_id)


def batched(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut values into lists of at most `size`."""
    batch: list[T] = []
    for value in values:
        batch.append(value)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch
