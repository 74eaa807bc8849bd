"""Any PSP, behind a guard: a bounded number of calls at once, none while the PSP is down."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime

from psp.guard import Guard
from psp.methods import MethodTraits
from psp.port import (
    AliasSetup,
    CancelPayment,
    Capability,
    CapturePayment,
    CreatePayment,
    CustomerProfile,
    NextAction,
    PaymentMethod,
    PaymentServiceProvider,
    PspAlias,
    PspEvent,
    PspPayment,
    PspRefund,
    RefundPayment,
    ReviewStatus,
)
from psp.settlements import SettlementEntry, SettlementPeriod, SettlementReport


class GuardedProvider:
    """Any PSP whose every call goes through `guard`: reads and changes alike.

    What a call needs nobody for is not held back. `methods` are the PSP's.
    """

    def __init__(
        self,
        inner: PaymentServiceProvider,
        guard: Guard,
        methods: Mapping[PaymentMethod, MethodTraits],
    ) -> None:
        self._inner = inner
        self._guard = guard
        self._methods = methods

    @property
    def account(self) -> str:
        """Our name of the account."""
        return self._inner.account

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the guarded adapter can do."""
        return self._inner.capabilities

    @property
    def idempotency_lifetime_s(self) -> float:
        """Seconds for which a key may be sent again."""
        return self._inner.idempotency_lifetime_s

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        """See the port."""
        async with self._guard.call():
            return await self._inner.create_customer(profile, idempotency_key)

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        """See the port."""
        async with self._guard.call():
            await self._inner.update_customer(psp_customer, profile, idempotency_key)

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        """See the port."""
        async with self._guard.call():
            return await self._inner.list_aliases(psp_customer)

    async def start_alias_setup(
        self, psp_customer: str, method: PaymentMethod, return_url: str, idempotency_key: str
    ) -> AliasSetup:
        """See the port."""
        async with self._guard.call():
            return await self._inner.start_alias_setup(
                psp_customer, method, return_url, idempotency_key
            )

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        """See the port."""
        async with self._guard.call():
            await self._inner.set_default_alias(psp_customer, psp_alias, idempotency_key)

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        """See the port."""
        async with self._guard.call():
            await self._inner.delete_alias(psp_customer, psp_alias, idempotency_key)

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        """See the port."""
        if self._calls_nobody(request):
            return await self._inner.create_payment(request)
        async with self._guard.call():
            return await self._inner.create_payment(request)

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        """See the port."""
        async with self._guard.call():
            return await self._inner.retrieve_payment(psp_reference)

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        """See the port."""
        if self._calls_nobody(request):
            return await self._inner.next_action(request, psp_reference)
        async with self._guard.call():
            return await self._inner.next_action(request, psp_reference)

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        """See the port."""
        async with self._guard.call():
            return await self._inner.find_payment(payment_id, created_after, created_before)

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        """See the port."""
        async with self._guard.call():
            return await self._inner.capture_payment(request)

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        """See the port."""
        async with self._guard.call():
            return await self._inner.cancel_payment(request)

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        """See the port."""
        async with self._guard.call():
            return await self._inner.refund_payment(request)

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        """See the port."""
        async with self._guard.call():
            return await self._inner.list_refunds(psp_reference)

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        """See the port."""
        async with self._guard.call():
            return await self._inner.retrieve_review(review_reference)

    async def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        """See the port; the whole list is one call."""
        async with self._guard.call():
            async for event in self._inner.list_events(since):
                yield event

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        """See the port."""
        async with self._guard.call():
            return await self._inner.start_settlement_report(period, idempotency_key)

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        """See the port."""
        async with self._guard.call():
            return await self._inner.retrieve_settlement_report(reference)

    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """See the port; the whole stream is one call."""
        async with self._guard.call():
            async for entry in self._inner.settlement_entries(reference):
                yield entry

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        """See the port; nobody is called."""
        return self._inner.parse_event(headers, body)

    async def close(self) -> None:
        """Release the guarded adapter's connections."""
        await self._inner.close()

    def _calls_nobody(self, request: CreatePayment) -> bool:
        traits = self._methods.get(request.method)
        return traits is not None and traits.begins_without_call and request.shopper_present
