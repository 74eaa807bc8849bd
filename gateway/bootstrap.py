"""The one place that builds things: from settings and a configuration to a wired gateway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Protocol

from gateway.accounts.service import Accounts
from gateway.aliases.service import AliasDoors, Aliases
from gateway.aliases.values import AliasTimeLimits
from gateway.catch_up.events import EventCatchUp
from gateway.catch_up.job import CatchUp
from gateway.catch_up.payments import PaymentCatchUp
from gateway.clock import Clock, system_clock
from gateway.customers.service import Customers
from gateway.events.applying import EventApplier
from gateway.events.delivery import LocalDelivery
from gateway.events.inbox import Inbox
from gateway.events.inbox_work import InboxWork
from gateway.events.kafka.neighbours import Neighbours
from gateway.job_lease import JobLease
from gateway.leases import WorkLeases, new_holder
from gateway.metrics import Metrics
from gateway.orders.handler import OrderHandler
from gateway.orders.service import Orders
from gateway.payments.books import PaymentBooks, is_delivered, is_published
from gateway.payments.changes import PaymentChanges
from gateway.payments.creation import CreationLimits, PaymentCreation
from gateway.payments.reading import PaymentReading
from gateway.payments.refreshing import PaymentRefresher
from gateway.payments.replay import Replays
from gateway.payments.resolver import Resolver
from gateway.payments.sending import OperationSender
from gateway.payments.service import Payments
from gateway.proposals.service import Proposals
from gateway.reconciliation.correcting import Corrections
from gateway.reconciliation.keeping import DiscrepancyBooks
from gateway.reconciliation.matching import Matching
from gateway.reconciliation.reporting import ReportDesk
from gateway.reconciliation.running import RunParts
from gateway.reconciliation.service import Reconciliations
from gateway.reconciliation.settling import Settling
from gateway.reconciliation.staging import Staging
from gateway.refund_files.confirming import LEASE_NAME as CONFIRMATION_LEASE
from gateway.refund_files.confirming import RefundConfirmation
from gateway.refund_files.fetching import LEASE_NAME as FOLDER_LEASE
from gateway.refund_files.fetching import FileFetching
from gateway.refund_files.reading import BatchReading
from gateway.refund_files.sending import MovementSending
from gateway.refund_files.service import RefundBatches
from gateway.refund_files.work import MovementWork, Share
from gateway.refunds.adoption import PaymentAdoption
from gateway.refunds.creation import RefundCreation
from gateway.refunds.replay import RefundReplays
from gateway.refunds.resolving import RefundResolver
from gateway.refunds.sending import RefundSender
from gateway.refunds.service import Refunds
from gateway.refunds.syncing import RefundSync
from gateway.refunds.truth import PaymentTruth
from gateway.routing.source import RoutingSource
from gateway.settings import Settings
from gateway.shield import Shield
from gateway.signals import PaymentSignals, Wake
from gateway.storage.database import Database
from gateway.sweeping.beyond import BeyondDrafts
from gateway.sweeping.decision import SweepAges
from gateway.sweeping.held import HeldOrders
from gateway.sweeping.looking import Looker, peeking
from gateway.sweeping.orders import OrderSweep
from gateway.sweeping.sweeper import LEASE_NAME, Sweeper
from gateway.sweeping.unclaimed import UnclaimedMoney
from gateway.sweeping.unfinished import UnfinishedChanges
from gateway.workers import Job, Workers
from legacy_bridge.port import BackOffice
from legacy_bridge.refund_files import RefundFiles
from psp.port import PaymentServiceProvider

if TYPE_CHECKING:
    from gateway.events.kafka.delivery import KafkaDelivery  # see `_open_kafka`


@dataclass(frozen=True, slots=True)
class Doors:
    """What the gateway reaches the outside through; tests give their own."""

    database: Database
    back_office: BackOffice
    providers: Mapping[str, PaymentServiceProvider]
    """By account."""
    clock: Clock = system_clock
    refund_files: RefundFiles | None = None
    """Where the back office's refund files are; None: they come by call only."""
    metrics: Metrics = field(default_factory=Metrics)
    """Where jobs are measured."""


class Broker(Protocol):
    """What work is delivered through."""

    async def ping(self) -> None:
        """Return if it answers, raise if not."""


@dataclass(frozen=True, slots=True)
class Application:
    """A wired gateway: its use cases, its inbox, its workers."""

    doors: Doors
    routing: RoutingSource
    payments: Payments
    customers: Customers
    aliases: Aliases
    proposals: Proposals
    orders: Orders
    order_handler: OrderHandler
    accounts: Accounts
    refunds: Refunds
    refund_batches: RefundBatches
    reconciliations: Reconciliations
    inbox: Inbox
    sweeper: Sweeper
    catch_up: CatchUp
    broker: Broker | None
    """None: work is delivered without one."""
    workers: Workers
    shield: Shield
    signals: PaymentSignals


