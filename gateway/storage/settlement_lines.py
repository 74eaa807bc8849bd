"""The PSP's lines as rows: staged by a run, counted from when their report was read to its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa

from gateway.domain.discrepancy import SubjectKind
from gateway.domain.reconciliation import CategoryTotal, Reconciliation
from gateway.domain.settlement_rules import CHARGING, REFUNDING, BookedLine, subject_of
from gateway.storage.database import Database, Row
from gateway.storage.json_rows import rows_parameter, select_rows
from gateway.storage.reconciliation_tables import (
    reconciliations,
    settlement_days,
    settlement_lines,
)
from gateway.storage.tables import payments
from gateway.storage.writes import Write
from psp.settlements import SettlementCategory, SettlementEntry, SettlementPeriod

CHUNK_LINES: Final = 50_000
"""How many lines one statement looks at: it ends well before the database's patience does."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_DAY: Final = date(1970, 1, 1)
_MICROSECOND: Final = timedelta(microseconds=1)
_US_A_DAY: Final = 86_400_000_000

_l: Final = settlement_lines.c
_RUN: Final = sa.bindparam("of_run", type_=sa.Text)
OF_ACCOUNT: Final = sa.bindparam("at_account", type_=sa.Text)
BY_INDEX: Final[sa.ColumnElement[int]] = sa.literal_column("0")
"""As an offset it keeps PostgreSQL from joining what stands in an EXISTS: it is looked up row by
row, by its index. Of lines that came a moment before the planner knows nothing, and may join them
each with each."""
OF_CHUNK: Final = sa.and_(
    _l.run_id == _RUN,
    _l.line_number > sa.bindparam("after_line", type_=sa.BigInteger),
    _l.line_number <= sa.bindparam("until_line", type_=sa.BigInteger),
)


_DELETE: Final = sa.delete(settlement_lines).where(OF_CHUNK)
_LAST_LINE: Final = sa.select(sa.func.coalesce(sa.func.max(_l.line_number), 0)).where(
    _l.run_id == _RUN
)
_TOTALS: Final = (
    sa.select(
        _l.currency,
        _l.category,
        sa.func.count(),
        sa.cast(sa.func.sum(_l.gross_minor), sa.BigInteger),
        sa.cast(sa.func.sum(_l.fee_minor), sa.BigInteger),
        sa.cast(sa.func.sum(_l.net_minor), sa.BigInteger),
    )
    .where(OF_CHUNK)
    .group_by(_l.currency, _l.category)
)
_OF_COUNTRY: Final = _TOTALS.where(
    _l.day == sa.bindparam("on_day", type_=sa.BigInteger),
    sa.exists().where(
        payments.c.psp_account == OF_ACCOUNT,
        payments.c.psp_reference == _l.payment_reference,
        payments.c.psp_reference != sa.literal_column("''"),
        payments.c.country_code == sa.bindparam("in_country", type_=sa.Text),
    ),
)
_SHOWN: Final = (
    _l.entry_id,
    _l.category,
    _l.raw_category,
    _l.occurred_us,
    _l.currency,
    _l.gross_minor,
    _l.fee_minor,
    _l.net_minor,
    _l.payment_reference,
    _l.refund_reference,
    _l.payment_id,
    _l.refund_id,
    _l.description,
)
_NAMES_MONEY: Final = sa.or_(
    *(_l.category == category.value for category in sorted(CHARGING | REFUNDING))
)
_ODD: Final = sa.select(*_SHOWN).where(
    OF_CHUNK,
    sa.or_(
        _l.category == SettlementCategory.UNKNOWN.value,
        _l.net_minor != _l.gross_minor - _l.fee_minor,
        sa.and_(
            _l.category == SettlementCategory.CHARGE.value,
            _l.fee_minor > sa.func.abs(_l.gross_minor),
        ),
        sa.and_(
            _l.category == SettlementCategory.FEE.value,
            _l.description == "",
            _l.payment_reference == "",
        ),
        sa.and_(_l.subject_kind == SubjectKind.LINE.value, _NAMES_MONEY),
    ),
)
_before: Final = settlement_lines.alias("before")
# An entry that comes again is about the same thing: both stand at one place of that index.
_SAME_ENTRY: Final = sa.and_(
    _before.c.subject_reference == _l.subject_reference,
    _before.c.psp_account == _l.psp_account,
    _before.c.run_id == _l.run_id,
    _before.c.entry_id == _l.entry_id,
    _before.c.line_number < _l.line_number,
)
_COMES_AGAIN: Final = sa.and_(
    _l.run_id == _RUN,
    _l.psp_account == OF_ACCOUNT,
    _l.subject_reference.in_(select_rows("reference")),
    sa.select(_before.c.line_number)
    .where(_SAME_ENTRY)
    .offset(BY_INDEX)
    .correlate(settlement_lines)
    .exists(),
)
_REPEATED: Final = sa.select(
    *_SHOWN,
    sa.select(sa.func.count()).where(_SAME_ENTRY).correlate(settlement_lines).scalar_subquery(),
).where(_COMES_AGAIN)
_DELETE_REPEATS: Final = sa.delete(settlement_lines).where(_COMES_AGAIN)
_REFUNDS: Final = (
    sa.select(_l.subject_reference)
    .where(OF_CHUNK, _l.subject_kind == SubjectKind.REFUND.value)
    .distinct()
    .order_by(_l.subject_reference)
)

