"""Settlements from reports that Stripe makes: asked for, waited for, downloaded as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    RejectedError,
    ReportUnreadableError,
    UnavailableError,
)
from psp.settlements import (
    ReportState,
    SettlementCategory,
    SettlementEntry,
    SettlementPeriod,
    SettlementReport,
)
from psp.stripe.client import StripeCaller
from psp.stripe.fields import (
    JsonObject,
    nested,
    require_object,
    required_number,
    required_text,
    text,
)
from psp.stripe.file_reading import file_chunks
from psp.stripe.paths import REPORT_RUNS, REPORT_TYPES, object_path
from psp.stripe.report_reading import (
    ACTIVITY_COLUMNS,
    PAYOUT_COLUMNS,
    SUMMARY_COLUMNS,
    activity_entry,
    balances,
    payout_entry,
)
from psp.stripe.report_tables import ReportError, Row, read_rows

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _ReportType:
    """One of the reports that together tell a period."""

    id: str
    columns: Sequence[str]
    key: str
    """What sets its idempotency key apart from the others'."""


# Stripe, "Balance report": the activity holds everything but payouts.
_ACTIVITY: Final = _ReportType(
    "balance_change_from_activity.itemized.7", ACTIVITY_COLUMNS, "activity"
)
_PAYOUTS: Final = _ReportType("payouts.itemized.3", PAYOUT_COLUMNS, "payouts")
_SUMMARY: Final = _ReportType("balance.summary.1", SUMMARY_COLUMNS, "summary")
REPORTS: Final = (_ACTIVITY, _PAYOUTS, _SUMMARY)

_PAYOUT_CATEGORIES: Final = frozenset(
    {SettlementCategory.PAYOUT, SettlementCategory.PAYOUT_REVERSAL}
)

# Stripe API, ReportRun `status`. What is not listed is still being made, as far as we know.
_STATES: Final = {
    "pending": ReportState.PENDING,
    "succeeded": ReportState.READY,
    "failed": ReportState.FAILED,
}


@dataclass(frozen=True, slots=True)
class _Run:
    """One ReportRun, reduced."""

    id: str
    state: ReportState
    url: str
    error: str


@dataclass(frozen=True, slots=True)
class _Available:
    """The time that a report can cover; the end is exclusive."""

    start: datetime
    end: datetime


