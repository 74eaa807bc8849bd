"""The third PSP as a payment service provider."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from typing import NoReturn
from urllib.parse import quote

import aiohttp

from psp.errors import NotFoundError, RejectedError
from psp.port import (
    AliasSetup,
    CancelPayment,
    Capability,
    CapturePayment,
    CapturePolicy,
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
from tests.support.third_psp.client import ThirdCaller
from tests.support.third_psp.config import ThirdAccountConfig
from tests.support.third_psp.reading import read_event, read_payment, read_refunds
from tests.support.third_psp.traits import CAPABILITIES, IDEMPOTENCY_LIFETIME_S


class ThirdProvider:
    """One account behind `psp.port.PaymentServiceProvider`."""

    def __init__(
        self,
        account: str,
        config: ThirdAccountConfig,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._caller = ThirdCaller(account, config, session)
        self._webhook_secret = config.webhook_secret

    @property
    def account(self) -> str:
        return self._caller.account

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES

    @property
    def idempotency_lifetime_s(self) -> float:
        return IDEMPOTENCY_LIFETIME_S

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        self._refuse(Capability.CUSTOMERS)

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        self._refuse(Capability.CUSTOMERS)

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        self._refuse(Capability.ALIASES)

    async def start_alias_setup(
        self, psp_customer: str, method: PaymentMethod, return_url: str, idempotency_key: str
    ) -> AliasSetup:
        self._refuse(Capability.ALIASES)

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        self._refuse(Capability.ALIASES)

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        self._refuse(Capability.ALIASES)

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        body: dict[str, object] = {
            "amount": request.amount.amount_minor,
            "currency": request.amount.currency,
            "sale": request.capture_policy is CapturePolicy.AUTOMATIC,
            "token": request.psp_alias,
        }
        return read_payment(await self._caller.call("POST", _path(request.payment_id), body))

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        return read_payment(await self._caller.call("GET", _path(psp_reference)))

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        return (await self.retrieve_payment(psp_reference)).next_action

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        try:
            return await self.retrieve_payment(payment_id)
        except NotFoundError:
            return None

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        body: dict[str, object] = {"amount": request.amount.amount_minor}
        path = f"{_path(request.psp_reference)}/capture"
        return read_payment(await self._caller.call("POST", path, body))

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        path = f"{_path(request.psp_reference)}/cancel"
        return read_payment(await self._caller.call("POST", path))

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        body: dict[str, object] = {"amount": request.amount.amount_minor}
        path = f"{_path(request.psp_reference)}/refund"
        done = await self._refund_done(request)
        if done is not None:
            return done
        try:
            return read_refunds(await self._caller.call("POST", path, body))[-1]
        except RejectedError:
            # Refused, perhaps because the same was asked for at the same moment.
            done = await self._refund_done(request)
            if done is None:
                raise
            return done

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        return read_refunds(await self._caller.call("GET", _path(psp_reference)))

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        self._refuse(Capability.REVIEWS)

    def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        self._refuse(Capability.LIST_EVENTS)

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        self._refuse(Capability.SETTLEMENTS)

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        self._refuse(Capability.SETTLEMENTS)

    def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        self._refuse(Capability.SETTLEMENTS)

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        return read_event(headers, body, self._webhook_secret.get_secret_value())

    async def close(self) -> None:
        await self._caller.close()

    async def _refund_done(self, request: RefundPayment) -> PspRefund | None:
        """Return this very refund, if it was made before: there are no keys to tell."""
        for refund in await self.list_refunds(request.psp_reference):
            is_other = refund.psp_reference in request.known_references
            if refund.amount_minor == request.amount.amount_minor and not is_other:
                return refund
        return None

    def _refuse(self, lacking: Capability) -> NoReturn:
        raise RejectedError(self.account, f"there are no {lacking} here", "not_supported")


def _path(reference: str) -> str:
    return f"/payments/{quote(reference, safe='')}"
