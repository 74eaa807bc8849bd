"""A whole gateway between a PSP in memory, with its books, and a back office, with its accounts."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from gateway.accounts.commands import ReportInvoicedCommand, ReportParcelCommand
from gateway.bootstrap import Application, Doors, wire
from gateway.domain.discrepancy import DiscrepancyFilter, DiscrepancyState
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.reconciliation import Reconciliation
from gateway.domain.refund import Refund, RefundFilter
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError
from gateway.payments.commands import CapturePaymentCommand, CreatePaymentCommand
from gateway.payments.refreshing import PaymentChangingError
from gateway.reconciliation.commands import RunCommand
from gateway.refund_files.lines import HEADER
from gateway.refund_files.values import BatchOptions
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import Database
from legacy_bridge.port import AccountMovement
from legacy_bridge.sql import SqlBackOffice
from psp.errors import PspError
from psp.money import Money
from psp.port import CapturePolicy, PaymentMethod, PspStatus, RefundPayment, RefundStatus
from psp.settlements import SettlementCategory, SettlementPeriod
from tests.support.fake_psp import FakePsp
from tests.support.payments import draft, word
from tests.support.rig import (
    CrashError,
    SteppedBackOffice,
    SteppedDatabase,
    SteppedProvider,
    Steps,
)
from tests.support.shop import StandingClock
from tests.support.tables import ROUTING_TABLE

ACCOUNT: Final = "stripe_eu"
_IDLE: Final = frozenset({"sweeper", "catch_up"})
_TABLE: Final = replace(
    ROUTING_TABLE,
    countries={
        code: replace(country, capture_policy=CapturePolicy.MANUAL)
        for code, country in ROUTING_TABLE.countries.items()
    },
)
_REFUSED: Final = (PaygateError, PspError, PaymentChangingError, CrashError)
"""How a call may end that is not answered: refused, put off, or left alone by a dead process."""
_LONG_AGO: Final = timedelta(days=40)


@dataclass
class House:
    """`restart` is what a new process finds; the clock stands between any two acts."""

    database: Database
    office: SqlBackOffice
    clock: StandingClock
    sold: list[str] = field(default_factory=list)
    """Our ids of the payments made here, the oldest first."""
    old: list[str] = field(default_factory=list)
    """The PSP's references of payments made before the gateway was."""
    given_long_ago: set[str] = field(default_factory=set)
    """The PSP's references of refunds made then."""
    invoiced: dict[str, int] = field(default_factory=dict)
    """By order, what was answered as written down."""
    shipped: dict[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.psp = FakePsp(ACCOUNT, clock=self.clock)
        self.opened = self.clock().date()
        self.restart()

    def restart(self, crash_at: int = 0) -> None:
        """Start a new process over the same databases: nothing in memory survives."""
        self.steps = Steps(crash_at)
        office: Any = SteppedBackOffice(self.office, self.steps)
        psp: Any = SteppedProvider(self.psp, self.steps)
        doors = Doors(
            SteppedDatabase(self.database, self.steps), office, {ACCOUNT: psp}, self.clock
        )
        settings = load_settings(
            min_deadline_s=0.1, operation_lease_s=90.0, refund_rate_per_s=1000.0
        )
        self.application: Application = wire(doors, RoutingSource(_TABLE), settings)
        workers = self.application.workers
        workers.jobs = [job for job in workers.jobs if job.name not in _IDLE]

    async def call(self, act: Awaitable[Any]) -> Any:
        """Make a call that may be refused or die with its process; None then."""
        with suppress(*_REFUSED):
            return await act
        if self.steps.crashed:
            self.restart()
        return None

    async def work(self) -> None:
        """Let the workers do what is due; whoever dies at it is started anew."""
        while True:
            busy = False
            with suppress(CrashError):
                busy = await self.application.workers.round()
            if self.steps.crashed:
                self.restart()
            elif not busy:
                return

    async def recover(self) -> None:
        """Do all that is due once leases and pauses have passed; nobody dies any more."""
        self.restart()
        for minutes in (2, 2, 11, 11, 11):
            self.clock.advance(timedelta(minutes=minutes))
            await self.work()

    # ------------------------------------------------------------ the shop

    async def sell(self, amount_minor: int, captured_minor: int, currency: str) -> None:
        """Sell: the shopper confirms, the order is released, so much is captured when it ships."""
        number = len(self.sold) + 1
        total = Money(amount_minor, currency)
        await self.office.save_draft(
            draft(order_id=_order(number), total=total, create_time=self.clock())
        )
        key = RequestKey("tests", "CreatePayment", f"r-{number}")
        order = CreatePaymentCommand(key, _order(number), "", "FR", PaymentMethod.CARD, total)
        created = await self.application.payments.create(order, None)
        payment = created.payment
        self.sold.append(payment.id)
        self.psp.confirm(payment.psp_reference)
        await self.application.reconciliations.ask(payment.id)
        await self.work()
        capture = CapturePaymentCommand(
            RequestKey("tests", "CapturePayment", f"r-{number}"),
            payment.id,
            Money(captured_minor, currency),
        )
        await self.application.payments.capture(capture, None)
        left = amount_minor - captured_minor
        if left:  # Stripe books the whole charge, and what a partial capture left beside it
            self.psp.books.change(payment.psp_reference, gross_minor=amount_minor)
            self.psp.books.add(
                SettlementCategory.RELEASE,
                -left,
                self.clock(),
                currency=currency,
                payment_reference=payment.psp_reference,
            )

    def sold_long_ago(self, amount_minor: int, refunded_minor: int = 0) -> str:
        """Let the PSP have a payment from before the gateway was, a part of it refunded then."""
        number = len(self.old) + 1
        now, self.clock.now = self.clock(), self.clock() - _LONG_AGO
        self.psp._keep(  # noqa: SLF001 - what happened at the PSP
            word(
                PspStatus.CAPTURED,
                psp_reference=f"pi_old_{number}",
                payment_id="",
                amount_minor=amount_minor,
                authorized_minor=amount_minor,
                captured_minor=amount_minor,
            )
        )
        self.old.append(f"pi_old_{number}")
        if refunded_minor:
            self.psp.refund_status = RefundStatus.SUCCEEDED
            wanted = RefundPayment("", self.old[-1], Money(refunded_minor, "EUR"), "")
            self.given_long_ago.add(self.psp._refunded(wanted).psp_reference)  # noqa: SLF001 - as above
        self.clock.now = now
        return self.old[-1]

    async def invoice(self, number: int, amount_minor: int) -> None:
        """Report an invoice of an order that was sold here."""
        order_id, money = _order(number), await self._money(number, amount_minor)
        command = ReportInvoicedCommand(
            _key("ReportInvoiced"), order_id, f"I-{uuid.uuid4()}", money
        )
        await self._report(command, self.invoiced, order_id)

    async def ship(self, number: int, amount_minor: int) -> None:
        """Report a parcel of an order that was sold here."""
        order_id, money = _order(number), await self._money(number, amount_minor)
        command = ReportParcelCommand(
            _key("ReportParcelCreated"), order_id, f"P-{uuid.uuid4()}", money
        )
        await self._report(command, self.shipped, order_id)

    async def _report(
        self, command: ReportInvoicedCommand | ReportParcelCommand, sums: dict[str, int], order: str
    ) -> None:
        """Report until there is an answer, as whoever ships does."""

        async def report() -> object:
            accounts = self.application.accounts
            if isinstance(command, ReportInvoicedCommand):
                return await accounts.report_invoiced(command, None)
            return await accounts.report_parcel(command, None)

        for _ in range(2):
            before = self.steps
            if await self.call(report()) is not None:
                sums[order] = sums.get(order, 0) + command.amount.amount_minor
                return
            if before is self.steps:
                return  # refused

    async def _money(self, number: int, amount_minor: int) -> Money:
        payment = await self.payment(self.sold[number - 1])
        return Money(amount_minor, payment.currency)

    async def payment(self, payment_id: str) -> Payment:
        """Return a payment as it stands here."""
        return await self.application.payments.get(payment_id)

    # ------------------------------------------------------------ refunds

    async def refund(self, payment: RefundedPayment, amount_minor: int | None) -> None:
        """Ask for a refund, and for the same once more if the process died."""
        key, money = _key("CreateRefund"), None
        if amount_minor is not None:
            currency = "EUR"
            if payment.payment_id:
                currency = (await self.payment(payment.payment_id)).currency
            money = Money(amount_minor, currency)
        for _ in range(2):
            before = self.steps
            await self.call(
                self.application.refunds.create(CreateRefundCommand(key, payment, money), None)
            )
            if before is self.steps:
                return

    async def refund_by_file(self, movement_id: str, payment_id: str, amount_minor: int) -> None:
        """Send a refund file of one line; the same movement may have come before."""
        payment = await self.payment(payment_id)
        amount = str(Money(amount_minor, payment.currency)).split()[0]
        cells = (movement_id, payment.order_id, payment.id, "", "", amount, payment.currency)
        file = f"{','.join(HEADER)}\n{','.join((*cells, '', 'FR'))}\n".encode()
        options = BatchOptions(_key("SubmitRefundBatch"), "refunds.csv")
        await self.call(self.application.refund_batches.submit(options, _pieces(file)))

    def refund_by_hand(self, payment: Payment, amount_minor: int) -> None:
        """Let somebody refund in the PSP's back office."""
        there = self.psp.payments[payment.psp_reference]
        if amount_minor <= there.captured_minor - there.refunded_minor:
            wanted = RefundPayment(
                refund_id="",
                psp_reference=payment.psp_reference,
                amount=Money(amount_minor, payment.currency),
                idempotency_key="",
            )
            self.psp._refunded(wanted)  # noqa: SLF001 - as above

    async def refunds(self) -> list[Refund]:
        """All refunds here."""
        return list((await self.application.refunds.list(RefundFilter(), "", 500)).refunds)

    # ------------------------------------------------------------ books

    @property
    def days(self) -> list[date]:
        """The days that are over since the gateway was opened."""
        over = (self.clock().date() - self.opened).days
        return [self.opened + timedelta(days=number) for number in range(over)]

    async def reconcile(self, day: date) -> Reconciliation | None:
        """Run to the end, and once more if the process died; None if that died as well."""
        key = _key("RunReconciliation")
        for _ in range(2):
            last: Any = None
            before = self.steps
            with suppress(*_REFUSED):
                period = SettlementPeriod(day, day)
                async for step in self.application.reconciliations.run(
                    RunCommand(key, ACCOUNT, period)
                ):
                    last = step
            if not self.steps.crashed and before is self.steps:
                return last if isinstance(last, Reconciliation) else None
            self.restart()
            self.clock.advance(timedelta(minutes=6))  # the dead one's lease ends
        return None

    async def named(self) -> list[tuple[str, str]]:
        """Return what is open, as pairs of type and reference."""
        wanted = DiscrepancyFilter(state=DiscrepancyState.OPEN)
        page = await self.application.reconciliations.list_discrepancies(wanted, "", 500)
        found = (each.finding for each in page.discrepancies)
        return sorted((each.type.value, each.subject.reference) for each in found)

    async def movements(self) -> list[AccountMovement]:
        """All that the back office has of the shopper."""
        return [each async for each in self.office.list_movements("shopper-1")]

    async def is_captured(self, payment_id: str) -> bool:
        """Whether a payment's money was taken, as far as the gateway knows."""
        return (await self.payment(payment_id)).state is PaymentState.CAPTURED


@asynccontextmanager
async def opened(database: Database, folder: Path, now: datetime) -> AsyncIterator[House]:
    """Open a house with an empty back office."""
    office = SqlBackOffice.open(f"sqlite+aiosqlite:///{folder}/office-{uuid.uuid4()}.db")
    try:
        await office.create_schema()
        yield House(database, office, StandingClock(now))
    finally:
        await office.close()


def _order(number: int) -> str:
    return f"order-{number}"


def _key(method: str) -> RequestKey:
    return RequestKey("tests", method, str(uuid.uuid4()))


async def _pieces(file: bytes) -> AsyncIterator[bytes]:
    yield file