def wire(
    doors: Doors, routing: RoutingSource, settings: Settings, kafka: KafkaDelivery | None = None
) -> Application:
    """Connect everything. Nothing is started and nothing is opened here."""
    signals, shield = PaymentSignals(), Shield()
    arrivals, deliveries, unknowns = Wake(), Wake(), Wake()
    lease = timedelta(seconds=settings.operation_lease_s)
    least_s = settings.min_deadline_s
    clock, database, providers = doors.clock, doors.database, doors.providers

    customers = Customers(
        database, providers, routing, shield, clock, lease=lease, min_deadline_s=least_s
    )
    aliases = Aliases(
        AliasDoors(database, providers, doors.back_office, customers, routing, shield, clock),
        lease=lease,
        min_deadline_s=least_s,
        limits=AliasTimeLimits(settings.alias_psp_timeout_s, settings.alias_back_office_timeout_s),
    )
    # On topics others listen too, who want to know of everything.
    delivers = is_delivered if kafka is None else is_published
    books = PaymentBooks(database, signals, deliveries, delivers)
    sender = OperationSender(books, providers, clock, unknowns)
    replays = Replays(books, sender, clock)
    creation = PaymentCreation(
        books=books,
        sender=sender,
        replays=replays,
        routing=routing,
        customers=customers,
        owners=aliases.listing,
        shield=shield,
        clock=clock,
        limits=CreationLimits(least_s, lease),
    )
    changes = PaymentChanges(books, sender, replays, shield, clock, lease, least_s)
    refresher = PaymentRefresher(books, sender, clock)
    refund_sync = RefundSync(books, sender, clock)
    refund_sender = RefundSender(books, sender, clock, unknowns)
    adoption = PaymentAdoption(books, sender, clock)
    refund_creation = RefundCreation(
        books=books,
        sender=refund_sender,
        replays=RefundReplays(database, clock),
        sync=refund_sync,
        adoption=adoption,
        providers=sender,
        shield=shield,
        clock=clock,
        lease=lease,
        min_deadline_s=least_s,
    )
    refund_resolver = RefundResolver(books, refund_sender, sender, clock)
    truth = PaymentTruth(database, refresher, refund_sync)
    resolver = Resolver(books, sender, refund_resolver, providers, clock, lease, unknowns)
    order_handler = OrderHandler(
        doors.back_office, books, changes, refund_creation, refresher, clock
    )
    leases = WorkLeases(database, clock, timedelta(seconds=settings.work_lease_s))
    applier = EventApplier(database, truth, resolver, aliases.news, clock)
    inbox_work = InboxWork(database, providers, applier, clock, arrivals, leases)
    delivery = LocalDelivery(database, providers, order_handler, clock, deliveries, leases)
    accounts = Accounts(database, doors.back_office, clock, leases, least_s)
    holder = new_holder()
    sweeper = _sweeper(doors, settings, order_handler, changes, truth, refresher, holder)
    sending = MovementSending(database, adoption, refund_creation, clock)
    file_work = _refund_files(doors, settings, routing, shield, holder, sending)
    file_work.jobs.append(_confirmation(books, truth, settings, clock, holder))
    caught = Wake()
    catch_up = CatchUp(
        providers,
        EventCatchUp(database, clock, arrivals),
        PaymentCatchUp(database, truth),
        partial(_job_lease, database, clock, holder),
        clock,
        timedelta(seconds=settings.catch_up_interval_s),
        caught,
    )
    if kafka is None:
        moving = [
            Job("inbox", inbox_work.run_once, arrivals, inbox_work.lanes),
            Job("delivery", delivery.run_once, deliveries, delivery.lanes),
        ]
    else:
        moving = kafka.jobs(
            Neighbours(
                database,
                providers,
                applier,
                delivery,
                clock,
                arrivals,
                deliveries,
                doors.metrics,
            )
        )
    jobs = [
        *moving,
        Job("resolver", resolver.run_once, unknowns, resolver.lanes),
        Job("aliases", aliases.resolver.run_once, aliases.resolver.wake, aliases.resolver.lanes),
        Job("account", accounts.posting.run_once, accounts.wake, accounts.posting.lanes),
        Job("sweeper", sweeper.run_once, sweeper.wake, sweeper.lanes),
        Job("catch_up", catch_up.run_once, caught, catch_up.lanes),
        *file_work.jobs,
    ]
    sweeper.count = doors.metrics.count_swept
    for job in jobs:
        job.lanes.observe = doors.metrics.observe_step
    return Application(
        doors=doors,
        routing=routing,
        payments=Payments(creation, changes, PaymentReading(books, signals)),
        customers=customers,
        aliases=aliases,
        proposals=Proposals(routing, aliases.listing),
        orders=Orders(database, doors.back_office),
        order_handler=order_handler,
        accounts=accounts,
        refunds=Refunds(refund_creation, database),
        refund_batches=file_work.batches,
        reconciliations=_reconciliations(doors, shield, truth),
        inbox=Inbox(database, providers, clock, arrivals),
        sweeper=sweeper,
        catch_up=catch_up,
        broker=kafka,
        workers=Workers(jobs, settings.worker_poll_interval_s, doors.metrics.count_failed_round),
        shield=shield,
        signals=signals,
    )


