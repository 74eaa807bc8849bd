"""Opening what a gateway reaches the outside through: databases, the PSPs' adapters, a broker."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

import aiohttp

from gateway.back_office import ObservedBackOffice
from gateway.bootstrap import Application, Doors, wire
from gateway.clock import Clock, system_clock
from gateway.metrics import Metrics
from gateway.observing import watching
from gateway.providers import Providers
from gateway.routing.configuration import Configuration
from gateway.routing.source import RoutingSource
from gateway.settings import Settings, check_lease, turn_wait_s
from gateway.storage.database import open_database
from gateway.storage.observed import ObservedDatabase
from legacy_bridge.files import RefundFolder
from legacy_bridge.refund_files import RefundFiles
from legacy_bridge.sql import SqlBackOffice
from psp.breaker import BreakerRules
from psp.guard import Guard
from psp.guarded import GuardedProvider
from psp.observed import ObservedProvider
from psp.port import PaymentServiceProvider
from psp.registry import PSP_KINDS, PspAccountConfig, build_psp

if TYPE_CHECKING:
    from gateway.events.kafka.delivery import KafkaDelivery  # see `_open_kafka`


@asynccontextmanager
async def open_providers(
    settings: Settings,
    accounts: Mapping[str, PspAccountConfig],
    metrics: Metrics,
    clock: Clock = system_clock,
) -> AsyncIterator[Providers]:
    """Open the adapters of all accounts over one session, and close them at the end."""
    async with AsyncExitStack() as stack:
        session = await stack.enter_async_context(
            aiohttp.ClientSession(
                # Each account's guard bounds its own: one limit for all of them would let a PSP
                # that hangs use up the connections of the others.
                connector=aiohttp.TCPConnector(limit=0),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        )

        def build(account: str, config: PspAccountConfig) -> PaymentServiceProvider:
            guarded = GuardedProvider(
                build_psp(account, config, session, lambda: clock().timestamp()),
                _guard(account, config, settings, metrics),
                PSP_KINDS[config.psp].methods,
            )
            # Outermost, so that calls which the guard refuses are counted too.
            return ObservedProvider(guarded, watching(metrics.observe_psp_call))

        # No attempt outlasts the lease, so that none holds an adapter for longer.
        providers = Providers(build, accounts, grace_s=settings.operation_lease_s)
        stack.push_async_callback(providers.close)
        yield providers


def _guard(account: str, config: PspAccountConfig, settings: Settings, metrics: Metrics) -> Guard:
    return Guard(
        account,
        at_once=config.calls_at_once,
        wait_s=turn_wait_s(settings.operation_lease_s, config.total_timeout_s),
        rules=BreakerRules(failures=config.breaker_failures, pause_s=config.breaker_pause_s),
        observe=metrics.set_breaker,
    )


@asynccontextmanager
async def open_application(
    settings: Settings,
    configuration: Configuration,
    providers: Mapping[str, PaymentServiceProvider],
    clock: Clock = system_clock,
    metrics: Metrics | None = None,
) -> AsyncIterator[Application]:
    """Open the databases, wire the gateway, and close them at the end.

    Raises `SettingsError` if the settings do not go with the configuration.
    """
    check_lease(settings, configuration.accounts)
    async with AsyncExitStack() as stack:
        database = ObservedDatabase(open_database(settings.database_url))
        stack.push_async_callback(database.close)
        back_office = SqlBackOffice.open(settings.back_office_url)
        stack.push_async_callback(back_office.close)
        doors = Doors(
            database,
            ObservedBackOffice(back_office),
            providers,
            clock,
            _refund_folder(settings),
            metrics or Metrics(),
        )
        kafka = await _open_kafka(settings, stack)
        yield wire(doors, RoutingSource(configuration.table), settings, kafka)


def _refund_folder(settings: Settings) -> RefundFiles | None:
    folder = settings.refund_folder
    return None if folder is None else RefundFolder(folder, settle_s=settings.refund_settle_s)


async def _open_kafka(settings: Settings, stack: AsyncExitStack) -> KafkaDelivery | None:
    if settings.delivery != "kafka":
        return None
    from gateway.events.kafka.delivery import open_kafka  # noqa: PLC0415 - who delivers locally does not load the library

    return await stack.enter_async_context(open_kafka(settings))
