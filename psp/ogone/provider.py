"""Ogone as a payment service provider: the port's methods, each in its own module."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime
from typing import NoReturn

import aiohttp

from psp.errors import RejectedError
from psp.ogone.client import OgoneCaller
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.events import OgoneEvents
from psp.ogone.maintenance import OgoneMaintenance
from psp.ogone.payments import OgonePayments
from psp.ogone.refunds import OgoneRefunds
from psp.ogone.settlements import OgoneSettlements
from psp.ogone.traits import CAPABILITIES, IDEMPOTENCY_LIFETIME_S
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


class OgoneProvider:
    """One PSPID behind `psp.port.PaymentServiceProvider`.

    `session` may be shared by many accounts and is never closed here; without one, the adapter
    opens its own and `close` closes it. `clock` tells Unix time. Idempotency keys are not sent:
    Ogone has none.
    """

    def __init__(
        self,
        account: str,
        config: OgoneAccountConfig,
        session: aiohttp.ClientSession | None = None,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._account = account
        self._caller = OgoneCaller(account, config, session)
        self._payments = OgonePayments(self._caller, config)
        self._maintenance = OgoneMaintenance(self._caller)
        self._refunds = OgoneRefunds(self._caller)
        self._events = OgoneEvents(config)
        self._settlements = OgoneSettlements(self._caller, clock)

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
        """Zero: nothing may be sent again."""
        return IDEMPOTENCY_LIFETIME_S

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:  # noqa: ARG002 - the port's signature
        """Refuse: Ogone keeps no customers."""
        self._refuse(Capability.CUSTOMERS)

    async def update_customer(
        self,
        psp_customer: str,  # noqa: ARG002 - the port's signature
        profile: CustomerProfile,  # noqa: ARG002 - as above
        idempotency_key: str,  # noqa: ARG002 - as above
    ) -> None:
        """Refuse: Ogone keeps no customers."""
        self._refuse(Capability.CUSTOMERS)

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:  # noqa: ARG002 - the port's signature
        """Refuse: Ogone lists no aliases, the back office keeps them."""
        self._refuse(Capability.ALIASES)

    async def start_alias_setup(
        self,
        psp_customer: str,  # noqa: ARG002 - the port's signature
        method: PaymentMethod,  # noqa: ARG002 - as above
        return_url: str,  # noqa: ARG002 - as above
        idempotency_key: str,  # noqa: ARG002 - as above
    ) -> AliasSetup:
        """Refuse: an alias is made with a payment, on Ogone's page."""
        self._refuse(Capability.ALIASES)

    async def set_default_alias(
        self,
        psp_customer: str,  # noqa: ARG002 - the port's signature
        psp_alias: str,  # noqa: ARG002 - as above
        idempotency_key: str,  # noqa: ARG002 - as above
    ) -> None:
        """Refuse: the back office keeps the aliases."""
        self._refuse(Capability.ALIASES)

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:  # noqa: ARG002 - the port's signature
        """Refuse: the back office keeps the aliases."""
        self._refuse(Capability.ALIASES)

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        """See `OgonePayments.create`."""
        return await self._payments.create(request)

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        """See `OgonePayments.retrieve`."""
        return await self._payments.retrieve(psp_reference)

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        """See `OgonePayments.next_action`."""
        return self._payments.next_action(request, psp_reference)

    async def find_payment(
        self,
        payment_id: str,
        created_after: datetime,  # noqa: ARG002 - asked by our reference, Ogone needs no window
        created_before: datetime,  # noqa: ARG002 - as above
    ) -> PspPayment | None:
        """See `OgonePayments.find`."""
        return await self._payments.find(payment_id)

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        """See `OgoneMaintenance.capture`."""
        return await self._maintenance.capture(request)

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        """See `OgoneMaintenance.cancel`."""
        return await self._maintenance.cancel(request)

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        """See `OgoneRefunds.refund`."""
        return await self._refunds.refund(request)

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        """See `OgoneRefunds.list`."""
        return await self._refunds.list(psp_reference)

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:  # noqa: ARG002 - the port's signature
        """Refuse: Ogone tells nobody of its reviews."""
        self._refuse(Capability.REVIEWS)

    def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:  # noqa: ARG002 - the port's signature
        """Refuse: a notification that did not come is nowhere to be read."""
        self._refuse(Capability.LIST_EVENTS)

    async def start_settlement_report(
        self,
        period: SettlementPeriod,
        idempotency_key: str,  # noqa: ARG002 - Ogone makes nothing that could be made twice
    ) -> SettlementReport:
        """See `OgoneSettlements.start`."""
        return await self._settlements.start(period)

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        """See `OgoneSettlements.retrieve`."""
        return await self._settlements.retrieve(reference)

    def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """See `OgoneSettlements.entries`."""
        return self._settlements.entries(reference)

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:  # noqa: ARG002 - Ogone signs the form, not its headers
        """See `OgoneEvents.parse`."""
        return self._events.parse(body)

    async def close(self) -> None:
        """Release connections."""
        await self._caller.close()

    def _refuse(self, lacking: Capability) -> NoReturn:
        detail = f"Ogone has no {lacking}: ask the account's capabilities first"
        raise RejectedError(self._account, detail, "not_supported")
