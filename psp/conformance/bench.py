"""What a scenario plays with: an adapter, the PSP behind it, and a shopper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Protocol

from psp.port import NextAction, PaymentServiceProvider, PspRefund, ReviewStatus


class Card(StrEnum):
    """What becomes of an attempt to pay. Each bench knows a test card of its PSP for it."""

    SUCCEEDS = "succeeds"
    DECLINED = "declined"
    THREE_D_SECURE = "three_d_secure"
    """The bank asks, and the shopper confirms."""
    THREE_D_SECURE_REFUSED = "three_d_secure_refused"
    """The bank asks, and the shopper does not confirm."""
    UNCERTAIN = "uncertain"
    """Paid, but for now the PSP says nothing that we understand; see `Bench.settle_offline`."""
    REVIEWED = "reviewed"
    """Paid, and a fraud review opens. Only for a PSP that has `Capability.REVIEWS`."""
    REFUNDED_LATER = "refunded_later"
    """Paid; a refund is accepted, and pending until `Bench.settle_offline`."""


class Silenced(StrEnum):
    """The change whose answer is lost after the PSP acted."""

    CREATE = "create"
    """The creation of a charge without the shopper: the one that every PSP is called for."""
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Webhook:
    """One webhook or notification as it was received."""

    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Books:
    """What the sandbox itself did under one of our payment ids, whatever the adapter says."""

    authorizations: int
    """Attempts that the shopper's bank agreed to; a sale counts."""
    captures: int
    """Times that money was taken; what is under way counts."""
    taken_minor: int
    """What was taken in all, as it will end."""
    refunds: int = 0
    """Times that money was given back; what is under way counts, what failed does not."""
    refunded_minor: int = 0
    """What was given back in all, as it will end."""


class Bench(Protocol):
    """One account at one PSP's sandbox, new for each scenario."""

    @property
    def provider(self) -> PaymentServiceProvider:
        """The adapter. It gives up at the first failure: what follows is the scenario's."""

    @property
    def secrets(self) -> tuple[str, ...]:
        """Every secret that the adapter was configured with."""

    @property
    def keeps_refund_ids(self) -> bool:
        """Whether the PSP keeps our id with a refund, and shows it in its list."""

    def saved_card(self, card: Card) -> str:
        """Return an alias that can be charged without the shopper: succeeds, or is declined."""

    async def pay(self, step: NextAction, card: Card = Card.SUCCEEDS) -> None:
        """Play the shopper: do what a payment's `next_action` says, or a set-up's, with a card."""

    async def events(self, *, copies: int = 1, backwards: bool = False) -> tuple[Webhook, ...]:
        """Let the PSP deliver what it has to tell since the last call, and return it as received.

        Each so many times, the newest first if `backwards`.
        """

    def silence(self, what: Silenced) -> None:
        """Let the next answer to such a change get lost after the PSP acted."""

    async def settle_offline(self) -> None:
        """Let the PSP end what it carries out later, and learn what it was not certain of.

        At a PSP that lists its events time passes as well, a second at least.
        """

    async def fail_refund(self, refund: PspRefund) -> None:
        """Let the shopper's bank send a refund back that had succeeded."""

    async def doubt_refund(self, refund: PspRefund) -> None:
        """Let the PSP say nothing of a refund that we understand."""

    async def close_review(self, review_reference: str, status: ReviewStatus) -> None:
        """Let a person approve or reject. Only for a PSP that has `Capability.REVIEWS`."""

    def today(self) -> date:
        """Return the day it is in the PSP's books, in UTC. Needs `Capability.SETTLEMENTS`."""

    async def end_day(self) -> None:
        """Let the day end, and its report be had. Needs `Capability.SETTLEMENTS`."""

    def cut_report(self) -> None:
        """Let reports break off in the middle from now on. Needs `Capability.SETTLEMENTS`."""

    def books(self, payment_id: str) -> Books:
        """Return what the sandbox did for a payment of ours."""

    def wrong_credentials(self) -> PaymentServiceProvider:
        """Return the same adapter with a wrong key and wrong webhook secrets."""
