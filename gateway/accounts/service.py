"""The financial account's use cases, together."""

from __future__ import annotations

from gateway.accounts.commands import ReportInvoicedCommand, ReportParcelCommand
from gateway.accounts.posting_work import PostingWork
from gateway.accounts.reading import AccountReading
from gateway.accounts.reporting import Reporting
from gateway.clock import Clock
from gateway.domain.posting import Posting
from gateway.leases import WorkLeases
from gateway.signals import Wake
from gateway.storage.account_postings import retry_posting
from gateway.storage.database import Database
from gateway.storage.writes import GuardFailedError
from legacy_bridge.port import BackOffice


class Accounts:
    """Takes reports, posts movements, reads accounts."""

    def __init__(
        self,
        database: Database,
        back_office: BackOffice,
        clock: Clock,
        leases: WorkLeases,
        min_deadline_s: float,
    ) -> None:
        self._database = database
        self._clock = clock
        self.wake = Wake()
        self.posting = PostingWork(database, back_office, clock, self.wake, leases)
        self.reading = AccountReading(database, back_office)
        self._reporting = Reporting(database, back_office, clock, self.wake, min_deadline_s)

    async def report_invoiced(
        self, command: ReportInvoicedCommand, remaining_s: float | None
    ) -> Posting:
        """See `Reporting.report_invoiced`."""
        return await self._reporting.report_invoiced(command, remaining_s)

    async def report_parcel(
        self, command: ReportParcelCommand, remaining_s: float | None
    ) -> Posting:
        """See `Reporting.report_parcel`."""
        return await self._reporting.report_parcel(command, remaining_s)

    async def retry(self, key: str) -> bool:
        """Have a refused movement posted again; False if none of this key is refused."""
        try:
            await self._database.commit([retry_posting(key, self._clock())])
        except GuardFailedError:
            return False
        self.wake.set()
        return True
