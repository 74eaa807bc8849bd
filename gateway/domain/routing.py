"""What routing decides from, and what it answers: values that configuration builds once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from types import MappingProxyType

from gateway.domain.route_buckets import BUCKETS
from psp.methods import MethodTraits, Presentation
from psp.money import Money
from psp.port import CapturePolicy, PaymentMethod


class RouteRefusal(StrEnum):
    """Why a payment has no route."""

    COUNTRY_NOT_SERVED = "country_not_served"
    CURRENCY_NOT_SOLD = "currency_not_sold"
    METHOD_NOT_OFFERED = "method_not_offered"
    AMOUNT_BELOW_MINIMUM = "amount_below_minimum"
    AMOUNT_ABOVE_MAXIMUM = "amount_above_maximum"
    ACCOUNT_RETIRED = "account_retired"


@dataclass(frozen=True, slots=True)
class Account:
    """A PSP account as routing sees it: no secrets, no connection."""

    name: str
    psp: str
    """The kind of PSP, e.g. `stripe`."""
    methods: Mapping[PaymentMethod, MethodTraits]
    """What its PSP can do."""
    public_key: str = ""
    """What a page needs to show embedded fields; empty if the PSP has no such key."""
    retired: bool = False
    """Takes no new payments. Those it has are captured, refunded and notified as ever."""
    refund_rate_per_s: float | None = None
    """Refunds of files that go there in a second; None: as the process is set."""


@dataclass(frozen=True, slots=True)
class AmountLimits:
    """What a method takes in one currency, in minor units, both ends included."""

    min_amount_minor: int = 1
    max_amount_minor: int | None = None
    """None: no limit that we know."""


@dataclass(frozen=True, slots=True)
class Canary:
    """A second account that serves a part of a method's shoppers, always the same ones."""

    account: str
    basis_points: int
    """Hundredths of a percent: the buckets below it are served. 0: nobody, switched off."""
    limits: Mapping[str, AmountLimits]
    """By currency, for each of the method's: what both PSPs take."""

    def __post_init__(self) -> None:
        """Raise `ValueError` for a part that is none."""
        if not 0 <= self.basis_points <= BUCKETS:
            raise ValueError(f"{self.basis_points} is outside 0..{BUCKETS} basis points")

    @property
    def off(self) -> bool:
        """Whether it serves nobody."""
        return self.basis_points == 0

    @property
    def percent(self) -> str:
        """The part in words: `30` or `12.5`."""
        return f"{self.basis_points / 100:g}"


@dataclass(frozen=True, slots=True)
class MethodRoute:
    """A method as a country offers it, and where its payments go."""

    method: PaymentMethod
    account: str
    """Name of the account that serves it."""
    limits: Mapping[str, AmountLimits]
    """By currency: the limits of the PSP narrowed by the country's. Its keys are the currencies
    that the method is offered in."""
    enabled: bool = True
    """False: known, and switched off."""
    canary: Canary | None = None
    """None: `account` serves every shopper."""

    def __post_init__(self) -> None:
        """Raise `ValueError` if the canary does not go with the method."""
        if self.canary is None:
            return
        if self.canary.account == self.account:
            raise ValueError(f"{self.account} is its own canary")
        if self.canary.limits.keys() != self.limits.keys():
            raise ValueError(f"{self.canary.account} does not take the currencies of {self.method}")

    def limits_at(self, account: str) -> Mapping[str, AmountLimits]:
        """Return what is taken from a shopper whom `account` serves, by currency."""
        if self.canary is not None and account == self.canary.account:
            return self.canary.limits
        return self.limits


@dataclass(frozen=True, slots=True)
class CountryPolicy:
    """How a country sells."""

    country_code: str
    currencies: tuple[str, ...]
    capture_policy: CapturePolicy
    methods: tuple[MethodRoute, ...]
    """In the order to show them; each method once."""
    by_method: Mapping[PaymentMethod, MethodRoute] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Index the methods; raises `ValueError` if one is listed twice."""
        by_method = {route.method: route for route in self.methods}
        if len(by_method) != len(self.methods):
            raise ValueError(f"{self.country_code} lists a method twice")
        object.__setattr__(self, "by_method", MappingProxyType(by_method))


@dataclass(frozen=True, slots=True)
class RoutingTable:
    """All policies of one configuration."""

    countries: Mapping[str, CountryPolicy]
    accounts: Mapping[str, Account]
    digest: str
    """Short digest of the configuration, kept on every payment that it routed."""


@dataclass(frozen=True, slots=True)
class RouteQuery:
    """A payment that does not exist yet. Existing ones keep their account and are never routed."""

    country_code: str
    method: PaymentMethod
    amount: Money | None = None
    """None leaves currency and limits out."""
    customer_id: str = ""
    """The shopper; empty for a guest."""
    order_id: str = ""
    """Stands for the shopper if she is a guest."""
    alias_account: str = ""
    """The account that keeps the alias to charge; empty if none is charged."""


@dataclass(frozen=True, slots=True)
class RouteStep:
    """One rule that was looked at."""

    rule: str
    passed: bool
    """Whether it let the route go on."""
    explanation: str
    """Why, in one sentence."""
    refusal: RouteRefusal | None = None


@dataclass(frozen=True, slots=True)
class RouteDecision:
    """Where a payment goes, or every reason why it does not."""

    account: str | None
    """Name of the account; None if refused."""
    refusals: tuple[RouteRefusal, ...] = ()
    """Empty if there is an account."""
    steps: tuple[RouteStep, ...] = ()
    """Every rule that was looked at, in order; filled by `explain` alone."""

    @property
    def refused_steps(self) -> tuple[RouteStep, ...]:
        """The steps that refused."""
        return tuple(step for step in self.steps if step.refusal is not None)


@dataclass(frozen=True, slots=True)
class MethodOffer:
    """One method that may be offered to a shopper."""

    method: PaymentMethod
    account: Account
    presentation: Presentation
    limits: AmountLimits | None
    """In the currency that was asked for; None if none was."""


@dataclass(frozen=True, slots=True)
class MethodOffers:
    """What a country offers for a sale, in its order, or why it does not sell at all."""

    methods: tuple[MethodOffer, ...]
    capture_policy: CapturePolicy | None
    """None if the country is not served."""
    refused_steps: tuple[RouteStep, ...] = ()
    """Why nothing is offered to anybody: the country or the currency. Empty if it sells."""
