"""How much waits in each table, and since when: small queries that partial indexes answer.

None of them reads rows that are dealt with: their cost is that of what waits.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.backlog import Backlog, Waiting
from gateway.domain.discrepancy import DiscrepancyState
from gateway.domain.operation import OperationState
from gateway.domain.posting import ORDER_UNKNOWN
from gateway.storage.account_tables import REFUSED_POSTING, WAITING_POSTING, account_postings
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.reconciliation_tables import discrepancies
from gateway.storage.refund_file_tables import (
    UNSETTLED_REFUND,
    WAITING_MOVEMENT,
    refund_movements,
)
from gateway.storage.tables import (
    OPEN_OPERATION,
    PROCESSING_PAYMENT,
    WAITING_EVENT,
    UtcDateTime,
    alias_operations,
    inbox,
    job_leases,
    journal,
    operations,
    outbox,
    payments,
    refunds,
)

_HOW_MANY: Final = sa.func.count()
_OPEN_STATES: Final = (OperationState.PENDING, OperationState.UNKNOWN)

_OPERATIONS: Final = (
    sa.select(operations.c.state, _HOW_MANY, sa.func.min(operations.c.create_time))
    .where(OPEN_OPERATION)
    .group_by(operations.c.state)
)


def _waiting(since: sa.Column[Any], condition: sa.TextClause) -> sa.Select[Any]:
    return _query(_HOW_MANY, sa.func.min(since)).where(condition)


def _query(*columns: Any) -> sa.Select[Any]:  # noqa: ANN401 - SQLAlchemy's own types of each
    return sa.select(*columns)


# Ids of journal lines are in the order of their making.
_OLDEST_LINE: Final = (
    sa.select(journal.c.create_time)
    .where(journal.c.id == sa.select(sa.func.min(outbox.c.journal_id)).scalar_subquery())
    .scalar_subquery()
)
_QUEUES: Final[Mapping[str, sa.Select[Any]]] = {
    "inbox": _waiting(inbox.c.receive_time, WAITING_EVENT),
    "outbox": sa.select(_HOW_MANY, _OLDEST_LINE).select_from(outbox),
    "account": _waiting(
        account_postings.c.booking_time,
        sa.text(f"{WAITING_POSTING.text} AND last_error <> '{ORDER_UNKNOWN}'"),
    ),
    "refund_files": _waiting(refund_movements.c.create_time, WAITING_MOVEMENT),
    "aliases": _waiting(alias_operations.c.create_time, OPEN_OPERATION),
}
"""By queue: how many rows wait, and since when the oldest does."""
_OVERDUE_BEFORE: Final = sa.bindparam("overdue_before", type_=UtcDateTime)
_REFUNDS: Final = _query(
    _HOW_MANY,
    sa.func.min(refunds.c.create_time),
    sa.func.count(sa.case((refunds.c.create_time <= _OVERDUE_BEFORE, sa.literal_column("1")))),
).where(UNSETTLED_REFUND)
_REFUSED: Final = sa.select(_HOW_MANY).select_from(account_postings).where(REFUSED_POSTING)
_UNFINISHED: Final = (
    sa.select(_HOW_MANY)
    .select_from(payments)
    .where(PROCESSING_PAYMENT, payments.c.authorized_minor > sa.literal_column("0"))
)
_DISCREPANCIES: Final = (
    sa.select(discrepancies.c.psp_account, discrepancies.c.type, _HOW_MANY)
    .where(
        discrepancies.c.psp_account.in_(select_rows("account")),
        discrepancies.c.state == sa.bindparam("open"),
    )
    .group_by(discrepancies.c.psp_account, discrepancies.c.type)
)
_JOBS: Final = sa.select(job_leases.c.name, job_leases.c.cursor).where(
    job_leases.c.cursor != sa.literal_column("''")
)

STATEMENTS: Final = (
    _OPERATIONS,
    *_QUEUES.values(),
    _REFUNDS,
    _REFUSED,
    _UNFINISHED,
    _DISCREPANCIES,
)
"""All of them, but for the one over the few job leases."""


async def read_backlog(
    database: Database, accounts: Collection[str], overdue_before: datetime
) -> Backlog:
    """Read what waits; refunds asked for before then are overdue."""
    by_state = {row[0]: _waiting_of(row[1:]) for row in await database.fetch(_OPERATIONS, {})}
    queues = {name: await _first(database, query, {}) for name, query in _QUEUES.items()}
    refunds_row = await _first(database, _REFUNDS, {"overdue_before": overdue_before})
    found = await database.fetch(
        _DISCREPANCIES,
        {
            "open": DiscrepancyState.OPEN,
            **rows_parameter([{"account": account} for account in accounts]),
        },
    )
    return Backlog(
        operations={str(state): by_state.get(state, Waiting()) for state in _OPEN_STATES},
        queues={name: _waiting_of(row) for name, row in queues.items()},
        refunds_unsettled=_waiting_of(refunds_row[:2]),
        refunds_overdue=int(refunds_row[2]),
        postings_refused=int((await _first(database, _REFUSED, {}))[0]),
        captures_unfinished=int((await _first(database, _UNFINISHED, {}))[0]),
        discrepancies={(account, kind): int(count) for account, kind, count in found},
        jobs=_times(await database.fetch(_JOBS, {})),
    )


async def _first(database: Database, query: sa.Select[Any], parameters: Mapping[str, Any]) -> Row:
    (row,) = await database.fetch(query, parameters)
    return row


def _waiting_of(row: Row) -> Waiting:
    count, oldest_time = row
    return Waiting(int(count), oldest_time)


def _times(rows: Collection[Row]) -> Mapping[str, datetime]:
    """Return the cursors that are times; those of other jobs are names or ids."""
    times: dict[str, datetime] = {}
    for name, cursor in rows:
        try:
            times[name] = datetime.fromisoformat(cursor)
        except ValueError:
            continue
    return times
