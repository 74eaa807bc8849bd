"""Refund files as the API sees them: submit one, follow one."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Final

from gateway.answers import require_same, still_running
from gateway.clock import Clock
from gateway.domain.refund_batch import BatchProgress, BatchSource, BatchState, RefundBatch
from gateway.domain.requests import StoredRequest
from gateway.errors import FieldViolation, PaygateError, Reason
from gateway.ids import new_id
from gateway.refund_files.reading import BatchReading
from gateway.refund_files.values import (
    MOST_REFUSALS,
    BatchOptions,
    LineRefusal,
    RefusedLine,
    SubmittedBatch,
)
from gateway.shield import Shield
from gateway.storage.database import Database
from gateway.storage.refund_batches import batch_counts, first_refusals, get_batch, insert_batch
from gateway.storage.requests import (
    answer_request,
    delete_request,
    get_request,
    insert_request,
    takeover_request,
)
from gateway.storage.writes import AlreadyExistsError, GuardFailedError

_RETRY_AFTER_S: Final = 5.0
_MOST_ROUNDS: Final = 3
"""One commit of lines may be under way when a caller leaves, and no other follows."""
_BATCH_KEY: Final = "batch_id"
_DIGEST_KEY: Final = "digest"


class RefundBatches:
    """Takes files in, and tells how far they are. The same file again changes nothing."""

    def __init__(
        self,
        database: Database,
        reading: BatchReading,
        shield: Shield,
        clock: Clock,
        lease: timedelta,
    ) -> None:
        self._database = database
        self._reading = reading
        self._shield = shield
        self._clock = clock
        self._lease = lease

    async def submit(self, options: BatchOptions, chunks: AsyncIterator[bytes]) -> SubmittedBatch:
        """Accept a file's movements, in commits of many lines; they are carried out from then on.

        A caller who leaves half-way leaves accepted movements behind; the same file again goes on
        from there, as a batch of its own. Raises `PaygateError`, INVALID_FIELDS for a file that is
        none.
        """
        stored = await get_request(self._database, options.key)
        if stored is not None:
            require_same(stored, options.fingerprint)
            if stored.answer is not None:
                return await self._answered(stored, chunks)
        digest = hashlib.sha256()
        batch = await self._begin(options, stored)
        try:
            batch = await self._reading.read(batch, _digested(chunks, digest.update))
            if batch.state is BatchState.REFUSED:
                raise _no_refund_file(batch)
        except BaseException as error:
            # Also a caller who left: what is accepted stays so, and the request may be made again.
            await self._shield.run(self._break_off(options, batch, error))
            raise
        answer = {_DIGEST_KEY: digest.hexdigest(), _BATCH_KEY: batch.id}
        await self._shield.run(self._database.commit([answer_request(options.key, answer)]))
        return await self._submitted(batch)

    async def get(self, batch_id: str) -> BatchProgress:
        """Return how far a batch is; raises `PaygateError` REFUND_BATCH_NOT_FOUND."""
        batch = await get_batch(self._database, batch_id)
        if batch is None:
            raise PaygateError(
                Reason.REFUND_BATCH_NOT_FOUND,
                f"no refund batch has the id {batch_id}",
                metadata={"batch_id": batch_id},
            )
        counts = await batch_counts(self._database, batch_id)
        return BatchProgress(batch.as_of(self._clock(), self._lease), counts)

    async def _begin(self, options: BatchOptions, stored: StoredRequest | None) -> RefundBatch:
        now = self._clock()
        if stored is not None and now < stored.create_time + self._lease:
            raise still_running(stored, now, _RETRY_AFTER_S)
        batch = RefundBatch(
            id=new_id("rbt"),
            file_name=options.file_name,
            source=BatchSource.CALL,
            state=BatchState.READING,
            create_time=now,
            update_time=now,
        )
        request = StoredRequest(options.key, options.fingerprint, batch.id, now)
        begin = insert_request(request) if stored is None else takeover_request(stored, now=now)
        try:
            await self._database.commit([begin, insert_batch(batch)])
        except (AlreadyExistsError, GuardFailedError):
            raise still_running(request, now, _RETRY_AFTER_S) from None
        return batch

    async def _break_off(
        self, options: BatchOptions, begun: RefundBatch, error: BaseException
    ) -> None:
        await self._database.commit([delete_request(options.key)])
        message = f"not read to its end: {type(error).__name__}"
        for _ in range(_MOST_ROUNDS):
            batch = await get_batch(self._database, begun.id)
            if batch is None or batch.state is not BatchState.READING:
                return
            try:
                await self._reading.end(batch, BatchState.BROKEN_OFF, message)
            except GuardFailedError:
                continue  # lines that were being accepted when the caller left
            return

    async def _answered(
        self, stored: StoredRequest, chunks: AsyncIterator[bytes]
    ) -> SubmittedBatch:
        """Return what became of this very file; it is read once more, and nothing is done."""
        answer = stored.answer or {}
        digest = hashlib.sha256()
        async for chunk in chunks:
            digest.update(chunk)
        if digest.hexdigest() != answer[_DIGEST_KEY]:
            raise PaygateError(
                Reason.REQUEST_ID_REUSED,
                f"request_id {stored.key.request_id} was used for another file: "
                "make a new UUID for a new file",
                metadata={"request_id": stored.key.request_id, "resource_id": stored.resource_id},
            )
        return await self._submitted((await self.get(str(answer[_BATCH_KEY]))).batch)

    async def _submitted(self, batch: RefundBatch) -> SubmittedBatch:
        rows = await first_refusals(self._database, batch.id, MOST_REFUSALS)
        refusals = [
            RefusedLine(number, movement_id, LineRefusal(reason), message)
            for number, movement_id, reason, message in rows
        ]
        return SubmittedBatch(batch, refusals)


async def _digested(
    chunks: AsyncIterator[bytes], update: Callable[[bytes], object]
) -> AsyncIterator[bytes]:
    async for chunk in chunks:
        update(chunk)
        yield chunk


def _no_refund_file(batch: RefundBatch) -> PaygateError:
    return PaygateError(
        Reason.INVALID_FIELDS,
        batch.message,
        metadata={"batch_id": batch.id},
        fields=[FieldViolation("chunk", batch.message)],
    )
