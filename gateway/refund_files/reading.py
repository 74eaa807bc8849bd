"""Reading a refund file: line by line, accepted in commits of many lines, resumable at any line."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.refund_batch import BatchState, RefundBatch
from gateway.domain.refund_movement import Movement
from gateway.errors import PaygateError, Reason
from gateway.refund_files.lines import FileRefusedError, LineReader
from gateway.refund_files.rules import Duplicate, Known, Verdict, judge
from gateway.refund_files.values import LineOutcome, MovementLine, RefusedLine
from gateway.routing.source import RoutingSource
from gateway.shield import Shield
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.payments import payments_by_id
from gateway.storage.refund_batches import insert_lines, update_batch
from gateway.storage.refund_movements import insert_movements, movements_by_id
from gateway.storage.writes import AlreadyExistsError, Write

_log = structlog.get_logger(__name__)
BATCH_LINES: Final = 500
"""Lines in one commit."""
_MOST_ROUNDS: Final = 5

Line = MovementLine | RefusedLine


class BatchReading:
    """Accepts the lines of files. What is accepted is carried out by others, from then on."""

    def __init__(
        self,
        database: Database,
        routing: RoutingSource,
        shield: Shield,
        clock: Clock,
        arrivals: Wake,
    ) -> None:
        self._database = database
        self._routing = routing
        self._shield = shield
        self._clock = clock
        self._arrivals = arrivals

    async def read(self, batch: RefundBatch, chunks: AsyncIterator[bytes]) -> RefundBatch:
        """Read a file to its end, behind the last line that is dealt with, and return the batch.

        A file that is no refund file makes the batch REFUSED. Raises `GuardFailedError` if somebody
        else reads it too.
        """
        reader = LineReader()
        lines: list[Line] = []
        try:
            async for chunk in chunks:
                for line in reader.feed(chunk):
                    if line.number <= batch.last_line:
                        continue
                    lines.append(line)
                    if len(lines) == BATCH_LINES:
                        batch = await self._shield.run(self._accept(batch, lines))
                        lines = []
            lines += (line for line in reader.finish() if line.number > batch.last_line)
        except FileRefusedError as error:
            return await self.end(batch, BatchState.REFUSED, str(error))
        if lines:
            batch = await self._shield.run(self._accept(batch, lines))
        return await self.end(batch, BatchState.READ)

    async def end(self, batch: RefundBatch, state: BatchState, message: str = "") -> RefundBatch:
        """Store how the reading of a file ended."""
        ended = replace(batch, state=state, message=message, update_time=self._clock())
        write = update_batch(ended, read_last_line=batch.last_line)
        await self._shield.run(self._database.commit([write]))
        _log.info(
            "refund_file_read",
            batch=ended.id,
            file_name=ended.file_name,
            state=ended.state,
            lines=ended.lines,
            accepted=ended.accepted,
            duplicates=ended.duplicates,
            refused=ended.refused,
        )
        return ended

    async def _accept(self, batch: RefundBatch, lines: Sequence[Line]) -> RefundBatch:
        """Deal with lines in one commit, whole, and return the batch as it counts them."""
        for _ in range(_MOST_ROUNDS):
            verdicts = await self._judged(batch, lines)
            after = _counted(batch, verdicts, lines[-1].number)
            after = replace(after, update_time=self._clock())
            # First: a file that two read is told from a movement that comes twice.
            writes = [
                update_batch(after, read_last_line=batch.last_line),
                *_writes(batch.id, verdicts, after),
            ]
            try:
                await self._database.commit(writes)
            except AlreadyExistsError:
                continue  # the same movement came with another file just now: judge anew
            self._arrivals.set()
            return after
        raise PaygateError(
            Reason.OPERATION_IN_PROGRESS,
            "the same movements are being sent by many at once: send the file again later",
            retry_after_s=1.0,
        )

    async def _judged(self, batch: RefundBatch, lines: Sequence[Line]) -> Sequence[Verdict]:
        readable = [line for line in lines if isinstance(line, MovementLine)]
        known = Known(
            accounts=self._routing.table.accounts,
            movements=dict(
                await movements_by_id(self._database, {line.movement_id for line in readable})
            ),
            payments=await payments_by_id(
                self._database,
                {line.payment.payment_id for line in readable if line.payment.payment_id},
            ),
        )
        now = self._clock()
        verdicts: list[Verdict] = []
        for line in lines:
            verdict = line if isinstance(line, RefusedLine) else judge(line, batch.id, known, now)
            if isinstance(verdict, Movement):
                known.movements[verdict.movement_id] = verdict
            verdicts.append(verdict)
        return verdicts


def _counted(batch: RefundBatch, verdicts: Sequence[Verdict], last_line: int) -> RefundBatch:
    accepted = sum(isinstance(each, Movement) for each in verdicts)
    duplicates = sum(isinstance(each, Duplicate) for each in verdicts)
    return replace(
        batch,
        last_line=last_line,
        lines=batch.lines + len(verdicts),
        accepted=batch.accepted + accepted,
        duplicates=batch.duplicates + duplicates,
        refused=batch.refused + len(verdicts) - accepted - duplicates,
    )


def _writes(batch_id: str, verdicts: Sequence[Verdict], after: RefundBatch) -> list[Write]:
    movements = [each for each in verdicts if isinstance(each, Movement)]
    writes = [insert_lines(batch_id, [_row(each) for each in verdicts])]
    if movements:
        writes.append(insert_movements(batch_id, movements, after.update_time))
    return writes


def _row(verdict: Verdict) -> dict[str, str | int]:
    if isinstance(verdict, Movement):
        return _line_row(verdict.line_number, verdict.movement_id, LineOutcome.ACCEPTED)
    if isinstance(verdict, Duplicate):
        return _line_row(verdict.number, verdict.movement_id, LineOutcome.DUPLICATE)
    row = _line_row(verdict.number, verdict.movement_id, LineOutcome.REFUSED)
    return {**row, "reason": verdict.reason, "message": verdict.message}


def _line_row(number: int, movement_id: str, outcome: LineOutcome) -> dict[str, str | int]:
    return {
        "line_number": number,
        "movement_id": movement_id,
        "outcome": outcome,
        "reason": "",
        "message": "",
    }
