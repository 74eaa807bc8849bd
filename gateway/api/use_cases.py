"""What the servicers call: the use cases, as far as the gRPC edge needs to know them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import date, datetime
from typing import Protocol

from gateway.accounts.commands import ReportInvoicedCommand, ReportParcelCommand
from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.aliases.import_values import ImportOptions, ImportSummary
from gateway.aliases.values import AliasList, AliasQuery, ShopperAlias, StartedSetup
from gateway.customers.commands import EnsureCustomerCommand, EnsuredLink
from gateway.domain.discrepancy import Discrepancy, DiscrepancyFilter
from gateway.domain.payment import Payment, PaymentFilter
from gateway.domain.posting import Posting
from gateway.domain.reconciliation import CountryDay, Reconciliation
from gateway.domain.refund import Refund, RefundFilter
from gateway.domain.refund_batch import BatchProgress
from gateway.domain.routing import RoutingTable
from gateway.orders.view import OrderView
from gateway.payments.commands import (
    CancelPaymentCommand,
    CapturePaymentCommand,
    CreatedPayment,
    CreatePaymentCommand,
    EventPage,
    PaymentPage,
    WatchStep,
)
from gateway.proposals.proposal import Proposal, ProposalQuery
from gateway.reconciliation.commands import (
    DiscrepancyPage,
    ResolveCommand,
    RunCommand,
    RunProgress,
)
from gateway.refund_files.values import BatchOptions, SubmittedBatch
from gateway.refunds.commands import CreateRefundCommand, RefundPage


class PaymentUseCases(Protocol):
    """Payments. Changes take the seconds that the caller still waits; None means for ever."""

    async def create(
        self, command: CreatePaymentCommand, remaining_s: float | None
    ) -> CreatedPayment:
        """Create a payment; a decline is an answer."""

    async def capture(self, command: CapturePaymentCommand, remaining_s: float | None) -> Payment:
        """Take the money of an authorised payment."""

    async def cancel(self, command: CancelPaymentCommand, remaining_s: float | None) -> Payment:
        """Release a payment that was not captured."""

    async def get(self, payment_id: str) -> Payment:
        """Return one payment."""

    async def list(self, wanted: PaymentFilter, before_id: str, page_size: int) -> PaymentPage:
        """Return a page of payments, newest first."""

    async def events(self, payment_id: str, after_sequence: int, page_size: int) -> EventPage:
        """Return a page of a payment's journal, oldest first."""

    def watch(self, payment_id: str, after_sequence: int) -> AsyncIterator[WatchStep]:
        """Follow a payment until it is final."""


class CustomerUseCases(Protocol):
    """Customers."""

    async def ensure(
        self, command: EnsureCustomerCommand, remaining_s: float | None
    ) -> tuple[EnsuredLink, ...]:
        """Make the shopper known at the PSPs that serve her."""


class AliasUseCases(Protocol):
    """Aliases. Changes take the seconds that the caller still waits; None means for ever."""

    async def list(self, query: AliasQuery) -> AliasList:
        """Return a shopper's saved methods."""

    async def start_setup(
        self, command: StartAliasSetupCommand, remaining_s: float | None
    ) -> StartedSetup:
        """Begin to save a method."""

    async def set_default(
        self, command: ChangeAliasCommand, remaining_s: float | None
    ) -> ShopperAlias:
        """Make an alias the default."""

    async def delete(self, command: ChangeAliasCommand, remaining_s: float | None) -> None:
        """Delete an alias for ever."""

    async def import_file(
        self, options: ImportOptions, chunks: AsyncIterator[bytes]
    ) -> ImportSummary:
        """Carry out a mapping file."""


class ProposalUseCases(Protocol):
    """Proposals."""

    async def propose(self, query: ProposalQuery) -> Proposal:
        """Say what checkout may offer."""


class RefundUseCases(Protocol):
    """Refunds. Changes take the seconds that the caller still waits; None means for ever."""

    async def create(self, command: CreateRefundCommand, remaining_s: float | None) -> Refund:
        """Give captured money back."""

    async def get(self, refund_id: str) -> Refund:
        """Return one refund."""

    async def list(self, wanted: RefundFilter, before_id: str, page_size: int) -> RefundPage:
        """Return a page of refunds, newest first."""


class ReconciliationUseCases(Protocol):
    """Reconciliation."""

    def run(self, command: RunCommand) -> AsyncIterator[RunProgress | Reconciliation]:
        """Reconcile a period: progress, and then the run."""

    def now(self) -> datetime:
        """Return the time by which discrepancies age."""

    async def get(self, run_id: str) -> Reconciliation:
        """Return one run."""

    async def country_day(
        self, country_code: str, day: date, psp_accounts: tuple[str, ...]
    ) -> CountryDay:
        """Return a country's day over several accounts."""

    async def list_discrepancies(
        self, wanted: DiscrepancyFilter, before_id: str, page_size: int
    ) -> DiscrepancyPage:
        """Return a page of discrepancies, newest first."""

    async def resolve(self, command: ResolveCommand) -> Discrepancy:
        """Say who looks after a discrepancy, and what became of it."""


class RefundBatchUseCases(Protocol):
    """Refund files."""

    async def submit(self, options: BatchOptions, chunks: AsyncIterator[bytes]) -> SubmittedBatch:
        """Accept a file's movements."""

    async def get(self, batch_id: str) -> BatchProgress:
        """Return how far a batch is."""


class OrderUseCases(Protocol):
    """Orders."""

    async def get(self, order_id: str) -> OrderView:
        """Return one order with its payments."""


class RoutingTables(Protocol):
    """Where the routing table in force is taken from."""

    @property
    def table(self) -> RoutingTable:
        """The table in force now."""


class AccountUseCases(Protocol):
    """The financial account. Reports take the seconds that the caller still waits."""

    async def report_invoiced(
        self, command: ReportInvoicedCommand, remaining_s: float | None
    ) -> Posting:
        """Write the credit of an invoice down."""

    async def report_parcel(
        self, command: ReportParcelCommand, remaining_s: float | None
    ) -> Posting:
        """Write the debit of a parcel down."""


class UseCases(Protocol):
    """All that the contract's services are served by."""

    @property
    def payments(self) -> PaymentUseCases:
        """Serves PaymentService."""

    @property
    def customers(self) -> CustomerUseCases:
        """Serves CustomerService."""

    @property
    def aliases(self) -> AliasUseCases:
        """Serves AliasService."""

    @property
    def proposals(self) -> ProposalUseCases:
        """Serves ProposalService."""

    @property
    def orders(self) -> OrderUseCases:
        """Serves OrderService."""

    @property
    def accounts(self) -> AccountUseCases:
        """Serves the reports of OrderService."""

    @property
    def refunds(self) -> RefundUseCases:
        """Serves RefundService."""

    @property
    def refund_batches(self) -> RefundBatchUseCases:
        """Serves RefundService's files."""

    @property
    def reconciliations(self) -> ReconciliationUseCases:
        """Serves ReconciliationService."""

    @property
    def routing(self) -> RoutingTables:
        """Serves RoutingService."""
