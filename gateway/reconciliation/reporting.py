"""Getting a period's report from the PSP: asked for, waited for, or to be asked for again."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Final, TypeVar

from gateway.clock import Clock
from gateway.domain.reconciliation import Reconciliation, RunState
from gateway.reconciliation.staging import Keep
from gateway.storage.database import Database
from gateway.storage.reconciliations import update_reconciliation
from psp.errors import (
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    UnavailableError,
)
from psp.port import PaymentServiceProvider
from psp.settlements import ReportState, SettlementReport

T = TypeVar("T")

PASSING: Final = (NotSentError, OutcomeUnknownError, RateLimitedError, UnavailableError)
"""After which the same can be asked again later."""
POLL_PAUSES_S: Final = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0, 60.0)
"""Between looks at a report that is being made; after the last one the run waits for its next."""


class ReportDesk:
    """Asks for reports. What was asked for is written down first, so that no crash asks twice."""

    def __init__(
        self,
        database: Database,
        clock: Clock,
        pauses_s: Sequence[float] = POLL_PAUSES_S,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self._database = database
        self._clock = clock
        self._pauses_s = pauses_s
        self._sleep = sleep

    async def report(
        self, run: Reconciliation, provider: PaymentServiceProvider, keep: Keep
    ) -> tuple[Reconciliation, SettlementReport | None]:
        """Return the run as it stands now, and its report if that is ready.

        Raises those errors of `psp.errors` that do not pass by themselves.
        """
        try:
            for pause_s in (0.0, *self._pauses_s):
                if pause_s:
                    await self._sleep(pause_s)
                await keep()
                run, report = await self._ask(run, provider)
                if report.state is ReportState.READY:
                    return run, report
                waiting = report.detail or "the PSP is making the report"
                run = await self._save(replace(run, detail=waiting))
                if report.state is ReportState.NOT_YET:
                    break
        except PASSING as error:
            detail = f"the PSP could not be asked: {error}"
            run = await self._save(replace(run, detail=detail))
        return run, None

    async def _ask(
        self, run: Reconciliation, provider: PaymentServiceProvider
    ) -> tuple[Reconciliation, SettlementReport]:
        if run.report_reference:
            report = await provider.retrieve_settlement_report(run.report_reference)
        else:
            if not run.report_attempt:
                run = await self._save(replace(run, report_attempt=1))
            report = await provider.start_settlement_report(
                run.period, f"{run.id}-{run.report_attempt}"
            )
        if report.state in {ReportState.NOT_YET, ReportState.FAILED}:
            # A new report needs a new key: the PSP would remember the old answer.
            after = replace(run, report_reference="", report_attempt=run.report_attempt + 1)
        else:
            after = replace(run, report_reference=report.reference)
        return (run if after == run else await self._save(after)), report

    async def _save(self, run: Reconciliation) -> Reconciliation:
        saved = replace(run, state=RunState.WAITING_FOR_REPORT, update_time=self._clock())
        await self._database.commit([update_reconciliation(saved)])
        return saved


def failure_of(error: PspError) -> str:
    """Say why a run failed, in one sentence."""
    return f"{type(error).__name__.removesuffix('Error')}: {error}"
