"""Reading a report into the staging table: all of it, or nothing that counts."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from contextlib import aclosing
from typing import Final

from gateway.domain.reconciliation import Reconciliation
from gateway.storage.database import Database
from gateway.storage.settlement_lines import (
    CHUNK_LINES,
    delete_lines,
    last_line,
    stage_lines,
    superseded_runs,
)
from psp.settlements import SettlementEntry

_BATCH: Final = 5_000
"""Lines of one commit: few enough that nobody waits for their writing."""

Keep = Callable[[], Awaitable[None]]
"""Renews the lease of whoever works; raises if it is lost."""


class Staging:
    """Keeps the lines of runs. Lines of a run that is being staged count for nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def stage(
        self,
        run: Reconciliation,
        entries: AsyncIterator[SettlementEntry],
        keep: Keep,
        tell: Callable[[int], None],
    ) -> int:
        """Store every line of a report that is read from its beginning, and return how many.

        What an earlier attempt left is dropped first. Raises the errors of `psp.errors`.
        """
        await self.drop(run.id)
        staged = 0
        async with aclosing(_batched(entries)) as batches:
            async for batch in batches:
                await keep()
                await stage_lines(self._database, run, staged + 1, batch)
                staged += len(batch)
                tell(staged)
        return staged

    async def drop(self, run_id: str) -> None:
        """Drop all lines of a run."""
        for after, until in chunks(await last_line(self._database, run_id)):
            await self._database.commit([delete_lines(run_id, after, until)])

    async def drop_superseded(self, run: Reconciliation) -> None:
        """Drop the lines of the account's other runs that count for nothing any more.

        Later ones read each of their days anew, or they died while they read: who takes such a run
        on reads its report from the beginning.
        """
        for superseded in await superseded_runs(self._database, run.psp_account, run.id):
            await self.drop(superseded)


def chunks(lines: int) -> Iterator[tuple[int, int]]:
    """Cut line numbers into ranges, each without its first and with its last number."""
    for after in range(0, lines, CHUNK_LINES):
        yield after, min(after + CHUNK_LINES, lines)


async def _batched(
    entries: AsyncIterator[SettlementEntry],
) -> AsyncGenerator[list[SettlementEntry]]:
    batch: list[SettlementEntry] = []
    try:
        async for entry in entries:
            batch.append(entry)
            if len(batch) == _BATCH:
                yield batch
                batch = []
    finally:
        # At once, not whenever it is collected: it holds a connection to the PSP.
        if isinstance(entries, AsyncGenerator):
            await entries.aclose()
    if batch:
        yield batch