_d: Final = settlement_days.c
_IN_PERIOD: Final = sa.and_(
    _d.psp_account == OF_ACCOUNT,
    _d.day >= sa.bindparam("first_day", type_=sa.BigInteger),
    _d.day <= sa.bindparam("last_day", type_=sa.BigInteger),
)
_DAYS: Final = sa.select(_d.day, _d.run_id).where(_IN_PERIOD).order_by(_d.day)
_FIRST_COVERED: Final = sa.select(sa.func.min(_d.day)).where(_d.psp_account == OF_ACCOUNT)
_TAKE_DAYS: Final = (
    sa.update(settlement_days).where(_IN_PERIOD).values(run_id=sa.bindparam("new_run"))
)
_given_days: Final = select_rows("day").subquery("given_days")
_ADD_DAYS: Final = sa.insert(settlement_days).from_select(
    ["psp_account", "day", "run_id"],
    sa.select(OF_ACCOUNT, sa.cast(_given_days.c.day, sa.BigInteger), _RUN),
)
_r: Final = reconciliations.c
_SUPERSEDED: Final = sa.select(_r.id).where(
    _r.psp_account == OF_ACCOUNT,
    _r.id != _RUN,
    sa.select(_l.line_number).where(_l.run_id == _r.id).correlate(reconciliations).exists(),
    ~sa.select(_d.day).where(_d.run_id == _r.id).correlate(reconciliations).exists(),
)


async def stage_lines(
    database: Database,
    run: Reconciliation,
    first_number: int,
    entries: Sequence[SettlementEntry],
) -> None:
    """Store lines of a report, numbered on from `first_number`, all or none of them."""
    first_day, last_day = day_number(run.period.first_day), day_number(run.period.last_day)
    rows = [
        _row(run, number, entry, first_day, last_day)
        for number, entry in enumerate(entries, first_number)
    ]
    await database.load(settlement_lines, rows)


def delete_lines(run_id: str, after_line: int, until_line: int) -> Write:
    """Drop the lines of a run with these numbers."""
    return Write(_DELETE, chunk_parameters(run_id, after_line, until_line))


def delete_repeats(run_id: str, psp_account: str, references: Sequence[str]) -> Write:
    """Drop those lines about these subjects whose entry came before in the same report."""
    return Write(_DELETE_REPEATS, _subjects(run_id, psp_account, references))


async def last_line(database: Database, run_id: str) -> int:
    """Return the highest number of a run's lines; 0 if it has none."""
    return int((await database.fetch(_LAST_LINE, {"of_run": run_id}))[0][0])


async def totals_of_lines(
    database: Database, run_id: str, after_line: int, until_line: int
) -> list[CategoryTotal]:
    """Add a chunk of lines up."""
    return _totals(await database.fetch(_TOTALS, chunk_parameters(run_id, after_line, until_line)))


async def totals_of_country(
    database: Database,
    run_id: str,
    after_line: int,
    until_line: int,
    *,
    psp_account: str,
    day: date,
    country_code: str,
) -> list[CategoryTotal]:
    """Add up those lines of a chunk that are of a day and name a payment of a country."""
    parameters = {
        **chunk_parameters(run_id, after_line, until_line),
        "on_day": day_number(day),
        "at_account": psp_account,
        "in_country": country_code,
    }
    return _totals(await database.fetch(_OF_COUNTRY, parameters))


async def odd_lines(
    database: Database, run_id: str, after_line: int, until_line: int
) -> list[BookedLine]:
    """Return the lines of a chunk that need a look for themselves."""
    rows = await database.fetch(_ODD, chunk_parameters(run_id, after_line, until_line))
    return [BookedLine(_entry(row)) for row in rows]


async def repeated_lines(
    database: Database, run_id: str, psp_account: str, references: Sequence[str]
) -> list[BookedLine]:
    """Return the lines about these subjects whose entry came before, each with how often it did."""
    rows = await database.fetch(_REPEATED, _subjects(run_id, psp_account, references))
    return [BookedLine(_entry(row[:-1]), repeats=row[-1]) for row in rows]


