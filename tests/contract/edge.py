"""A real gRPC server on this machine, whose use cases do what a test tells them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, TypeVar

import grpc
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status

from gateway.accounts.commands import (
    ReportCommand,
    ReportInvoicedCommand,
    ReportParcelCommand,
)
from gateway.aliases.commands import ChangeAliasCommand, StartAliasSetupCommand
from gateway.aliases.import_values import (
    ImportOptions,
    ImportRefusalReason,
    ImportSummary,
    Refusal,
)
from gateway.aliases.values import (
    AliasList,
    AliasQuery,
    ShopperAlias,
    StartedSetup,
    UnavailableSource,
)
from gateway.api.server import GrpcEdge, build_grpc_edge
from gateway.customers.commands import EnsureCustomerCommand, EnsuredLink, EnsureOutcome
from gateway.domain.discrepancy import Discrepancy, DiscrepancyFilter
from gateway.domain.payment import Payment, PaymentFilter
from gateway.domain.posting import Posting
from gateway.domain.reconciliation import CountryDay, CountrySide, Reconciliation
from gateway.domain.refund import Refund, RefundFilter
from gateway.domain.refund_batch import BatchProgress, BatchSource, BatchState, RefundBatch
from gateway.domain.refund_movement import Standing
from gateway.domain.routing import RoutingTable
from gateway.errors import PaygateError, Reason
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
from gateway.refund_files.values import BatchOptions, LineRefusal, RefusedLine, SubmittedBatch
from gateway.refunds.commands import CreateRefundCommand, RefundPage
from legacy_bridge.port import MovementKind
from psp.port import CapturePolicy, NextAction, NextActionKind, PaymentMethod, PspAlias
from tests.support.payments import NOW, draft, payment, refund
from tests.support.reconciliation import discrepancy, reconciliation
from tests.support.tables import ROUTING_TABLE

M = TypeVar("M", bound=Message)
CLIENT_SECRET = "pi_1_secret_topsecret"


@dataclass
class FakePayments:
    """Answers with one payment and remembers what it was asked."""

    behave: Callable[[], Awaitable[None]] | None = None
    """Runs inside of every call; may raise or wait."""
    seen: list[Any] = field(default_factory=list)
    remaining_s: list[float | None] = field(default_factory=list)
    steps: list[WatchStep] = field(default_factory=list)
    watch_closed: asyncio.Event = field(default_factory=asyncio.Event)
    payments: list[Payment] = field(default_factory=lambda: [payment()])

    async def create(
        self, command: CreatePaymentCommand, remaining_s: float | None
    ) -> CreatedPayment:
        await self._act(command, remaining_s)
        action = NextAction(NextActionKind.CONFIRM, client_secret=CLIENT_SECRET)
        return CreatedPayment(payment(), action)

    async def capture(self, command: CapturePaymentCommand, remaining_s: float | None) -> Payment:
        await self._act(command, remaining_s)
        return payment()

    async def cancel(self, command: CancelPaymentCommand, remaining_s: float | None) -> Payment:
        await self._act(command, remaining_s)
        return payment()

    async def get(self, payment_id: str) -> Payment:
        await self._act(payment_id)
        return payment(id=payment_id)

    async def list(self, wanted: PaymentFilter, before_id: str, page_size: int) -> PaymentPage:
        await self._act((wanted, before_id, page_size))
        return PaymentPage(self.payments[:page_size], has_more=len(self.payments) > page_size)

    async def events(self, payment_id: str, after_sequence: int, page_size: int) -> EventPage:
        await self._act((payment_id, after_sequence, page_size))
        left = [step.entry for step in self.steps if step.entry.sequence > after_sequence]
        return EventPage(left[:page_size], has_more=len(left) > page_size)

    async def watch(self, payment_id: str, after_sequence: int) -> AsyncIterator[WatchStep]:
        try:
            for step in self.steps:
                yield step
            await self._act((payment_id, after_sequence))
        finally:
            self.watch_closed.set()

    async def _act(self, asked: object, remaining_s: float | None = None) -> None:
        self.seen.append(asked)
        self.remaining_s.append(remaining_s)
        if self.behave is not None:
            await self.behave()


class FakeCustomers:
    async def ensure(
        self, command: EnsureCustomerCommand, remaining_s: float | None
    ) -> tuple[EnsuredLink, ...]:
        return (EnsuredLink("stripe_eu", "cus_1", EnsureOutcome.UNCHANGED),)


@dataclass
class FakeAliases:
    """Answers with one expired card and remembers what it was asked."""

    seen: list[Any] = field(default_factory=list)
    file: list[bytes] = field(default_factory=list)
    is_whole: bool = False
    action: NextAction | None = NextAction(NextActionKind.CONFIRM, client_secret=CLIENT_SECRET)  # noqa: RUF009 - frozen

    async def list(self, query: AliasQuery) -> AliasList:
        self.seen.append(query)
        return AliasList([shopper_alias()], [UnavailableSource("back_office", "is not available")])

    async def start_setup(
        self, command: StartAliasSetupCommand, remaining_s: float | None
    ) -> StartedSetup:
        self.seen.append(command)
        return StartedSetup("stripe_eu", "seti_1", self.action)

    async def set_default(
        self, command: ChangeAliasCommand, remaining_s: float | None
    ) -> ShopperAlias:
        self.seen.append(command)
        return shopper_alias()

    async def delete(self, command: ChangeAliasCommand, remaining_s: float | None) -> None:
        self.seen.append(command)

    async def import_file(
        self, options: ImportOptions, chunks: AsyncIterator[bytes]
    ) -> ImportSummary:
        self.seen.append(options)
        async for chunk in chunks:
            self.file.append(chunk)
        self.is_whole = True
        refusal = Refusal(3, ImportRefusalReason.OTHER_CARD, "words")
        counts = {ImportRefusalReason.OTHER_CARD: 1}
        return ImportSummary(4, 2, 1, 1, (refusal,), counts)


def shopper_alias() -> ShopperAlias:
    """Return a card that has expired."""
    card = PspAlias("pm_1", PaymentMethod.CARD, "visa", "4242", 12, 2020, is_default=True)
    return ShopperAlias("als_1", "stripe_eu", card, has_expired=True)


class FakeProposals:
    async def propose(self, query: ProposalQuery) -> Proposal:
        return Proposal([], [], [], CapturePolicy.AT_ORDER)


class FakeOrders:
    async def get(self, order_id: str) -> OrderView:
        if order_id != "order-1":
            raise PaygateError(Reason.ORDER_NOT_FOUND, f"no order {order_id}")
        return OrderView(draft(), [payment()], "the shopper")


@dataclass
class FakeAccounts:
    """Answers with one movement and remembers what it was asked."""

    seen: list[Any] = field(default_factory=list)
    refusal: PaygateError | None = None

    async def report_invoiced(
        self, command: ReportInvoicedCommand, remaining_s: float | None
    ) -> Posting:
        return self._act(command)

    async def report_parcel(
        self, command: ReportParcelCommand, remaining_s: float | None
    ) -> Posting:
        return self._act(command)

    def _act(self, command: ReportCommand) -> Posting:
        self.seen.append(command)
        if self.refusal is not None:
            raise self.refusal
        return Posting(
            command.posting_key,
            "shopper-1",
            command.order_id,
            MovementKind.INVOICE_CREDIT,
            command.amount,
            payment().id,
            NOW,
        )


@dataclass
class FakeRefunds:
    """Answers with one refund and remembers what it was asked."""

    behave: Callable[[], Awaitable[None]] | None = None
    """Runs inside of every call; may raise or wait."""
    seen: list[Any] = field(default_factory=list)
    remaining_s: list[float | None] = field(default_factory=list)
    refunds: list[Refund] = field(default_factory=lambda: [refund()])

    async def create(self, command: CreateRefundCommand, remaining_s: float | None) -> Refund:
        self.remaining_s.append(remaining_s)
        await self._act(command)
        return self.refunds[0]

    async def get(self, refund_id: str) -> Refund:
        await self._act(refund_id)
        return self.refunds[0]

    async def list(self, wanted: RefundFilter, before_id: str, page_size: int) -> RefundPage:
        await self._act((wanted, before_id, page_size))
        return RefundPage(self.refunds[:page_size], has_more=len(self.refunds) > page_size)

    async def _act(self, asked: object) -> None:
        self.seen.append(asked)
        if self.behave is not None:
            await self.behave()


@dataclass
class FakeReconciliations:
    """Answers with one run that waits and one discrepancy, and remembers what it was asked."""

    seen: list[Any] = field(default_factory=list)
    steps: list[RunProgress | Reconciliation] = field(default_factory=list)
    reconciliation: Reconciliation = field(default_factory=reconciliation)
    discrepancies: list[Discrepancy] = field(default_factory=lambda: [discrepancy()])

    async def run(self, command: RunCommand) -> AsyncIterator[RunProgress | Reconciliation]:
        self.seen.append(command)
        for step in self.steps:
            yield step
        yield self.reconciliation

    def now(self) -> datetime:
        return NOW + timedelta(days=2)

    async def get(self, run_id: str) -> Reconciliation:
        self.seen.append(run_id)
        return self.reconciliation

    async def country_day(
        self, country_code: str, day: date, psp_accounts: tuple[str, ...]
    ) -> CountryDay:
        self.seen.append((country_code, day, psp_accounts))
        return CountryDay(country_code, day, [CountrySide(each, False) for each in psp_accounts])

    async def list_discrepancies(
        self, wanted: DiscrepancyFilter, before_id: str, page_size: int
    ) -> DiscrepancyPage:
        self.seen.append((wanted, before_id, page_size))
        found = self.discrepancies
        return DiscrepancyPage(found[:page_size], has_more=len(found) > page_size)

    async def resolve(self, command: ResolveCommand) -> Discrepancy:
        self.seen.append(command)
        return self.discrepancies[0]


@dataclass
class FakeRefundBatches:
    """Answers with one batch and remembers what it was asked."""

    seen: list[Any] = field(default_factory=list)
    file: list[bytes] = field(default_factory=list)
    is_whole: bool = False

    async def submit(self, options: BatchOptions, chunks: AsyncIterator[bytes]) -> SubmittedBatch:
        self.seen.append(options)
        async for chunk in chunks:
            self.file.append(chunk)
        self.is_whole = True
        refusal = RefusedLine(3, "M-2", LineRefusal.WRONG_CURRENCY, "words")
        return SubmittedBatch(refund_progress().batch, [refusal])

    async def get(self, batch_id: str) -> BatchProgress:
        self.seen.append(batch_id)
        if batch_id != refund_progress().batch.id:
            raise PaygateError(Reason.REFUND_BATCH_NOT_FOUND, f"no batch {batch_id}")
        return refund_progress()


def refund_progress() -> BatchProgress:
    """Return a batch of ten lines with a movement in each state."""
    batch = RefundBatch(
        id="rbt_" + "0" * 26,
        file_name="refunds.csv",
        source=BatchSource.CALL,
        state=BatchState.READ,
        create_time=NOW,
        update_time=NOW,
        lines=10,
        accepted=7,
        duplicates=1,
        refused=2,
    )
    return BatchProgress(batch, {each: number for number, each in enumerate(Standing, 1)})


@dataclass
class FakeRouting:
    table: RoutingTable = ROUTING_TABLE


@dataclass
class FakeUseCases:
    payments: FakePayments = field(default_factory=FakePayments)
    customers: FakeCustomers = field(default_factory=FakeCustomers)
    aliases: FakeAliases = field(default_factory=FakeAliases)
    proposals: FakeProposals = field(default_factory=FakeProposals)
    orders: FakeOrders = field(default_factory=FakeOrders)
    accounts: FakeAccounts = field(default_factory=FakeAccounts)
    refunds: FakeRefunds = field(default_factory=FakeRefunds)
    refund_batches: FakeRefundBatches = field(default_factory=FakeRefundBatches)
    reconciliations: FakeReconciliations = field(default_factory=FakeReconciliations)
    routing: FakeRouting = field(default_factory=FakeRouting)


@dataclass
class EdgeOptions:
    max_message_bytes: int = 64 * 1024
    max_concurrent_rpcs: int = 2000
    max_concurrent_streams: int = 1000
    caller_rate_per_s: float = 0.0
    caller_burst: int = 100
    max_connection_age_s: float = 1800.0
    max_connection_age_grace_s: float = 300.0
    reflection: bool = True
    channelz: bool = False


@dataclass
class CountedRpcs:
    finished: list[tuple[str, str, float]] = field(default_factory=list)

    def observe_rpc(self, method: str, code: str, duration_s: float) -> None:
        self.finished.append((method, code, duration_s))


@dataclass
class RunningEdge:
    """A server that answers, and a channel to it."""

    channel: grpc.aio.Channel
    edge: GrpcEdge
    use_cases: FakeUseCases
    counted: CountedRpcs

    @property
    def payments(self) -> FakePayments:
        return self.use_cases.payments


@asynccontextmanager
async def running_edge(**options: Any) -> AsyncIterator[RunningEdge]:
    """Serve until the context ends."""
    use_cases, counted = FakeUseCases(), CountedRpcs()
    edge = build_grpc_edge(use_cases, EdgeOptions(**options), counted)
    port = await edge.start("127.0.0.1", 0)
    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        yield RunningEdge(channel, edge, use_cases, counted)
    await edge.stop(0)


async def raw_call(running: RunningEdge, path: str, data: bytes) -> object:
    """Send bytes as they are and return the first answer, whether the method streams or not."""
    method: grpc.aio.UnaryStreamMultiCallable[bytes, bytes] = running.channel.unary_stream(path)
    return await method(data).read()


def rich_status(error: grpc.aio.AioRpcError) -> Status:
    """Return the google.rpc.Status that came with an error."""
    trailers = dict(error.trailing_metadata() or ())
    details = trailers["grpc-status-details-bin"]
    assert isinstance(details, bytes)
    return Status.FromString(details)


def detail(status: Status, kind: type[M]) -> M:
    """Return the one detail of a kind."""
    found = kind()
    assert [packed.Unpack(found) for packed in status.details].count(True) == 1
    return found
