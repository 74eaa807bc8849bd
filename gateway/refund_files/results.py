"""The result of a refund file: one line for each of its lines, as CSV, page by page."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import Final

from gateway.domain.refund_batch import BatchState, RefundBatch
from gateway.domain.refund_movement import Standing
from gateway.refund_files.values import LineOutcome, LineResult
from gateway.storage.database import Database
from gateway.storage.refund_batches import ResultRow, result_page

HEADER: Final = (
    "line",
    "movement_id",
    "outcome",
    "state",
    "refund_id",
    "psp_reference",
    "reason",
)
FILE_REFUSED: Final = "file_refused"
"""Outcome of a file of which no line was read."""
_PAGE: Final = 1000


class BatchResult:
    """The result of one file."""

    def __init__(self, database: Database, batch: RefundBatch) -> None:
        self._database = database
        self._batch = batch
        self.told_versions = 0
        """The versions of what its lines say, added up, as far as they were told."""

    async def pieces(self) -> AsyncIterator[bytes]:
        """Yield it as it is now, in pieces; once."""
        yield _csv([HEADER])
        if self._batch.state is BatchState.REFUSED:
            message = self._batch.message
            yield _csv([("1", "", FILE_REFUSED, Standing.REFUSED, "", "", message)])
            return
        after = 0
        while page := await result_page(self._database, self._batch.id, after, _PAGE):
            after = page[-1][0][0]
            self.told_versions += sum(version for _, version in page)
            yield _csv(_cells(_result(row)) for row, _ in page)


def _result(row: ResultRow) -> LineResult:
    number, movement_id, outcome, standing, refund_id, psp_reference, reason = row
    return LineResult(
        number, movement_id, LineOutcome(outcome), standing, refund_id, psp_reference, reason
    )


def _cells(result: LineResult) -> Sequence[str]:
    return (
        str(result.number),
        result.movement_id,
        result.outcome,
        result.standing,
        result.refund_id,
        result.psp_reference,
        result.reason,
    )


def _csv(rows: Iterable[Sequence[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode()