async def refunds_of_lines(
    database: Database, run_id: str, after_line: int, until_line: int
) -> list[str]:
    """Return every refund that a chunk of lines is about, by the PSP's references."""
    rows = await database.fetch(_REFUNDS, chunk_parameters(run_id, after_line, until_line))
    return [row[0] for row in rows]


async def counted_runs(
    database: Database, psp_account: str, period: SettlementPeriod
) -> dict[int, str]:
    """Return whose lines count on the days of a period that were read at all."""
    rows = await database.fetch(_DAYS, _period(psp_account, period))
    return {day: run_id for day, run_id in rows}  # noqa: C416 - rows of the driver are no pairs to a type checker


async def first_covered_day(database: Database, psp_account: str) -> date | None:
    """Return the first day of which a report was ever read."""
    (day,) = (await database.fetch(_FIRST_COVERED, {"at_account": psp_account}))[0]
    return None if day is None else day_of(day)


def count_lines_of(
    run_id: str, psp_account: str, period: SettlementPeriod, known_days: frozenset[int]
) -> list[Write]:
    """Make a run's lines the PSP's word on its days; `known_days` were somebody's before."""
    first, last = day_number(period.first_day), day_number(period.last_day)
    missing = [{"day": str(day)} for day in range(first, last + 1) if day not in known_days]
    writes = [Write(_TAKE_DAYS, {**_period(psp_account, period), "new_run": run_id})]
    if missing:
        parameters = {**rows_parameter(missing), "of_run": run_id, "at_account": psp_account}
        writes.append(Write(_ADD_DAYS, parameters))
    return writes


async def superseded_runs(database: Database, psp_account: str, run_id: str) -> list[str]:
    """Return the other runs of an account that have lines, and none that counts."""
    rows = await database.fetch(_SUPERSEDED, {"at_account": psp_account, "of_run": run_id})
    return [row[0] for row in rows]


def day_number(day: date) -> int:
    """Return a day as the tables have it."""
    return (day - _FIRST_DAY).days


def day_of(number: int) -> date:
    """Return the day of a number of the tables."""
    return _FIRST_DAY + timedelta(days=number)


def time_of(microseconds: int) -> datetime:
    """Return a time of the tables."""
    return _EPOCH + microseconds * _MICROSECOND


def _row(
    run: Reconciliation, number: int, entry: SettlementEntry, first_day: int, last_day: int
) -> Row:
    """Return a line in the order of the table's columns."""
    occurred_us = (entry.occurred_time - _EPOCH) // _MICROSECOND
    subject = subject_of(entry)
    return (
        run.id,
        number,
        run.psp_account,
        # A PSP that cuts its days elsewhere still means the period that was asked for.
        min(max(occurred_us // _US_A_DAY, first_day), last_day),
        entry.entry_id,
        entry.category,
        entry.raw_category,
        occurred_us,
        entry.currency,
        entry.gross_minor,
        entry.fee_minor,
        entry.net_minor,
        subject.kind,
        subject.reference,
        entry.payment_reference,
        entry.refund_reference,
        entry.payment_id,
        entry.refund_id,
        entry.description,
    )


def _entry(row: Row) -> SettlementEntry:
    return SettlementEntry(
        entry_id=row[0],
        category=SettlementCategory(row[1]),
        raw_category=row[2],
        occurred_time=time_of(row[3]),
        currency=row[4],
        gross_minor=row[5],
        fee_minor=row[6],
        net_minor=row[7],
        payment_reference=row[8],
        refund_reference=row[9],
        payment_id=row[10],
        refund_id=row[11],
        description=row[12],
    )


def _totals(rows: Sequence[Row]) -> list[CategoryTotal]:
    return [
        CategoryTotal(currency, SettlementCategory(category), lines, gross, fee, net)
        for currency, category, lines, gross, fee, net in rows
    ]


def chunk_parameters(run_id: str, after_line: int, until_line: int) -> dict[str, Any]:
    """Return the parameters of `OF_CHUNK`."""
    return {"of_run": run_id, "after_line": after_line, "until_line": until_line}


def _subjects(run_id: str, psp_account: str, references: Sequence[str]) -> dict[str, Any]:
    rows = rows_parameter([{"reference": reference} for reference in references])
    return {**rows, "of_run": run_id, "at_account": psp_account}


def _period(psp_account: str, period: SettlementPeriod) -> dict[str, Any]:
    return {
        "at_account": psp_account,
        "first_day": day_number(period.first_day),
        "last_day": day_number(period.last_day),
    }
