"""Stripe as a payment service provider: the port's methods, each in its own module."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime

import aiohttp

from psp.port import (
    AliasSetup,
    CancelPayment,
    Capability,
    CapturePayment,
    CreatePayment,
    CustomerProfile,
    NextAction,
    PaymentMethod,
    PspAlias,
    PspEvent,
    PspPayment,
    PspRefund,
    RefundPayment,
    ReviewStatus,
)
from psp.settlements import SettlementEntry, SettlementPeriod, SettlementReport
from psp.stripe.aliases import StripeAliases
from psp.stripe.client import StripeCaller
from psp.stripe.config import StripeAccountConfig
from psp.stripe.customers import StripeCustomers
from psp.stripe.event_list import StripeEventList
from psp.stripe.events import StripeEvents
from psp.stripe.payments import StripePayments
from psp.stripe.refunds import StripeRefunds
from psp.stripe.reviews import StripeReviews
from psp.stripe.settlements import StripeSettlements
from psp.stripe.traits import CAPABILITIES, IDEMPOTENCY_LIFETIME_S


class StripeProvider:
    """One Stripe account behind `psp.port.PaymentServiceProvider`.

    `session` may be shared by many accounts and is never closed here; without one, the adapter
    opens its own and `close` closes it. `clock` tells Unix time. Raises `MisconfiguredError` if
    `STRIPE_LOG=debug`.
    """

    def __init__(
        self,
        account: str,
        config: StripeAccountConfig,
        session: aiohttp.ClientSession | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._caller = StripeCaller(account, config, session)
        self._customers = StripeCustomers(self._caller)
        self._aliases = StripeAliases(self._caller)
        self._payments = StripePayments(self._caller)
        self._refunds = StripeRefunds(self._caller)
        self._reviews = StripeReviews(self._caller)
        self._events = StripeEvents(config)
        self._event_list = StripeEventList(self._caller, clock)
        self._settlements = StripeSettlements(self._caller, config, clock)

    @property
    def account(self) -> str:
        """Our name of the account."""
        return self._account

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What this adapter can do."""
        return CAPABILITIES

    @property
    def idempotency_lifetime_s(self) -> float:
        """Seconds for which a key may be sent again."""
        return IDEMPOTENCY_LIFETIME_S

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        """See `StripeCustomers.create`."""
        return await self._customers.create(profile, idempotency_key)

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        """See `StripeCustomers.update`."""
        await self._customers.update(psp_customer, profile, idempotency_key)

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        """See `StripeAliases.shown`."""
        return await self._aliases.shown(psp_customer)

    async def start_alias_setup(
        self,
        psp_customer: str,
        method: PaymentMethod,
        return_url: str,  # noqa: ARG002 - the page itself tells Stripe.js where to come back to
        idempotency_key: str,
    ) -> AliasSetup:
        """See `StripeAliases.start_setup`."""
        return await self._aliases.start_setup(psp_customer, method, idempotency_key)

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        """See `StripeAliases.set_default`."""
        await self._aliases.set_default(psp_customer, psp_alias, idempotency_key)

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:  # noqa: ARG002 - Stripe finds a method by its own id
        """See `StripeAliases.detach`."""
        await self._aliases.detach(psp_alias, idempotency_key)

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        """See `StripePayments.create`."""
        return await self._payments.create(request)

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        """See `StripePayments.retrieve`."""
        return await self._payments.retrieve(psp_reference)

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:  # noqa: ARG002 - Stripe keeps what other PSPs are told again
        """Ask Stripe: the client secret is kept nowhere else."""
        return (await self._payments.retrieve(psp_reference)).next_action

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        """See `StripePayments.find`."""
        return await self._payments.find(payment_id, created_after, created_before)

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        """See `StripePayments.capture`."""
        return await self._payments.capture(request)

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        """See `StripePayments.cancel`."""
        return await self._payments.cancel(request)

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        """See `StripeRefunds.refund`."""
        return await self._refunds.refund(request)

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        """See `StripeRefunds.of_payment`."""
        return await self._refunds.of_payment(psp_reference)

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        """See `StripeReviews.retrieve`."""
        return await self._reviews.retrieve(review_reference)

    def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        """See `StripeEventList.since`."""
        return self._event_list.since(since)

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        """See `StripeSettlements.start`."""
        return await self._settlements.start(period, idempotency_key)

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        """See `StripeSettlements.retrieve`."""
        return await self._settlements.retrieve(reference)

    def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """See `StripeSettlements.entries`."""
        return self._settlements.entries(reference)

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        """See `StripeEvents.parse`."""
        return self._events.parse(headers, body)

    async def close(self) -> None:
        """Release connections."""
        await self._caller.close()
