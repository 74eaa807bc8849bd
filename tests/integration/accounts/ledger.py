"""A gateway's account part over real databases, which can crash between any two of its steps."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from gateway.accounts.commands import (
    ReportCommand,
    ReportInvoicedCommand,
    ReportParcelCommand,
)
from gateway.accounts.service import Accounts
from gateway.domain.payment import PaymentState
from gateway.domain.posting import Posting, PostingState
from gateway.domain.requests import RequestKey
from gateway.leases import WorkLeases
from gateway.storage.account_postings import insert_posting, postings_of_order
from gateway.storage.database import Database
from gateway.storage.payments import insert_payment
from legacy_bridge.port import AccountMovement
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from tests.support.payments import NOW, TOTAL, draft, payment
from tests.support.rig import CrashError, SteppedBackOffice, SteppedDatabase, Steps

_LEASE = timedelta(seconds=90)
FULL_MINOR = TOTAL.amount_minor


@dataclass
class Ledger:
    """Reports, postings and the back office; `restart` is what a new process finds."""

    database: Database
    office: SqlBackOffice
    now: datetime = NOW
    steps: Steps = field(init=False)
    accounts: Accounts = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def restart(self, crash_at: int = 0) -> None:
        """Start a new process over the same databases: nothing in memory survives."""
        self.steps = Steps(crash_at)
        database = SteppedDatabase(self.database, self.steps)
        office: Any = SteppedBackOffice(self.office, self.steps)
        clock = lambda: self.now  # noqa: E731 - read anew each time
        leases = WorkLeases(database, clock, _LEASE)
        self.accounts = Accounts(database, office, clock, leases, 0.0)

    async def open_order(
        self, order_id: str = "order-1", number: int = 1, customer_id: str = "shopper-1"
    ) -> str:
        """Store an order with a captured payment of 19.99 EUR, and return the payment's id."""
        payment_id = f"pay_{number:026}"
        await self.office.save_draft(draft(order_id=order_id, customer_id=customer_id))
        paid = payment(
            PaymentState.CAPTURED,
            id=payment_id,
            order_id=order_id,
            customer_id=customer_id,
            psp_reference=f"pi_{number}",
        )
        await self.database.commit([insert_payment(paid)])
        return payment_id

    async def invoice(
        self, amount_minor: int = FULL_MINOR, invoice_id: str = "I-1", **changes: Any
    ) -> Posting:
        """Report an invoice of order-1, as a caller does who waits for ever."""
        return await self.send(invoiced(amount_minor, invoice_id, **changes))

    async def parcel(
        self, amount_minor: int = FULL_MINOR, parcel_id: str = "P-1", **changes: Any
    ) -> Posting:
        """Report a parcel of order-1, as a caller does who waits for ever."""
        return await self.send(in_parcel(amount_minor, parcel_id, **changes))

    async def send(self, command: ReportCommand) -> Posting:
        """Report whatever it is."""
        if isinstance(command, ReportInvoicedCommand):
            return await self.accounts.report_invoiced(command, None)
        return await self.accounts.report_parcel(command, None)

    async def write(self, posting: Posting) -> None:
        """Have something posted, as the other parts of the gateway do."""
        await self.database.commit([insert_posting(posting)])

    async def work(self) -> None:
        """Post what is due; whoever dies at it is started anew when its lease is over."""
        while True:
            begun = 0
            with suppress(CrashError):
                begun = await self.accounts.posting.run_once()
            with suppress(CrashError):
                await self.accounts.posting.lanes.join()
            if self.steps.crashed:
                await self.accounts.posting.lanes.stop()
                self.restart()
                self.now += _LEASE
            elif not begun:
                return

    async def movements(self, customer_id: str = "shopper-1") -> list[AccountMovement]:
        """All that the back office has of a shopper."""
        return [each async for each in self.office.list_movements(customer_id)]

    async def states(self, order_id: str = "order-1") -> list[PostingState]:
        """How an order's postings stand, first booked first."""
        return [each.state for each in await postings_of_order(self.database, order_id)]


def invoiced(
    amount_minor: int = FULL_MINOR, invoice_id: str = "I-1", **changes: Any
) -> ReportInvoicedCommand:
    """Return the report of an invoice of order-1."""
    values: dict[str, Any] = {
        "key": RequestKey("tests", "ReportInvoiced", f"r-{invoice_id}"),
        "order_id": "order-1",
        "invoice_id": invoice_id,
        "amount": Money(amount_minor, "EUR"),
    }
    return ReportInvoicedCommand(**{**values, **changes})


def in_parcel(
    amount_minor: int = FULL_MINOR, parcel_id: str = "P-1", **changes: Any
) -> ReportParcelCommand:
    """Return the report of a parcel of order-1."""
    values: dict[str, Any] = {
        "key": RequestKey("tests", "ReportParcelCreated", f"r-{parcel_id}"),
        "order_id": "order-1",
        "parcel_id": parcel_id,
        "amount": Money(amount_minor, "EUR"),
    }
    return ReportParcelCommand(**{**values, **changes})
