"""A shopper's list of aliases: what is asked of it, and what it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from gateway.domain.aliases import AliasReference
from psp.port import NextAction, PaymentMethod, PspAlias

BACK_OFFICE: Final = "back_office"
"""Name of the source that keeps the aliases of PSPs without a list of their own."""

Wanted = Mapping[str, frozenset[PaymentMethod]]
"""By account: the methods whose aliases may be shown. An account that is not in it is not asked."""


@dataclass(frozen=True, slots=True)
class AliasTimeLimits:
    """How long a page waits for one source of aliases."""

    psp_s: float = 2.0
    back_office_s: float = 1.0


@dataclass(frozen=True, slots=True)
class AliasQuery:
    """See `paygate.v1.ListAliasesRequest`."""

    customer_id: str
    country_code: str = ""
    """Empty: whatever she saved, wherever it can be charged."""


@dataclass(frozen=True, slots=True)
class ShopperAlias:
    """A saved method with the account that keeps it."""

    id: str
    """What callers give to CreatePayment, see `gateway.domain.aliases`."""
    psp_account: str
    alias: PspAlias
    has_expired: bool = False

    @property
    def reference(self) -> AliasReference:
        """Where it is kept."""
        return AliasReference(self.psp_account, self.alias.psp_alias)


@dataclass(frozen=True, slots=True)
class UnavailableSource:
    """A source of aliases that did not answer in time."""

    source: str
    """The account, or `back_office`."""
    reason: str
    """Why, in a few words."""


@dataclass(frozen=True, slots=True)
class AliasList:
    """A shopper's aliases, as far as their sources answered."""

    aliases: Sequence[ShopperAlias] = ()
    """The one default first; a card that was moved from one PSP to another is in it once."""
    unavailable_sources: Sequence[UnavailableSource] = ()


@dataclass(frozen=True, slots=True)
class StartedSetup:
    """A method that the shopper is about to save."""

    psp_account: str
    psp_reference: str
    next_action: NextAction | None
