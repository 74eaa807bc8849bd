"""The PSPs there are: the one place where an adapter is chosen and built.

Everything but `build` is data that can be read without a key, a connection or a PSP's SDK.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import aiohttp

from psp.methods import MethodTraits
from psp.port import Capability, PaymentMethod, PaymentServiceProvider
from psp.stripe import traits as stripe_traits
from psp.stripe.config import StripeAccountConfig

PspAccountConfig = StripeAccountConfig
"""The configuration of an account at any PSP; the field `psp` tells which."""

Build = Callable[[str, PspAccountConfig, aiohttp.ClientSession | None], PaymentServiceProvider]


@dataclass(frozen=True, slots=True)
class PspKind:
    """One PSP: what it can do, how an account is configured, how its adapter is made."""

    name: str
    config_class: type[PspAccountConfig]
    methods: Mapping[PaymentMethod, MethodTraits]
    capabilities: frozenset[Capability]
    build: Build
    """(our account name, its configuration, a session to share or None) -> the adapter.

    The adapter never closes a session it was given."""


def _build_stripe(
    account: str, config: PspAccountConfig, session: aiohttp.ClientSession | None
) -> PaymentServiceProvider:
    from psp.stripe.provider import StripeProvider  # noqa: PLC0415 - the SDK takes half a second to load, which checks of a configuration need not pay

    return StripeProvider(account, config, session)


PSP_KINDS: Final[Mapping[str, PspKind]] = MappingProxyType(
    {
        "stripe": PspKind(
            name="stripe",
            config_class=StripeAccountConfig,
            methods=stripe_traits.METHODS,
            capabilities=stripe_traits.CAPABILITIES,
            build=_build_stripe,
        ),
    }
)
"""Every PSP by the name that configuration uses."""


def build_psp(
    account: str, config: PspAccountConfig, session: aiohttp.ClientSession | None = None
) -> PaymentServiceProvider:
    """Make the adapter of one account. `session` is shared and stays the caller's to close."""
    return PSP_KINDS[config.psp].build(account, config, session)
