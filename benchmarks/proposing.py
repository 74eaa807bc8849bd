"""A gateway whose sources of aliases are in its own process and answer at once.

What a proposal costs is then the gateway's alone: gRPC, routing, its database, and putting the
answers together behind all that stands around a source in earnest.
"""

from __future__ import annotations

import asyncio

from benchmarks.scenarios import LEGACY_ALIAS, OGONE, SHOPPER, STRIPE_CUSTOMER
from gateway.api.server import build_grpc_edge
from gateway.back_office import ObservedBackOffice
from gateway.bootstrap import Doors, wire
from gateway.logs import configure_logging
from gateway.metrics import Metrics
from gateway.observing import watching
from gateway.routing.configuration import load_configuration
from gateway.routing.source import RoutingSource
from gateway.server import spare_the_garbage_collector
from gateway.settings import load_settings
from gateway.storage.database import open_database
from gateway.storage.observed import ObservedDatabase
from legacy_bridge.port import LegacyAlias
from psp.breaker import BreakerRules
from psp.guard import Guard
from psp.guarded import GuardedProvider
from psp.observed import ObservedProvider
from psp.port import Capability, PaymentServiceProvider, PspAlias
from psp.registry import PSP_KINDS
from tests.support.fake_office import FakeOffice
from tests.support.fake_psp import FakePsp

_KEEPS_NO_ALIASES = frozenset(Capability) - {Capability.CUSTOMERS, Capability.ALIASES}


class _Psp(FakePsp):
    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        self.calls.clear()  # a fake remembers every call; this one has no end of them
        return await super().list_aliases(psp_customer)


class _Office(FakeOffice):
    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        self.calls.clear()
        return await super().list_aliases(customer_id)


async def serve(port: int) -> None:
    """Serve until canceled, with the accounts, countries and database that the settings name."""
    settings = load_settings(grpc_port=port)
    configure_logging(settings.log_format, settings.log_level)
    configuration = load_configuration(settings.config_file)
    metrics = Metrics()
    providers: dict[str, PaymentServiceProvider] = {}
    for account, config in configuration.accounts.items():
        psp = _Psp(account)
        if account == OGONE:
            psp.capabilities = _KEEPS_NO_ALIASES
        else:
            psp.customers[STRIPE_CUSTOMER] = SHOPPER
            psp.add_alias(STRIPE_CUSTOMER, "pm_benchmark")
        guard = Guard(account, at_once=config.calls_at_once, wait_s=1, rules=BreakerRules())
        guarded = GuardedProvider(psp, guard, PSP_KINDS[config.psp].methods)
        providers[account] = ObservedProvider(guarded, watching(metrics.observe_psp_call))
    office = _Office()
    office.aliases[OGONE, LEGACY_ALIAS.alias] = LEGACY_ALIAS
    database = ObservedDatabase(open_database(settings.database_url))
    doors = Doors(database, ObservedBackOffice(office), providers, metrics=metrics)
    application = wire(doors, RoutingSource(configuration.table), settings)
    edge = build_grpc_edge(application, settings, metrics)
    await edge.start("127.0.0.1", port)
    spare_the_garbage_collector()
    await asyncio.Event().wait()
