"""Refund files as rows: how far each was read, and what became of each of its lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.refund import RefundState
from gateway.domain.refund_batch import BatchSource, BatchState, RefundBatch
from gateway.domain.refund_movement import MovementState, Standing, standing
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.payments import failure_of
from gateway.storage.refund_file_tables import refund_batch_lines, refund_batches, refund_movements
from gateway.storage.tables import UtcDateTime, refunds
from gateway.storage.writes import Write

BATCH_GUARD: Final = "refund_batch_line"
"""Name of the guard that fails if somebody else read on in the same file."""

_b, _l, _m, _r = refund_batches.c, refund_batch_lines.c, refund_movements.c, refunds.c
_CHANGING: Final = (
    "state",
    "update_time",
    "message",
    "last_line",
    "lines",
    "accepted",
    "duplicates",
    "refused",
)
_REFUSED: Final = "refused"
ResultRow = tuple[int, str, str, Standing, str, str, str]
"""Number, movement, outcome, standing, refund, the PSP's reference, why it did not go well."""

_INSERT: Final = sa.insert(refund_batches)
_UPDATE: Final = (
    sa.update(refund_batches)
    .where(_b.id == sa.bindparam("key_id"), _b.last_line == sa.bindparam("read_last_line"))
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGING})
)
_RESULT_WRITTEN: Final = (
    sa.update(refund_batches)
    .where(_b.id == sa.bindparam("key_id"))
    .values(
        result_time=sa.bindparam("new_result_time"),
        told_versions=sa.bindparam("new_told_versions"),
    )
)
_BATCH: Final = sa.select(*(column for column in _b if column is not _b.told_versions))
_GET: Final = _BATCH.where(_b.id == sa.bindparam("id"))
_LINE_TEXTS: Final = ("movement_id", "outcome", "reason", "message")


def _insert_lines() -> sa.Insert:
    given = select_rows("line_number", *_LINE_TEXTS).subquery("given_lines")
    return sa.insert(refund_batch_lines).from_select(
        ["batch_id", "line_number", *_LINE_TEXTS],
        sa.select(
            sa.bindparam("of_batch", type_=sa.Text),
            sa.cast(given.c.line_number, sa.BigInteger),
            *(given.c[name] for name in _LINE_TEXTS),
        ),
    )


