"""A country's day over all its PSP accounts: both books side by side, for the day it moves."""

from __future__ import annotations

from datetime import date, timedelta

from gateway.domain.reconciliation import CountryDay, CountrySide, OwnTotal, added
from gateway.reconciliation.staging import chunks
from gateway.storage.country_totals import captures_of_country, refunds_of_country
from gateway.storage.database import Database
from gateway.storage.settlement_lines import counted_runs, last_line, totals_of_country
from gateway.storage.settlement_pairs import window_end
from psp.settlements import SettlementPeriod


class CountryDays:
    """Reads what was settled and what we hold of a country's day. Changes nothing."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def read(self, country_code: str, day: date, psp_accounts: tuple[str, ...]) -> CountryDay:
        """Return a country's day, one side an account, in the order given."""
        sides = [await self._side(country_code, day, account) for account in psp_accounts]
        return CountryDay(country_code, day, sides)

    async def _side(self, country_code: str, day: date, account: str) -> CountrySide:
        period = SettlementPeriod(day, day)
        runs = await counted_runs(self._database, account, period)
        totals = [
            total
            for run_id in runs.values()
            for after, until in chunks(await last_line(self._database, run_id))
            for total in await totals_of_country(
                self._database,
                run_id,
                after,
                until,
                psp_account=account,
                day=day,
                country_code=country_code,
            )
        ]
        captures, refunds = await self._own(country_code, period, account)
        return CountrySide(account, bool(runs), added(totals), captures, refunds)

    async def _own(
        self, country_code: str, period: SettlementPeriod, account: str
    ) -> tuple[tuple[OwnTotal, ...], tuple[OwnTotal, ...]]:
        captures: list[OwnTotal] = []
        refunds: list[OwnTotal] = []
        instant = timedelta(microseconds=1)
        after, end = period.since - instant, period.until - instant
        while after < end:
            until = await window_end(self._database, after, end)
            place = (account, country_code, after, until)
            captures += await captures_of_country(self._database, *place)
            refunds += await refunds_of_country(self._database, *place)
            after = until
        return _added_up(captures), _added_up(refunds)


def _added_up(totals: list[OwnTotal]) -> tuple[OwnTotal, ...]:
    sums: dict[str, OwnTotal] = {}
    for total in totals:
        before = sums.get(total.currency, OwnTotal(total.currency, 0, 0))
        sums[total.currency] = OwnTotal(
            total.currency,
            before.count + total.count,
            before.amount_minor + total.amount_minor,
        )
    return tuple(sums[currency] for currency in sorted(sums))
