"""What the servicers call: the use cases, as far as the gRPC edge needs to know them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Protocol

from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.aliases.import_values import ImportOptions, ImportSummary
from gateway.aliases.values import AliasList, AliasQuery, ShopperAlias, StartedSetup
from gateway.customers.commands import EnsureCustomerCommand, EnsuredLink
from gateway.domain.payment import Payment, PaymentFilter
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


class OrderUseCases(Protocol):
    """Orders."""

    async def get(self, order_id: str) -> OrderView:
        """Return one order with its payments."""


class RoutingTables(Protocol):
    """Where the routing table in force is taken from."""

    @property
    def table(self) -> RoutingTable:
        """The table in force now."""


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
    def routing(self) -> RoutingTables:
        """Serves RoutingService."""
