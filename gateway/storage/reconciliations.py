"""Reconciliation runs as rows. Who holds the account's lease alone changes them."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import date
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.reconciliation import (
    UNFINISHED_STATES,
    CategoryTotal,
    Reconciliation,
    RunCounts,
    RunState,
)
from gateway.storage.database import Database, Row
from gateway.storage.reconciliation_tables import reconciliations
from gateway.storage.writes import Write
from psp.settlements import SettlementCategory, SettlementPeriod

_r: Final = reconciliations.c
_CHANGING: Final = (
    "state",
    "detail",
    "report_reference",
    "report_attempt",
    "line_count",
    "balances_json",
    "totals_json",
    "counts_json",
    "update_time",
)
_INSERT: Final = sa.insert(reconciliations)
_UPDATE: Final = (
    sa.update(reconciliations)
    .where(_r.id == sa.bindparam("key_id"))
    .values({name: sa.bindparam(f"new_{name}") for name in _CHANGING})
)
_GET: Final = sa.select(reconciliations).where(_r.id == sa.bindparam("of_id"))
_UNFINISHED: Final = (
    sa.select(reconciliations)
    .where(
        _r.psp_account == sa.bindparam("at_account"),
        _r.first_day == sa.bindparam("first"),
        _r.last_day == sa.bindparam("last"),
        # Written out: a list's length would be a part of the statement.
        sa.or_(*(_r.state == state.value for state in sorted(UNFINISHED_STATES))),
    )
    .order_by(_r.id.desc())
    .limit(sa.literal(1))
)


def insert_reconciliation(run: Reconciliation) -> Write:
    """Store a new run."""
    return Write(_INSERT, _values(run))


def update_reconciliation(run: Reconciliation) -> Write:
    """Store a run as changed."""
    values = _values(run)
    parameters = {f"new_{name}": values[name] for name in _CHANGING}
    return Write(_UPDATE, {**parameters, "key_id": run.id}, guard="reconciliation")


async def get_reconciliation(database: Database, run_id: str) -> Reconciliation | None:
    """Return a run, or None if there is none of that id."""
    rows = await database.fetch(_GET, {"of_id": run_id})
    return _run_of(rows[0]) if rows else None


async def unfinished_run(
    database: Database, psp_account: str, period: SettlementPeriod
) -> Reconciliation | None:
    """Return the run of this very period that somebody left before its end."""
    parameters = {
        "at_account": psp_account,
        "first": period.first_day.isoformat(),
        "last": period.last_day.isoformat(),
    }
    rows = await database.fetch(_UNFINISHED, parameters)
    return _run_of(rows[0]) if rows else None


def _values(run: Reconciliation) -> dict[str, Any]:
    balances = {"opening": run.opening_minor, "closing": run.closing_minor}
    known = any(each is not None for each in balances.values())
    return {
        "id": run.id,
        "psp_account": run.psp_account,
        "first_day": run.period.first_day.isoformat(),
        "last_day": run.period.last_day.isoformat(),
        "state": run.state,
        "detail": run.detail,
        "report_reference": run.report_reference,
        "report_attempt": run.report_attempt,
        "line_count": run.line_count,
        "balances_json": json.dumps({name: each and dict(each) for name, each in balances.items()})
        if known
        else None,
        "totals_json": json.dumps([asdict(total) for total in run.totals]),
        "counts_json": json.dumps(asdict(run.counts)),
        "create_time": run.create_time,
        "update_time": run.update_time,
    }


def _run_of(row: Row) -> Reconciliation:
    (
        run_id,
        psp_account,
        first_day,
        last_day,
        state,
        detail,
        report_reference,
        report_attempt,
        line_count,
        balances_json,
        totals_json,
        counts_json,
        create_time,
        update_time,
    ) = row
    balances = json.loads(balances_json) if balances_json else {}
    return Reconciliation(
        id=run_id,
        psp_account=psp_account,
        period=SettlementPeriod(date.fromisoformat(first_day), date.fromisoformat(last_day)),
        state=RunState(state),
        detail=detail,
        create_time=create_time,
        update_time=update_time,
        report_reference=report_reference,
        report_attempt=report_attempt,
        line_count=line_count,
        opening_minor=balances.get("opening"),
        closing_minor=balances.get("closing"),
        totals=tuple(
            CategoryTotal(**{**each, "category": SettlementCategory(each["category"])})
            for each in json.loads(totals_json)
        ),
        counts=RunCounts(**json.loads(counts_json)),
    )
