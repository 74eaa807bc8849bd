"""ReportInvoiced and ReportParcelCreated: check, and write down what they move."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.accounts.commands import (
    ReportCommand,
    ReportInvoicedCommand,
    ReportParcelCommand,
)
from gateway.accounts.rules import Booking, book_invoice, book_parcel, require_same_report
from gateway.answers import require_same
from gateway.clock import Clock
from gateway.domain.permissions import RETRY_AFTER_S
from gateway.domain.posting import Posting
from gateway.domain.requests import StoredRequest
from gateway.errors import PaygateError, Reason
from gateway.orders.service import order_not_found
from gateway.payments.time_left import require_time
from gateway.signals import Wake
from gateway.storage.account_orders import get_account_order, save_account_order
from gateway.storage.account_postings import (
    get_posting,
    insert_new_posting,
    postings_of_order,
)
from gateway.storage.database import Database
from gateway.storage.payments import payments_of_order
from gateway.storage.requests import get_request, insert_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from legacy_bridge.port import BackOffice

_MOST_ROUNDS: Final = 5
"""How often a report is judged anew because something of its order was reported meanwhile."""


@dataclass(frozen=True, slots=True)
class Reporting:
    """Takes reports of orders: each moves the account once, whoever sends it how often."""

    database: Database
    back_office: BackOffice
    clock: Clock
    postings: Wake
    """Rings when there is something to post."""
    min_deadline_s: float

    async def report_invoiced(
        self, command: ReportInvoicedCommand, remaining_s: float | None
    ) -> Posting:
        """Write the credit of an invoice down.

        Raises `PaygateError`, and `BackOfficeUnavailableError` if the back office cannot say whose
        order it is.
        """
        return await self._report(command, remaining_s)

    async def report_parcel(
        self, command: ReportParcelCommand, remaining_s: float | None
    ) -> Posting:
        """Write the debit of a parcel down; raises `PaygateError`."""
        return await self._report(command, remaining_s)

    async def _report(self, command: ReportCommand, remaining_s: float | None) -> Posting:
        for _ in range(_MOST_ROUNDS):
            request = await get_request(self.database, command.key)
            if request is not None:
                require_same(request, command.fingerprint)
            standing = await get_posting(self.database, command.posting_key)
            if standing is not None:
                require_same_report(command, standing)
            if request is not None and standing is not None:
                return standing
            booking = None if standing is not None else await self._book(command)
            if standing is None and booking is None:
                continue  # the same report came just now
            require_time(remaining_s, self.min_deadline_s)
            try:
                await self.database.commit([self._request(command), *_writes(booking)])
            except (AlreadyExistsError, GuardFailedError):
                continue  # the same report came first, or another one of the order
            if booking is not None:
                self.postings.set()
            posting = standing if booking is None else booking.posting
            if posting is not None:
                return posting
        raise PaygateError(
            Reason.OPERATION_IN_PROGRESS,
            f"other reports of order {command.order_id} come at the same time: "
            "send it again in a moment",
            metadata={"order_id": command.order_id},
            retry_after_s=RETRY_AFTER_S,
        )

    async def _book(self, command: ReportCommand) -> Booking | None:
        """Judge the report; None if it was taken meanwhile, and so counts in what is read here."""
        # The postings after the sums: whatever counts in the sums is among the postings.
        books = await get_account_order(self.database, command.order_id)
        postings = await postings_of_order(self.database, command.order_id)
        if any(posting.key == command.posting_key for posting in postings):
            return None
        now = self.clock()
        if isinstance(command, ReportParcelCommand):
            return book_parcel(command, books, postings, now)
        order = await self.back_office.find_order(command.order_id)
        if order is None:
            raise order_not_found(command.order_id)
        payments = await payments_of_order(self.database, command.order_id)
        return book_invoice(command, order, books, payments, postings, now)

    def _request(self, command: ReportCommand) -> Write:
        """Remember the request; its answer is the posting, which never changes."""
        return insert_request(
            StoredRequest(
                key=command.key,
                fingerprint=command.fingerprint,
                resource_id=command.posting_key,
                create_time=self.clock(),
            )
        )


def _writes(booking: Booking | None) -> list[Write]:
    if booking is None:
        return []
    return [insert_new_posting(booking.posting), save_account_order(booking.order)]
