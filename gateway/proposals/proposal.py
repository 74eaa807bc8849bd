"""A proposal: what checkout may offer one shopper for one sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.routing import MethodOffer
from psp.money import Money
from psp.port import CapturePolicy, PspAlias


@dataclass(frozen=True, slots=True)
class ProposalQuery:
    """See `paygate.v1.GetPaymentProposalRequest`."""

    country_code: str
    amount: Money
    customer_id: str = ""
    """Empty for a guest, who has no aliases."""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class ShopperAlias:
    """A saved method with the account that keeps it."""

    id: str
    """What callers give to CreatePayment, see `gateway.domain.aliases`."""
    psp_account: str
    alias: PspAlias


@dataclass(frozen=True, slots=True)
class UnavailableSource:
    """A source of aliases that did not answer in time."""

    source: str
    """The account, or `back_office`."""
    reason: str
    """Why, in a few words."""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to offer, in the order to show it."""

    methods: Sequence[MethodOffer]
    aliases: Sequence[ShopperAlias]
    """The shopper's default first; only of methods that are offered, at their own accounts."""
    unavailable_sources: Sequence[UnavailableSource]
    capture_policy: CapturePolicy
