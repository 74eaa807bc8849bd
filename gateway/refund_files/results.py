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
from gateway.storage.refund_batches import result_page

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


async def result_lines(database: Database, batch: RefundBatch) -> AsyncIterator[bytes]:
    """Yield the result as it is now, in pieces."""
    yield _csv([HEADER])
    if batch.state is BatchState.REFUSED:
        yield _csv([("1", "", FILE_REFUSED, Standing.REFUSED, "", "", batch.message)])
        return
    after = 0
    while page := await result_page(database, batch.id, after, _PAGE):
        after = page[-1][0]
        yield _csv(_cells(_result(row)) for row in page)


def _result(row: tuple[int, str, str, Standing, str, str, str]) -> LineResult:
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