_INSERT_LINES: Final = _insert_lines()
_COUNTS: Final = (
    sa.select(_m.state, _r.state, sa.func.count())
    .select_from(refund_movements.outerjoin(refunds, _r.id == _m.refund_id))
    .where(_m.batch_id == sa.bindparam("of_batch"))
    .group_by(_m.state, _r.state)
)
_WITH_REFUNDS: Final = refund_batch_lines.outerjoin(
    refund_movements,
    # The line of a movement that was refused tells of itself, not of the one it clashed with.
    sa.and_(_m.movement_id == _l.movement_id, _l.outcome != sa.literal_column(f"'{_REFUSED}'")),
).outerjoin(refunds, _r.id == _m.refund_id)
# What a line tells of its movement, as one number that another one follows whenever it changes.
_TOLD_VERSION: Final = sa.func.coalesce(_r.version, 0) + sa.case(
    (_m.state == sa.literal_column(f"'{MovementState.REFUSED}'"), 1), else_=0
)
_PAGE: Final = (
    sa.select(
        _l.line_number,
        _l.movement_id,
        _l.outcome,
        _l.reason,
        _l.message,
        _m.state,
        _m.refusal,
        _m.message,
        _m.refund_id,
        _r.state,
        _r.psp_reference,
        _r.failure_json,
        _TOLD_VERSION,
    )
    .select_from(_WITH_REFUNDS)
    .where(
        _l.batch_id == sa.bindparam("of_batch"),
        _l.line_number > sa.bindparam("after_line", type_=sa.BigInteger),
    )
    .order_by(_l.line_number)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_REFUSALS: Final = (
    sa.select(_l.line_number, _l.movement_id, _l.reason, _l.message)
    .where(
        _l.batch_id == sa.bindparam("of_batch"),
        _l.outcome == sa.literal_column(f"'{_REFUSED}'"),
    )
    .order_by(_l.line_number)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_VERSIONS: Final = (
    sa.select(sa.func.coalesce(sa.cast(sa.func.sum(_TOLD_VERSION), sa.BigInteger), 0))
    .select_from(_WITH_REFUNDS)
    .where(_l.batch_id == _b.id)
    .correlate(refund_batches)
    .scalar_subquery()
)
_NEWS: Final = _BATCH.where(
    _b.create_time > sa.bindparam("since", type_=UtcDateTime),
    _b.result_time.is_not(None),
    _b.told_versions.is_distinct_from(_VERSIONS),
).order_by(_b.id)


def insert_batch(batch: RefundBatch) -> Write:
    """Store a file that is about to be read; a second one of its id exists already."""
    return Write(_INSERT, {"id": batch.id, **_values(batch), "told_versions": None})


def update_batch(batch: RefundBatch, *, read_last_line: int) -> Write:
    """Store how far a file was read; fails as `BATCH_GUARD` if somebody else read on in it."""
    values = _values(batch)
    parameters = {f"new_{name}": values[name] for name in _CHANGING}
    parameters |= {"key_id": batch.id, "read_last_line": read_last_line}
    return Write(_UPDATE, parameters, guard=BATCH_GUARD)


def result_written(batch_id: str, now: datetime, told_versions: int) -> Write:
    """Store when a result was written, and the sum of the versions of what its lines told."""
    return Write(
        _RESULT_WRITTEN,
        {"key_id": batch_id, "new_result_time": now, "new_told_versions": told_versions},
    )


def insert_lines(batch_id: str, lines: Sequence[Mapping[str, str | int]]) -> Write:
    """Store what became of lines, each given by the names of its columns."""
    return Write(_INSERT_LINES, {"of_batch": batch_id, **rows_parameter(lines)})


async def get_batch(database: Database, batch_id: str) -> RefundBatch | None:
    """Return a batch, or None if there is none of that id."""
    rows = await database.fetch(_GET, {"id": batch_id})
    return _batch_of(rows[0]) if rows else None


async def batch_counts(database: Database, batch_id: str) -> Mapping[Standing, int]:
    """Count where the movements stand that a batch brought."""
    counts: dict[Standing, int] = {}
    for state, refund, number in await database.fetch(_COUNTS, {"of_batch": batch_id}):
        where = standing(MovementState(state), None if refund is None else RefundState(refund))
        counts[where] = counts.get(where, 0) + int(number)
    return counts


async def first_refusals(database: Database, batch_id: str, limit: int) -> Sequence[Row]:
    """Return line number, movement, reason and words of the first lines that were refused."""
    return await database.fetch(_REFUSALS, {"of_batch": batch_id, "limit": limit})


async def result_page(
    database: Database, batch_id: str, after_line: int, limit: int
) -> list[tuple[ResultRow, int]]:
    """Return lines after one, in their order, each with how its movement stands now.

    And with the version of that: of its refund, one more if the movement was refused.
    """
    rows = await database.fetch(
        _PAGE, {"of_batch": batch_id, "after_line": after_line, "limit": limit}
    )
    return [(_result_of(row[:-1]), int(row[-1])) for row in rows]


async def batches_with_news(database: Database, since: datetime) -> list[RefundBatch]:
    """Return the batches made since then whose result tells of a movement as it is no more."""
    return [_batch_of(row) for row in await database.fetch(_NEWS, {"since": since})]


def _result_of(row: Row) -> ResultRow:
    number, movement_id, outcome, reason, message, state, refusal, why, refund_id = row[:9]
    refund_state, psp_reference, failure_json = row[9:]
    if state is None:
        return number, movement_id, outcome, Standing.REFUSED, "", "", _told(reason, message)
    where = standing(
        MovementState(state), None if refund_state is None else RefundState(refund_state)
    )
    failure = failure_of(failure_json) if failure_json else None
    told = _told(refusal, why)
    if failure is not None and where is not Standing.REFUSED:
        told = _told(failure.code, failure.message)
    return number, movement_id, outcome, where, refund_id, psp_reference or "", told


def _told(code: str, words: str) -> str:
    return ": ".join(part for part in (code, words) if part)


def _values(batch: RefundBatch) -> dict[str, Any]:
    return {
        "file_name": batch.file_name,
        "source": batch.source,
        "state": batch.state,
        "create_time": batch.create_time,
        "update_time": batch.update_time,
        "message": batch.message,
        "last_line": batch.last_line,
        "lines": batch.lines,
        "accepted": batch.accepted,
        "duplicates": batch.duplicates,
        "refused": batch.refused,
        "result_time": batch.result_time,
    }


def _batch_of(row: Row) -> RefundBatch:
    batch_id, file_name, source, state, create_time, update_time, message = row[:7]
    last_line, lines, accepted, duplicates, refused, result_time = row[7:]
    return RefundBatch(
        id=batch_id,
        file_name=file_name,
        source=BatchSource(source),
        state=BatchState(state),
        create_time=create_time,
        update_time=update_time,
        message=message,
        last_line=last_line,
        lines=lines,
        accepted=accepted,
        duplicates=duplicates,
        refused=refused,
        result_time=result_time,
    )
