"""Settlements from the list of balance transactions, where reports are not to be had."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Final

from psp.errors import NotFoundError, ReportUnreadableError
from psp.settlements import ReportState, SettlementEntry, SettlementPeriod, SettlementReport
from psp.stripe.balance_reading import EXPAND, balance_entry
from psp.stripe.client import StripeCaller
from psp.stripe.fields import JsonObject, UnreadableAnswerError, text
from psp.stripe.money import AmountError
from psp.stripe.paging import read_all
from psp.stripe.paths import BALANCE_TRANSACTIONS

# A transaction may show a moment after the time that it bears, and our clock may be ahead.
_CLOSED_AFTER: Final = timedelta(minutes=15)
# Two million lines of one period; a shop that has more asks for fewer days.
_MAX_PAGES: Final = 20_000


class BalanceList:
    """The list of one account. Nothing is made at Stripe: a reference is the period itself.

    The balance before and after is not told: Stripe answers only the present one.
    """

    def __init__(self, caller: StripeCaller, clock: Callable[[], float] = time.time) -> None:
        self._caller = caller
        self._clock = clock

    async def start(self, period: SettlementPeriod, idempotency_key: str) -> SettlementReport:  # noqa: ARG002 - nothing is made
        """Tell whether the period is over."""
        report = self._told(period)
        if report.state is ReportState.NOT_YET:
            return SettlementReport("", report.state, report.detail)
        return report

    async def retrieve(self, parts: Sequence[str]) -> SettlementReport:
        """Tell whether the period of a reference is over."""
        return self._told(self._period(parts))

    async def entries(self, parts: Sequence[str]) -> AsyncGenerator[SettlementEntry, None]:
        """Stream the lines of a period, the newest first."""
        period = self._period(parts)
        created = {"gte": int(period.since.timestamp()), "lt": int(period.until.timestamp())}
        parameters = {"created": created, "expand": [f"data.{path}" for path in EXPAND]}
        listed = read_all(self._caller, BALANCE_TRANSACTIONS, parameters, _MAX_PAGES)
        async for transaction in listed:
            yield self._read(transaction)

    def _read(self, transaction: JsonObject) -> SettlementEntry:
        try:
            return balance_entry(transaction)
        except (UnreadableAnswerError, AmountError) as error:
            named = text(transaction, "id") or "a balance transaction without an id"
            raise ReportUnreadableError(self._caller.account, f"{named}: {error}") from error

    def _told(self, period: SettlementPeriod) -> SettlementReport:
        reference = f"{period.first_day}/{period.last_day}"
        closed = period.until + _CLOSED_AFTER
        if datetime.fromtimestamp(self._clock(), UTC) < closed:
            detail = f"the period is complete from {closed:%Y-%m-%d %H:%M} UTC on"
            return SettlementReport(reference, ReportState.NOT_YET, detail)
        return SettlementReport(reference, ReportState.READY)

    def _period(self, parts: Sequence[str]) -> SettlementPeriod:
        try:
            first, last = map(date.fromisoformat, parts)
        except ValueError as error:
            detail = "this is no reference of a period"
            raise NotFoundError(self._caller.account, detail, "resource_missing") from error
        return SettlementPeriod(first, last)
