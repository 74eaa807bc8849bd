"""Customers and the two PSP accounts of a small shop, over any database."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from gateway.aliases.service import AliasDoors, Aliases
from gateway.customers.commands import EnsureCustomerCommand, EnsuredLink
from gateway.customers.service import Customers
from gateway.domain.customers import CustomerLink
from gateway.domain.requests import RequestKey
from gateway.domain.routing import (
    Account,
    AmountLimits,
    CountryPolicy,
    MethodRoute,
    RoutingTable,
)
from gateway.routing.source import RoutingSource
from gateway.shield import Shield
from gateway.storage.customers import get_link
from gateway.storage.database import Database
from psp.methods import MethodTraits, Presentation
from psp.port import Capability, CapturePolicy, CustomerProfile, PaymentMethod
from tests.support.fake_office import FakeOffice
from tests.support.fake_psp import FakePsp
from tests.support.payments import NOW
from tests.support.rig import SteppedDatabase, Steps

CARD, PAYPAL = PaymentMethod.CARD, PaymentMethod.PAYPAL
CARDS, WALLETS, PLAIN, OLD = "cards", "wallets", "plain", "old"
LEASE = timedelta(seconds=90)
SHOPPER = CustomerProfile(
    "shopper-1", email="zoe@example.org", name="Zoë", country_code="FR", preferred_locale="fr-FR"
)
_EUR = {"EUR": AmountLimits(100, 500_000)}
_TRAITS = {CARD: MethodTraits(Presentation.EMBEDDED), PAYPAL: MethodTraits(Presentation.REDIRECT)}


def _country(code: str, *methods: MethodRoute) -> CountryPolicy:
    return CountryPolicy(code, ("EUR", "GBP"), CapturePolicy.AT_ORDER, methods)


TABLE = RoutingTable(
    countries={
        "FR": _country("FR", MethodRoute(CARD, CARDS, _EUR), MethodRoute(PAYPAL, WALLETS, _EUR)),
        "DE": _country("DE", MethodRoute(PAYPAL, CARDS, _EUR), MethodRoute(CARD, CARDS, _EUR)),
        "IT": _country(
            "IT", MethodRoute(CARD, OLD, _EUR), MethodRoute(PAYPAL, WALLETS, _EUR, enabled=False)
        ),
        "ES": _country("ES", MethodRoute(CARD, PLAIN, _EUR), MethodRoute(PAYPAL, CARDS, _EUR)),
        "PT": _country("PT", MethodRoute(CARD, PLAIN, _EUR)),
    },
    accounts={
        CARDS: Account(CARDS, "fake", _TRAITS, public_key="pk_1"),
        WALLETS: Account(WALLETS, "fake", _TRAITS),
        PLAIN: Account(PLAIN, "fake", _TRAITS),
        OLD: Account(OLD, "fake", _TRAITS, retired=True),
    },
    digest="d1g357",
)
"""FR has two accounts, DE one, IT none that counts; PLAIN keeps neither customers nor aliases."""


@dataclass
class StandingClock:
    """A clock that stands still until it is told to move."""

    now: datetime = field(default=NOW)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, step: timedelta) -> None:
        self.now += step


class SteppedPsp(FakePsp):
    """A fake PSP before and after whose customer calls the process can die."""

    steps = Steps()

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        self.steps.step("before the PSP")
        reference = await super().create_customer(profile, idempotency_key)
        self.steps.step("after the PSP")
        return reference

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        self.steps.step("before the PSP")
        await super().update_customer(psp_customer, profile, idempotency_key)
        self.steps.step("after the PSP")


class Shop:
    """The use case and all around it; `restart` is what a new process finds."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.clock = StandingClock()
        without = frozenset(Capability) - {Capability.CUSTOMERS, Capability.ALIASES}
        self.psps = {
            name: SteppedPsp(name, clock=self.clock) for name in (CARDS, WALLETS, PLAIN, OLD)
        }
        self.psps[PLAIN].capabilities = without
        self.office = FakeOffice()
        self.routing = RoutingSource(TABLE)
        self.restart()

    @property
    def cards(self) -> FakePsp:
        """The first account of France."""
        return self.psps[CARDS]

    @property
    def wallets(self) -> FakePsp:
        """The second account of France."""
        return self.psps[WALLETS]

    def restart(self, crash_at: int = 0, min_deadline_s: float = 1.0) -> None:
        """Start a new process over the same database: nothing in memory survives."""
        self.steps = Steps(crash_at)
        for psp in self.psps.values():
            psp.steps = self.steps
        self.shield = Shield()
        self.customers = Customers(
            SteppedDatabase(self.database, self.steps),
            self.psps,
            self.routing,
            self.shield,
            self.clock,
            lease=LEASE,
            min_deadline_s=min_deadline_s,
        )

    def open_aliases(self, **more: Any) -> Aliases:
        """The use cases of aliases in this process."""
        doors = AliasDoors(
            SteppedDatabase(self.database, self.steps),
            self.psps,
            self.office,
            self.customers,
            self.routing,
            self.shield,
            self.clock,
        )
        return Aliases(doors, **{"lease": LEASE, **more})

    def serve(self, countries: Mapping[str, CountryPolicy]) -> None:
        """Serve these countries from now on, as a new process does."""
        self.routing = RoutingSource(replace(TABLE, countries=countries))
        self.restart()

    async def ensure(
        self, request_id: str = "request-1", *, remaining_s: float | None = None, **profile: Any
    ) -> tuple[EnsuredLink, ...]:
        """Ensure the shopper, with changes of her profile."""
        command = EnsureCustomerCommand(
            RequestKey("tests", "EnsureCustomer", request_id), replace(SHOPPER, **profile)
        )
        return await self.customers.ensure(command, remaining_s)

    async def link(self, psp_account: str = CARDS) -> CustomerLink:
        """The shopper's link as it is stored."""
        link = await get_link(self.database, SHOPPER.customer_id, psp_account)
        assert link is not None
        return link
