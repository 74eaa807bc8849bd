"""Fetching the back office's refund files: taken, read, answered and put aside; resumable."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.canonical import note
from gateway.clock import Clock
from gateway.domain.refund_batch import BatchProgress, BatchSource, BatchState, RefundBatch
from gateway.ids import new_id
from gateway.job_lease import JobLease, LeaseLostError
from gateway.lanes import Lanes
from gateway.refund_files.reading import BatchReading
from gateway.refund_files.results import BatchResult
from gateway.signals import Wake
from gateway.steps import IDLE
from gateway.storage.database import Database
from gateway.storage.refund_batches import (
    batch_counts,
    batches_with_news,
    get_batch,
    insert_batch,
    result_written,
)
from gateway.storage.writes import AlreadyExistsError, GuardFailedError
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.refund_files import RefundFiles

_log = structlog.get_logger(__name__)
LEASE_NAME: Final = "refund_folder"
_SEPARATOR: Final = "."
_LONGEST_NAME_BYTES: Final = 150
"""A file system takes 255, and the batch's id goes before."""
_NEWS_REACH: Final = timedelta(days=60)
"""How long after a file its result is kept up to date. A refund can fail up to 30 days after it
succeeded (Stripe, "Refund and cancel payments")."""
_NEWS_EVERY: Final = timedelta(minutes=15)
_INTERRUPTIONS: Final = (
    BackOfficeUnavailableError,
    LeaseLostError,
    GuardFailedError,  # another replica reads the same file
    AlreadyExistsError,  # or has just begun to
)
"""Why a look may end early: also a replica that lost its lease without knowing it yet."""


class FileFetching:
    """Looks into the folder regularly; one replica at a time does.

    The name that a file is taken as begins with its batch's id, so that a file that was taken, and
    of which nothing was written down yet, is known by its name alone.
    """

    def __init__(
        self,
        database: Database,
        files: RefundFiles,
        reading: BatchReading,
        lease: JobLease,
        clock: Clock,
        interval: timedelta,
        wake: Wake,
    ) -> None:
        self._database = database
        self._files = files
        self._reading = reading
        self._lease = lease
        self._clock = clock
        self._interval = interval
        self._next_time: datetime | None = None
        self._next_news: datetime | None = None
        self.wake = wake
        self.lanes = Lanes(LEASE_NAME, 1, wake)

    async def run_once(self) -> int:
        """Begin a look into the folder if one is due."""
        now = self._clock()
        if self._next_time is not None and now < self._next_time:
            return 0
        self._next_time = now + self._interval
        return int(self.lanes.start(LEASE_NAME, LEASE_NAME, self._look))

    async def _look(self) -> None:
        try:
            note(outcome=IDLE)  # unless a file is found
            async with self._lease.held() as mine:
                if mine:
                    await self._take_what_waits()
                    for taken_as in await self._files.taken_refund_files():
                        await self._try_to_go_on(taken_as)
                    await self._tell_news()
        except _INTERRUPTIONS as error:
            # The next look goes on where this one stopped.
            _log.warning("refund_folder_interrupted", why=str(error))

    async def _try_to_go_on(self, taken_as: str) -> None:
        try:
            await self._lease.keep()
            await self._go_on(taken_as)
        except BackOfficeUnavailableError as error:
            # One file that cannot be read keeps no other one waiting.
            _log.warning("refund_file_put_off", taken_as=taken_as, why=str(error))

    async def _take_what_waits(self) -> None:
        for name in await self._files.list_refund_files():
            taken_as = f"{new_id('rbt')}{_SEPARATOR}{_shortened(name)}"
            if await self._files.take_refund_file(name, taken_as):
                note(outcome="taken", file_name=name)
                _log.info("refund_file_taken", file_name=name, taken_as=taken_as)

    async def _go_on(self, taken_as: str) -> None:
        """Do the next thing for a file: read on in it, or answer it once its PSPs have."""
        batch_id, _, name = taken_as.partition(_SEPARATOR)
        batch = await get_batch(self._database, batch_id)
        if batch is None:
            batch = await self._begin(batch_id, name)
        if batch.state is BatchState.READING:
            pieces = self._kept(self._files.open_refund_file(taken_as))
            batch = await self._reading.read(batch, pieces)
        progress = BatchProgress(batch, await batch_counts(self._database, batch.id))
        if not progress.is_done:
            return
        await self._answer(taken_as, batch)
        await self._files.finish_refund_file(taken_as)
        note(outcome="finished", batch=batch.id, file_name=batch.file_name)
        _log.info("refund_file_done", batch=batch.id, file_name=batch.file_name)

    async def _kept(self, pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
        """Keep the lease while a file is read: one may take longer."""
        async for piece in pieces:
            await self._lease.keep()
            yield piece

    async def _begin(self, batch_id: str, name: str) -> RefundBatch:
        now = self._clock()
        batch = RefundBatch(batch_id, name, BatchSource.FOLDER, BatchState.READING, now, now)
        await self._database.commit([insert_batch(batch)])
        return batch

    async def _answer(self, taken_as: str, batch: RefundBatch) -> None:
        # What changes while it is read, or after that, is told by the next one.
        result = BatchResult(self._database, batch)
        await self._files.write_refund_result(taken_as, result.pieces())
        await self._database.commit([result_written(batch.id, self._clock(), result.told_versions)])

    async def _tell_news(self) -> None:
        """Write the results anew whose refunds went on: settled, or failed after all."""
        now = self._clock()
        if self._next_news is not None and now < self._next_news:
            return
        self._next_news = now + _NEWS_EVERY
        for batch in await batches_with_news(self._database, now - _NEWS_REACH):
            await self._lease.keep()
            await self._answer(f"{batch.id}{_SEPARATOR}{batch.file_name}", batch)


def _shortened(name: str) -> str:
    """Return the end of a name, which most names differ in, as UTF-8 has it."""
    return name.encode("utf-8", "replace")[-_LONGEST_NAME_BYTES:].decode("utf-8", "ignore")
