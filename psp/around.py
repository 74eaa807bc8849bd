"""The port spelled out once, for whatever stands around every call to a PSP."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import datetime
from typing import TypeVar

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

T = TypeVar("T")


class ProviderAround(ABC):
    """Any PSP, with `_call` around each call and `_stream` around each stream.

    Not a subclass of the port: a method that is left out would then be inherited and do nothing.
    """

    def __init__(self, inner: PaymentServiceProvider) -> None:
        self._inner = inner

    @abstractmethod
    async def _call(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        """Return the answer of `call`, which begins only when called: it may be refused instead.

        `operation` is the port's method, e.g. `create_payment`.
        """

    @abstractmethod
    def _stream(self, operation: str, begin: Callable[[], AsyncIterator[T]]) -> AsyncIterator[T]:
        """Stream what `begin` does; the whole stream is one call."""

    @property
    def account(self) -> str:
        """Our name of the account."""
        return self._inner.account

    @property
    def capabilities(self) -> frozenset[Capability]:
        """What the wrapped adapter can do."""
        return self._inner.capabilities

    @property
    def idempotency_lifetime_s(self) -> float:
        """Seconds for which a key may be sent again."""
        return self._inner.idempotency_lifetime_s

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        """See the port."""
        return await self._call(
            "create_customer", lambda: self._inner.create_customer(profile, idempotency_key)
        )

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        """See the port."""
        await self._call(
            "update_customer",
            lambda: self._inner.update_customer(psp_customer, profile, idempotency_key),
        )

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        """See the port."""
        return await self._call("list_aliases", lambda: self._inner.list_aliases(psp_customer))

    async def start_alias_setup(
        self, psp_customer: str, method: PaymentMethod, return_url: str, idempotency_key: str
    ) -> AliasSetup:
        """See the port."""
        return await self._call(
            "start_alias_setup",
            lambda: self._inner.start_alias_setup(
                psp_customer, method, return_url, idempotency_key
            ),
        )

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        """See the port."""
        await self._call(
            "set_default_alias",
            lambda: self._inner.set_default_alias(psp_customer, psp_alias, idempotency_key),
        )

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        """See the port."""
        await self._call(
            "delete_alias",
            lambda: self._inner.delete_alias(psp_customer, psp_alias, idempotency_key),
        )

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        """See the port."""
        return await self._call("create_payment", lambda: self._inner.create_payment(request))

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        """See the port."""
        return await self._call(
            "retrieve_payment", lambda: self._inner.retrieve_payment(psp_reference)
        )

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        """See the port."""
        return await self._call(
            "next_action", lambda: self._inner.next_action(request, psp_reference)
        )

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        """See the port."""
        return await self._call(
            "find_payment",
            lambda: self._inner.find_payment(payment_id, created_after, created_before),
        )

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        """See the port."""
        return await self._call("capture_payment", lambda: self._inner.capture_payment(request))

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        """See the port."""
        return await self._call("cancel_payment", lambda: self._inner.cancel_payment(request))

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        """See the port."""
        return await self._call("refund_payment", lambda: self._inner.refund_payment(request))

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        """See the port."""
        return await self._call("list_refunds", lambda: self._inner.list_refunds(psp_reference))

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        """See the port."""
        return await self._call(
            "retrieve_review", lambda: self._inner.retrieve_review(review_reference)
        )

    def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        """See the port."""
        return self._stream("list_events", lambda: self._inner.list_events(since))

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        """See the port."""
        return await self._call(
            "start_settlement_report",
            lambda: self._inner.start_settlement_report(period, idempotency_key),
        )

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        """See the port."""
        return await self._call(
            "retrieve_settlement_report",
            lambda: self._inner.retrieve_settlement_report(reference),
        )

    def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """See the port."""
        return self._stream("settlement_entries", lambda: self._inner.settlement_entries(reference))

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        """See the port; nobody is called, so that nothing stands around it."""
        return self._inner.parse_event(headers, body)

    async def close(self) -> None:
        """Release the wrapped adapter's connections."""
        await self._inner.close()