class ReportRuns:
    """Reports of one account. A reference names its three runs and needs nothing else."""

    def __init__(self, caller: StripeCaller, *, live: bool | None) -> None:
        self._caller = caller
        self._live = live

    async def start(self, period: SettlementPeriod, idempotency_key: str) -> SettlementReport:
        """Ask for the reports of a period, or tell that Stripe has not closed it yet."""
        for report in REPORTS:
            available = await self._available(report)
            if period.since < available.start:
                detail = f"Stripe reports nothing before {available.start:%Y-%m-%d}"
                raise RejectedError(self._caller.account, detail, "report_too_early")
            if available.end < period.until:
                detail = f"Stripe has {report.id} until {available.end:%Y-%m-%d %H:%M} UTC so far"
                return SettlementReport("", ReportState.NOT_YET, detail)
        return await self._told(
            [await self._asked(report, period, idempotency_key) for report in REPORTS]
        )

    async def retrieve(self, parts: Sequence[str]) -> SettlementReport:
        """Return where the runs of a reference stand."""
        return await self._told(await self._runs(parts))

    async def entries(self, parts: Sequence[str]) -> AsyncGenerator[SettlementEntry, None]:
        """Stream the activity, then the payouts."""
        activity, payouts, _ = await self._runs(parts)
        told: set[str] = set()
        async with aclosing(self._read(_ACTIVITY, activity, activity_entry)) as entries:
            async for entry in entries:
                if entry.category in _PAYOUT_CATEGORIES:
                    told.add(entry.entry_id)
                yield entry
        async with aclosing(self._read(_PAYOUTS, payouts, payout_entry)) as entries:
            async for entry in entries:
                # Should the activity hold payouts after all, each of them still counts once.
                if entry.entry_id not in told:
                    yield entry

    async def _available(self, report: _ReportType) -> _Available:
        try:
            return await self._caller.read(f"{REPORT_TYPES}/{report.id}", {}, _read_available)
        except RejectedError as refusal:
            raise self._without_reports(refusal) from refusal

    async def _asked(self, report: _ReportType, period: SettlementPeriod, key: str) -> _Run:
        parameters = {
            "report_type": report.id,
            "parameters": {
                "interval_start": int(period.since.timestamp()),
                "interval_end": int(period.until.timestamp()),
                "columns": list(report.columns),
            },
        }
        try:
            return await self._caller.change(
                REPORT_RUNS, parameters, f"{key}:{report.key}", _read_run
            )
        except RejectedError as refusal:
            raise self._without_reports(refusal) from refusal

    def _without_reports(self, refusal: RejectedError) -> MisconfiguredError | RejectedError:
        if self._live:
            return refusal
        detail = (
            f"{refusal.detail}; these reports need a live key: set settlement_source to "
            "balance_transactions for this account"
        )
        return MisconfiguredError(
            refusal.account, detail, refusal.code, request_reference=refusal.request_reference
        )

    async def _runs(self, parts: Sequence[str]) -> list[_Run]:
        account = self._caller.account
        if len(parts) != len(REPORTS):
            raise NotFoundError(account, "this is no reference of a report", "resource_missing")
        paths = [object_path(account, REPORT_RUNS, part) for part in parts]
        return [await self._caller.read(path, {}, _read_run) for path in paths]

    async def _told(self, runs: Sequence[_Run]) -> SettlementReport:
        reference = "/".join(run.id for run in runs)
        for run in runs:
            if run.state is ReportState.FAILED:
                return SettlementReport(reference, ReportState.FAILED, _reason(run))
        unfinished = [run for run in runs if run.state is not ReportState.READY]
        if unfinished:
            detail = f"Stripe is making {', '.join(run.id for run in unfinished)}"
            return SettlementReport(reference, ReportState.PENDING, detail)
        opening, closing = await self._balances(runs[-1])
        return SettlementReport(reference, ReportState.READY, "", opening, closing)

    async def _balances(self, run: _Run) -> tuple[dict[str, int], dict[str, int]]:
        rows = [row async for row in self._read(_SUMMARY, run, lambda row: row)]
        try:
            return balances(rows)
        except ReportError as error:
            raise self._unreadable(_SUMMARY, run, error) from error

    async def _read(
        self, report: _ReportType, run: _Run, read: Callable[[Row], T]
    ) -> AsyncGenerator[T, None]:
        if run.state is not ReportState.READY:
            detail = f"the report {run.id} is not ready: ask for its state first"
            raise UnavailableError(self._caller.account, detail, "report_not_ready")
        try:
            async with aclosing(file_chunks(self._caller, run.url)) as chunks:
                async for rows in read_rows(chunks, report.columns):
                    for row in rows:
                        yield read(row)
        except ReportError as error:
            raise self._unreadable(report, run, error) from error

    def _unreadable(
        self, report: _ReportType, run: _Run, error: ReportError
    ) -> ReportUnreadableError:
        return ReportUnreadableError(self._caller.account, f"{report.id} {run.id}: {error}")


def _read_available(answer: JsonObject) -> _Available:
    told = require_object(answer, "reporting.report_type")
    return _Available(
        datetime.fromtimestamp(required_number(told, "data_available_start"), UTC),
        datetime.fromtimestamp(required_number(told, "data_available_end"), UTC),
    )


def _read_run(answer: JsonObject) -> _Run:
    run = require_object(answer, "reporting.report_run")
    return _Run(
        required_text(run, "id"),
        _STATES.get(text(run, "status"), ReportState.PENDING),
        text(nested(run, "result"), "url"),
        text(run, "error"),
    )


def _reason(run: _Run) -> str:
    return f"Stripe could not make {run.id}: {run.error or 'it does not say why'}"
