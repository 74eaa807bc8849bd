"""Settlements at Stripe: what moved on our balance, from reports or from the API's list."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from psp.errors import NotFoundError, RejectedError
from psp.settlements import SettlementEntry, SettlementPeriod, SettlementReport
from psp.stripe.balance_list import BalanceList
from psp.stripe.client import StripeCaller
from psp.stripe.config import SettlementSource, StripeAccountConfig
from psp.stripe.report_runs import ReportRuns


class _Source(Protocol):
    """One way to the lines. References are without the name of the source here."""

    async def start(self, period: SettlementPeriod, idempotency_key: str) -> SettlementReport: ...

    async def retrieve(self, parts: Sequence[str]) -> SettlementReport: ...

    def entries(self, parts: Sequence[str]) -> AsyncIterator[SettlementEntry]: ...


class StripeSettlements:
    """The balance of one account. Raises the errors of `psp.errors` only.

    A reference is `SOURCE/PART/…`: it says where it came from, so that a report is read to its end
    by any process, also after the account was told to read from elsewhere.
    """

    def __init__(
        self,
        caller: StripeCaller,
        config: StripeAccountConfig,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account = caller.account
        self._chosen = config.settlements_from
        self._sources: Mapping[str, _Source] = {
            SettlementSource.REPORT_RUNS: ReportRuns(caller, live=config.live_mode),
            SettlementSource.BALANCE_TRANSACTIONS: BalanceList(caller, clock),
        }

    async def start(self, period: SettlementPeriod, idempotency_key: str) -> SettlementReport:
        """Have a period reported by the configured source."""
        if period.last_day < period.first_day:
            detail = f"a period ends on {period.last_day} before it begins on {period.first_day}"
            raise RejectedError(self._account, detail, "period_invalid")
        report = await self._sources[self._chosen].start(period, idempotency_key)
        return _named(self._chosen, report)

    async def retrieve(self, reference: str) -> SettlementReport:
        """Return where a report stands."""
        name, source, parts = self._found(reference)
        return _named(name, await source.retrieve(parts))

    def entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """Stream a report's lines; see the port."""
        _, source, parts = self._found(reference)
        return source.entries(parts)

    def _found(self, reference: str) -> tuple[str, _Source, Sequence[str]]:
        name, *parts = reference.split("/")
        if name not in self._sources:
            detail = "this is no reference of a settlement report of Stripe's"
            raise NotFoundError(self._account, detail, "resource_missing")
        return name, self._sources[name], parts


def _named(source: str, report: SettlementReport) -> SettlementReport:
    if not report.reference:
        return report
    return replace(report, reference=f"{source}/{report.reference}")
