"""A proposal: what checkout may offer one shopper for one sale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.aliases.values import ShopperAlias, UnavailableSource
from gateway.domain.routing import MethodOffer
from psp.money import Money
from psp.port import CapturePolicy


@dataclass(frozen=True, slots=True)
class ProposalQuery:
    """See `paygate.v1.GetPaymentProposalRequest`."""

    country_code: str
    amount: Money
    customer_id: str = ""
    """Empty for a guest, who has no aliases."""
    order_id: str = ""


@dataclass(frozen=True, slots=True)
class Proposal:
    """What to offer, in the order to show it."""

    methods: Sequence[MethodOffer]
    aliases: Sequence[ShopperAlias]
    """The shopper's default first; only what can be charged for this sale."""
    unavailable_sources: Sequence[UnavailableSource]
    capture_policy: CapturePolicy
