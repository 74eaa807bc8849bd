"""One run from its first step to its last, each of which is stored before the next begins."""

from __future__ import annotations

from dataclasses import dataclass, replace

import structlog

from gateway.clock import Clock
from gateway.domain.reconciliation import Reconciliation, RunCounts, RunState, added
from gateway.reconciliation.commands import RunProgress, Tell
from gateway.reconciliation.matching import Matching
from gateway.reconciliation.reporting import PASSING, ReportDesk, failure_of
from gateway.reconciliation.settling import Settling
from gateway.reconciliation.staging import Keep, Staging, chunks
from gateway.storage.database import Database
from gateway.storage.discrepancies import count_seen
from gateway.storage.reconciliations import update_reconciliation
from gateway.storage.settlement_lines import count_lines_of, counted_runs, totals_of_lines
from gateway.storage.writes import Write
from psp.errors import PspError
from psp.port import PaymentServiceProvider
from psp.settlements import SettlementReport

_log = structlog.get_logger(__name__)


@dataclass
class RunParts:
    """What the steps of a run are done by."""

    database: Database
    clock: Clock
    desk: ReportDesk
    staging: Staging
    matching: Matching
    settling: Settling


class RunInProgress:
    """A run that goes on from wherever it stands. Who makes one holds the account's lease."""

    def __init__(self, parts: RunParts, run: Reconciliation, keep: Keep, tell: Tell) -> None:
        self._parts = parts
        self._keep = keep
        self._tell = tell
        self.run = run

    async def go_on(self, provider: PaymentServiceProvider) -> Reconciliation:
        """Do what is left of the run; it ends DONE, FAILED, or waiting for its report."""
        if self.run.state in {RunState.MATCHING, RunState.MATCHED}:
            await self._begin_anew_if_superseded()
        if self.run.state in {RunState.WAITING_FOR_REPORT, RunState.STAGING}:
            try:
                await self._read(provider)
            except PspError as error:
                await self._fail(error)
        if self.run.state is RunState.MATCHING:
            await self._match()
        if self.run.state is RunState.MATCHED:
            await self._settle()
        return self.run

    async def _begin_anew_if_superseded(self) -> None:
        """Have the report read again if a later run read days of it since: lines may be gone."""
        run = self.run
        counted = await counted_runs(self._parts.database, run.psp_account, run.period)
        if set(counted.values()) == {run.id}:
            return
        await self._parts.staging.drop(run.id)
        await self._save(
            state=RunState.WAITING_FOR_REPORT,
            detail="a later run has read its days: its report is asked for anew",
            report_reference="",
            report_attempt=run.report_attempt + 1,
            line_count=0,
        )

    async def _read(self, provider: PaymentServiceProvider) -> None:
        """Get the report and stage it: only once it was read to its end its lines count."""
        self._say()
        self.run, report = await self._parts.desk.report(self.run, provider, self._keep)
        if report is None:
            return
        await self._save(state=RunState.STAGING, detail="")
        entries = provider.settlement_entries(report.reference)
        try:
            lines = await self._parts.staging.stage(
                self.run, entries, self._keep, lambda read: self._say(lines_read=read)
            )
        except PASSING as error:
            await self._parts.staging.drop(self.run.id)
            detail = f"the report could not be read to its end: {error}"
            await self._save(state=RunState.WAITING_FOR_REPORT, detail=detail)
            return
        await self._take_over(report, lines)

    async def _take_over(self, report: SettlementReport, lines: int) -> None:
        """Make the lines the PSP's word on their days, instead of those of earlier runs."""
        run = self.run
        before = await counted_runs(self._parts.database, run.psp_account, run.period)
        await self._save(
            *count_lines_of(run.id, run.psp_account, run.period, frozenset(before)),
            state=RunState.MATCHING,
            line_count=lines,
            opening_minor=report.opening_minor,
            closing_minor=report.closing_minor,
        )

    async def _match(self) -> None:
        lines = self.run.line_count
        self._say(lines_read=lines)
        await self._parts.staging.drop_superseded(self.run)
        healed = await self._parts.matching.match(
            self.run,
            self._keep,
            lambda matched: self._say(lines_read=lines, lines_matched=matched),
        )
        # What an attempt before a crash closed is not seen again by this one.
        counts = RunCounts(healed=self.run.counts.healed + healed)
        await self._save(state=RunState.MATCHED, counts=counts)

    async def _settle(self) -> None:
        run, database = self.run, self._parts.database
        self._say(lines_read=run.line_count, lines_matched=run.line_count)
        settled = await self._parts.settling.settle(run, self._keep)
        totals = added(
            [
                total
                for after, until in chunks(run.line_count)
                for total in await totals_of_lines(database, run.id, after, until)
            ]
        )
        found, new = await count_seen(database, run.id)
        counts = replace(run.counts, found=found, new=new, settled=settled)
        await self._save(state=RunState.DONE, totals=totals, counts=counts)
        self._say(lines_read=run.line_count, lines_matched=run.line_count)

    async def _fail(self, error: PspError) -> None:
        """End the run with nothing of it taken over."""
        _log.warning("reconciliation_failed", run_id=self.run.id, error=str(error))
        await self._parts.staging.drop(self.run.id)
        await self._save(state=RunState.FAILED, detail=failure_of(error))

    async def _save(self, *writes: Write, **changes: object) -> None:
        after = replace(self.run, **changes, update_time=self._parts.clock())  # type: ignore[arg-type] # names of fields
        await self._parts.database.commit([update_reconciliation(after), *writes])
        self.run = after

    def _say(self, lines_read: int = 0, lines_matched: int = 0) -> None:
        self._tell(RunProgress(self.run.id, self.run.state, lines_read, lines_matched))
