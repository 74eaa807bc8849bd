"""Discrepancies as rows: kept for ever, one for each account, subject and type."""

from __future__ import annotations

import json
from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.discrepancy import (
    Discrepancy,
    DiscrepancyFilter,
    DiscrepancyState,
    DiscrepancyType,
    Finding,
    Resolution,
    Subject,
    SubjectKind,
)
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.reconciliation_tables import discrepancies
from gateway.storage.writes import Write

DISCREPANCY_GUARD: Final = "discrepancy_version"
"""Name of the guard that fails if the discrepancy changed since it was read."""

_d: Final = discrepancies.c
_FIXED: Final = frozenset(
    {
        "id",
        "psp_account",
        "type",
        "subject_kind",
        "subject_reference",
        "first_run_id",
        "first_seen_time",
    }
)
_CHANGING: Final = tuple(column.name for column in discrepancies.c if column.name not in _FIXED)
_INSERT: Final = sa.insert(discrepancies)
_UPDATE: Final = (
    sa.update(discrepancies)
    .where(_d.id == sa.bindparam("key_id"), _d.version == sa.bindparam("read_version"))
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGING})
)
_GET: Final = sa.select(discrepancies).where(_d.id == sa.bindparam("of_id"))
_ACCOUNT: Final = sa.bindparam("at_account", type_=sa.Text)
_OF_SUBJECTS: Final = sa.select(discrepancies).where(
    _d.psp_account == _ACCOUNT, _d.subject_reference.in_(select_rows("wanted"))
)
_NOT_SEEN: Final = (
    sa.select(discrepancies)
    .where(
        _d.psp_account == _ACCOUNT,
        _d.state == DiscrepancyState.OPEN.value,
        _d.last_run_id != sa.bindparam("seen_by", type_=sa.Text),
        _d.id > sa.bindparam("after_id", type_=sa.Text),
    )
    .order_by(_d.id)
    .limit(sa.bindparam("limit", type_=sa.BigInteger))
)
_COUNTS: Final = sa.select(
    sa.func.count(),
    sa.func.coalesce(
        sa.func.sum(
            sa.case((_d.first_run_id == sa.bindparam("seen_by", type_=sa.Text), 1), else_=0)
        ),
        0,
    ),
).where(_d.last_run_id == sa.bindparam("seen_by", type_=sa.Text))


def insert_discrepancy(discrepancy: Discrepancy) -> Write:
    """Store a new one; a second one of the same account, subject and type exists already."""
    return Write(_INSERT, _values(discrepancy))


def update_discrepancy(discrepancy: Discrepancy, *, read_version: int) -> Write:
    """Store one as changed; fails as `DISCREPANCY_GUARD` unless `read_version` still stands."""
    values = _values(discrepancy)
    parameters = {f"new_{name}": values[name] for name in _CHANGING}
    parameters |= {"key_id": discrepancy.id, "read_version": read_version}
    return Write(_UPDATE, parameters, guard=DISCREPANCY_GUARD)


async def get_discrepancy(database: Database, discrepancy_id: str) -> Discrepancy | None:
    """Return one, or None if there is none of that id."""
    rows = await database.fetch(_GET, {"of_id": discrepancy_id})
    return _discrepancy_of(rows[0]) if rows else None


async def discrepancies_of(
    database: Database, psp_account: str, references: Sequence[str]
) -> dict[tuple[Subject, DiscrepancyType], Discrepancy]:
    """Return what is known of these subjects, by subject and type."""
    wanted = rows_parameter([{"wanted": reference} for reference in references])
    rows = await database.fetch(_OF_SUBJECTS, {**wanted, "at_account": psp_account})
    found = [_discrepancy_of(row) for row in rows]
    return {(each.finding.subject, each.finding.type): each for each in found}


async def open_and_not_seen(
    database: Database, psp_account: str, run_id: str, after_id: str, limit: int
) -> list[Discrepancy]:
    """Return open ones that a run did not see, the oldest first, after `after_id`."""
    parameters = {
        "at_account": psp_account,
        "seen_by": run_id,
        "after_id": after_id,
        "limit": limit,
    }
    return [_discrepancy_of(row) for row in await database.fetch(_NOT_SEEN, parameters)]


