"""The one place that builds things: from settings and a configuration to a wired gateway."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import aiohttp

from gateway.aliases.service import AliasDoors, Aliases
from gateway.aliases.values import AliasTimeLimits
from gateway.clock import Clock, system_clock
from gateway.customers.service import Customers
from gateway.events.applying import EventApplier
from gateway.events.delivery import LocalDelivery
from gateway.events.inbox import Inbox
from gateway.metrics import Metrics
from gateway.orders.handler import OrderHandler
from gateway.orders.service import Orders
from gateway.payments.books import PaymentBooks
from gateway.payments.changes import PaymentChanges
from gateway.payments.creation import CreationLimits, PaymentCreation
from gateway.payments.reading import PaymentReading
from gateway.payments.refreshing import PaymentRefresher
from gateway.payments.replay import Replays
from gateway.payments.resolver import Resolver
from gateway.payments.sending import OperationSender
from gateway.payments.service import Payments
from gateway.proposals.service import Proposals
from gateway.providers import Providers
from gateway.routing.configuration import Configuration
from gateway.routing.source import RoutingSource
from gateway.settings import Settings, check_lease
from gateway.shield import Shield
from gateway.signals import PaymentSignals, Wake
from gateway.storage.database import Database, open_database
from gateway.workers import Job, Workers
from legacy_bridge.port import BackOffice
from legacy_bridge.sql import SqlBackOffice
from psp.observed import ObservedProvider
from psp.port import PaymentServiceProvider
from psp.registry import PspAccountConfig, build_psp

_PSP_CONNECTIONS: Final = 200


@dataclass(frozen=True, slots=True)
class Doors:
    """What the gateway reaches the outside through; tests give their own."""

    database: Database
    back_office: BackOffice
    providers: Mapping[str, PaymentServiceProvider]
    """By account."""
    clock: Clock = system_clock


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
    inbox: Inbox
    workers: Workers
    shield: Shield
    signals: PaymentSignals


def wire(doors: Doors, routing: RoutingSource, settings: Settings) -> Application:
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
    books = PaymentBooks(database, signals, deliveries)
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
    resolver = Resolver(books, sender, providers, clock, lease, unknowns)
    order_handler = OrderHandler(doors.back_office, books, changes, refresher, clock)
    applier = EventApplier(database, providers, refresher, resolver, clock, arrivals)
    delivery = LocalDelivery(database, providers, order_handler, clock, deliveries)
    jobs = [
        Job("inbox", applier.run_once, arrivals, applier.lanes),
        Job("delivery", delivery.run_once, deliveries, delivery.lanes),
        Job("resolver", resolver.run_once, unknowns, resolver.lanes),
    ]
    return Application(
        doors=doors,
        routing=routing,
        payments=Payments(creation, changes, PaymentReading(books, signals)),
        customers=customers,
        aliases=aliases,
        proposals=Proposals(routing, aliases.listing),
        orders=Orders(database, doors.back_office),
        order_handler=order_handler,
        inbox=Inbox(database, providers, clock, arrivals),
        workers=Workers(jobs, settings.worker_poll_interval_s),
        shield=shield,
        signals=signals,
    )


@asynccontextmanager
async def open_providers(
    settings: Settings, accounts: Mapping[str, PspAccountConfig], metrics: Metrics
) -> AsyncIterator[Providers]:
    """Open the adapters of all accounts over one session, and close them at the end."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_PSP_CONNECTIONS),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        )

        def build(account: str, config: PspAccountConfig) -> PaymentServiceProvider:
            return ObservedProvider(build_psp(account, config, session), metrics.observe_psp_call)

        # No attempt outlasts the lease, so that none holds an adapter for longer.
        providers = Providers(build, accounts, grace_s=settings.operation_lease_s)
        stack.push_async_callback(providers.close)
        yield providers


@asynccontextmanager
async def open_application(
    settings: Settings,
    configuration: Configuration,
    providers: Mapping[str, PaymentServiceProvider],
    clock: Clock = system_clock,
) -> AsyncIterator[Application]:
    """Open the databases, wire the gateway, and close them at the end.

    Raises `SettingsError` if the settings do not go with the configuration.
    """
    check_lease(settings, configuration.accounts)
    async with AsyncExitStack() as stack:
        database = open_database(settings.database_url)
        stack.push_async_callback(database.close)
        back_office = SqlBackOffice.open(settings.back_office_url)
        stack.push_async_callback(back_office.close)
        doors = Doors(database, back_office, providers, clock)
        yield wire(doors, RoutingSource(configuration.table), settings)