def _sweeper(
    doors: Doors,
    settings: Settings,
    handler: OrderHandler,
    changes: PaymentChanges,
    truth: PaymentTruth,
    refresher: PaymentRefresher,
    holder: str,
) -> Sweeper:
    database, clock, back_office = doors.database, doors.clock, doors.back_office
    ages = SweepAges(
        timedelta(seconds=settings.sweep_after_s), timedelta(seconds=settings.cancel_after_s)
    )
    orders = OrderSweep(
        back_office,
        handler,
        changes,
        looker=Looker(database, clock, truth.take_over),
        peeker=Looker(database, clock, peeking(refresher, clock)),
        ages=ages,
    )
    return Sweeper(
        database,
        back_office,
        orders,
        BeyondDrafts(
            UnclaimedMoney(database, back_office, handler, clock, ages),
            HeldOrders(database, back_office, handler),
            UnfinishedChanges(database, truth, clock),
        ),
        _job_lease(database, clock, holder, LEASE_NAME),
        clock,
        timedelta(seconds=settings.sweep_interval_s),
    )


def _reconciliations(doors: Doors, shield: Shield, truth: PaymentTruth) -> Reconciliations:
    database, clock = doors.database, doors.clock
    settling = Settling(database)
    asker = Corrections(database, truth)
    parts = RunParts(
        database=database,
        clock=clock,
        desk=ReportDesk(database, clock),
        staging=Staging(database),
        matching=Matching(database, DiscrepancyBooks(database, clock), settling, asker),
        settling=settling,
    )

    def lease_of(name: str) -> JobLease:
        # A holder a run: one process may be asked for two runs of an account at once.
        return JobLease(database, name, new_holder(), clock)

    return Reconciliations(parts, doors.providers, shield, lease_of, clock)


@dataclass(frozen=True, slots=True)
class _RefundFileWork:
    batches: RefundBatches
    jobs: list[Job]


def _refund_files(
    doors: Doors,
    settings: Settings,
    routing: RoutingSource,
    shield: Shield,
    holder: str,
    sending: MovementSending,
) -> _RefundFileWork:
    database, clock, accepted = doors.database, doors.clock, Wake()
    lease_of = partial(_job_lease, database, clock, holder)
    reading = BatchReading(database, routing, shield, clock, accepted)

    def rate_of(account: str) -> float:
        known = routing.table.accounts.get(account)
        own = None if known is None else known.refund_rate_per_s
        return own or settings.refund_rate_per_s

    share = Share(rate_of, settings.refund_at_once)
    work = MovementWork(database, doors.providers, sending, share, lease_of, clock, accepted)
    jobs = [Job("refund_files", work.run_once, accepted, work.lanes)]
    if doors.refund_files is not None:
        fetching = FileFetching(
            database,
            doors.refund_files,
            reading,
            lease_of(FOLDER_LEASE),
            clock,
            timedelta(seconds=settings.refund_look_interval_s),
            Wake(),
        )
        jobs.append(Job("refund_folder", fetching.run_once, fetching.wake, fetching.lanes))
    request_lease = timedelta(seconds=settings.operation_lease_s)
    return _RefundFileWork(RefundBatches(database, reading, shield, clock, request_lease), jobs)


def _confirmation(
    books: PaymentBooks, truth: PaymentTruth, settings: Settings, clock: Clock, holder: str
) -> Job:
    confirmation = RefundConfirmation(
        books,
        truth,
        _job_lease(books.database, clock, holder, CONFIRMATION_LEASE),
        clock,
        timedelta(seconds=settings.refund_ask_after_s),
        timedelta(seconds=settings.refund_overdue_after_s),
    )
    return Job(CONFIRMATION_LEASE, confirmation.run_once, confirmation.wake, confirmation.lanes)


def _job_lease(database: Database, clock: Clock, holder: str, name: str) -> JobLease:
    return JobLease(database, name, holder, clock)