async def count_seen(database: Database, run_id: str) -> tuple[int, int]:
    """Return how many a run saw, and how many of them it saw first."""
    seen, new = (await database.fetch(_COUNTS, {"seen_by": run_id}))[0]
    return int(seen), int(new)


async def list_discrepancies(
    database: Database, wanted: DiscrepancyFilter, before_id: str, limit: int
) -> list[Discrepancy]:
    """Return the newest ones, newest first; with `before_id`, the newest older than that."""
    narrowing = {
        name: value
        for name, value in {
            "psp_account": wanted.psp_account,
            "state": wanted.state or "",
            "type": wanted.type or "",
            "last_run_id": wanted.run_id,
        }.items()
        if value
    }
    older = {"before_id": before_id} if before_id else {}
    statement = _list_statement(frozenset(narrowing), older=bool(older))
    rows = await database.fetch(statement, {**narrowing, **older, "limit": limit})
    return [_discrepancy_of(row) for row in rows]


@cache
def _list_statement(narrowing: frozenset[str], *, older: bool) -> sa.Select[Any]:
    """Return one of the few statements that list, always the same object for the same filter."""
    statement = sa.select(discrepancies).where(
        *(_d[name] == sa.bindparam(name) for name in sorted(narrowing))
    )
    if older:
        statement = statement.where(_d.id < sa.bindparam("before_id"))
    return statement.order_by(_d.id.desc()).limit(sa.bindparam("limit", type_=sa.BigInteger))


def _values(discrepancy: Discrepancy) -> dict[str, Any]:
    finding = discrepancy.finding
    return {
        "id": discrepancy.id,
        "psp_account": discrepancy.psp_account,
        "type": finding.type,
        "subject_kind": finding.subject.kind,
        "subject_reference": finding.subject.reference,
        "state": discrepancy.state,
        "currency": finding.currency,
        "ours_minor": finding.ours_minor,
        "psp_minor": finding.psp_minor,
        "description": finding.description,
        "occurred_time": finding.occurred_time,
        "ours_json": json.dumps(dict(finding.ours)),
        "psp_json": json.dumps(dict(finding.psp)),
        "payment_id": finding.payment_id,
        "order_id": finding.order_id,
        "first_run_id": discrepancy.first_run_id,
        "last_run_id": discrepancy.last_run_id,
        "first_seen_time": discrepancy.first_seen_time,
        "last_seen_time": discrepancy.last_seen_time,
        "update_time": discrepancy.update_time,
        "owner": discrepancy.owner,
        "note": discrepancy.note,
        "resolution": discrepancy.resolution or "",
        "healed_reason": discrepancy.healed_reason,
        "version": discrepancy.version,
    }


def _discrepancy_of(row: Row) -> Discrepancy:
    values = dict(zip((column.name for column in discrepancies.c), row, strict=True))
    return Discrepancy(
        id=values["id"],
        psp_account=values["psp_account"],
        finding=Finding(
            type=DiscrepancyType(values["type"]),
            subject=Subject(SubjectKind(values["subject_kind"]), values["subject_reference"]),
            currency=values["currency"],
            ours_minor=values["ours_minor"],
            psp_minor=values["psp_minor"],
            description=values["description"],
            occurred_time=values["occurred_time"],
            ours=json.loads(values["ours_json"]),
            psp=json.loads(values["psp_json"]),
            payment_id=values["payment_id"],
            order_id=values["order_id"],
        ),
        state=DiscrepancyState(values["state"]),
        first_run_id=values["first_run_id"],
        last_run_id=values["last_run_id"],
        first_seen_time=values["first_seen_time"],
        last_seen_time=values["last_seen_time"],
        update_time=values["update_time"],
        owner=values["owner"],
        note=values["note"],
        resolution=Resolution(values["resolution"]) if values["resolution"] else None,
        healed_reason=values["healed_reason"],
        version=values["version"],
    )
