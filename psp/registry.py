"""The PSPs there are: the one place where an adapter is chosen and built.

Everything but `build` is data that can be read without a key, a connection or a PSP's SDK.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Protocol, TypeVar

import aiohttp

from psp.methods import MethodTraits
from psp.ogone import traits as ogone_traits
from psp.ogone.config import OgoneAccountConfig
from psp.port import Capability, PaymentMethod, PaymentServiceProvider
from psp.stripe import traits as stripe_traits
from psp.stripe.config import StripeAccountConfig

PspAccountConfig = StripeAccountConfig | OgoneAccountConfig
"""The configuration of an account at any PSP; the field `psp` tells which."""

ConfigT = TypeVar("ConfigT", StripeAccountConfig, OgoneAccountConfig)
UnixClock = Callable[[], float]
"""Tells seconds since 1970."""


class Build(Protocol):
    """Makes the adapter of one account."""

    def __call__(
        self,
        account: str,
        config: PspAccountConfig,
        session: aiohttp.ClientSession | None,
        clock: UnixClock = ...,
        /,
    ) -> PaymentServiceProvider:
        """Make it; a session that it is given is shared, and never closed by it."""


@dataclass(frozen=True, slots=True)
class PspKind:
    """One PSP: what it can do, how an account is configured, how its adapter is made."""

    name: str
    config_class: type[PspAccountConfig]
    methods: Mapping[PaymentMethod, MethodTraits]
    capabilities: frozenset[Capability]
    idempotency_lifetime_s: float
    """Seconds for which a key may be sent again; 0 where the PSP has no such keys."""
    build: Build
    """Given our name of the account, its configuration, a session to share or None, a clock."""


def _build_stripe(
    account: str,
    config: PspAccountConfig,
    session: aiohttp.ClientSession | None,
    clock: UnixClock = time.time,
) -> PaymentServiceProvider:
    from psp.stripe.provider import StripeProvider  # noqa: PLC0415 - the SDK takes half a second to load, which checks of a configuration need not pay

    return StripeProvider(account, _own(StripeAccountConfig, config), session, clock=clock)


def _build_ogone(
    account: str,
    config: PspAccountConfig,
    session: aiohttp.ClientSession | None,
    clock: UnixClock = time.time,
) -> PaymentServiceProvider:
    from psp.ogone.provider import OgoneProvider  # noqa: PLC0415 - as above: read only what is used

    return OgoneProvider(account, _own(OgoneAccountConfig, config), session, clock=clock)


def _own(config_class: type[ConfigT], config: PspAccountConfig) -> ConfigT:
    if not isinstance(config, config_class):
        raise TypeError(f"{type(config).__name__} configures an account of another PSP")
    return config


PSP_KINDS: Final[Mapping[str, PspKind]] = MappingProxyType(
    {
        "stripe": PspKind(
            name="stripe",
            config_class=StripeAccountConfig,
            methods=stripe_traits.METHODS,
            capabilities=stripe_traits.CAPABILITIES,
            idempotency_lifetime_s=stripe_traits.IDEMPOTENCY_LIFETIME_S,
            build=_build_stripe,
        ),
        "ogone": PspKind(
            name="ogone",
            config_class=OgoneAccountConfig,
            methods=ogone_traits.METHODS,
            capabilities=ogone_traits.CAPABILITIES,
            idempotency_lifetime_s=ogone_traits.IDEMPOTENCY_LIFETIME_S,
            build=_build_ogone,
        ),
    }
)
"""Every PSP by the name that configuration uses."""


def build_psp(
    account: str,
    config: PspAccountConfig,
    session: aiohttp.ClientSession | None = None,
    clock: UnixClock = time.time,
) -> PaymentServiceProvider:
    """Make the adapter of one account. `session` is shared and stays the caller's to close."""
    return PSP_KINDS[config.psp].build(account, config, session, clock)
