"""One place that watches every call to any PSP: a log line and a measurement each."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from psp.errors import InvalidEventError, PspError
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

_log = structlog.get_logger(__name__)
_WORD_START: Final = re.compile(r"(?<!^)(?=[A-Z])")


@dataclass(frozen=True, slots=True)
class PspCall:
    """One finished call to a PSP."""

    account: str
    operation: str
    """The port's method, e.g. `create_payment`."""
    outcome: str
    """ok, declined, cancelled, crashed, or the error's name: `outcome_unknown`, `rejected`, ..."""
    duration_ms: float
    code: str = ""
    """The PSP's own code of a refusal or decline."""
    request_reference: str = ""
    """The PSP's id of the failing call."""


Observer = Callable[[PspCall], None]
"""Receives every finished call; it must not raise."""


def _ignore(_call: PspCall) -> None:
    """Observe nothing."""


def _outcome_name(error: PspError) -> str:
    return _WORD_START.sub("_", type(error).__name__.removesuffix("Error")).lower()


class _Watch:
    """What is learnt about a call while it runs."""

    def __init__(self) -> None:
        self.outcome = "crashed"  # unless the call ends in one of the ways below
        self.code = ""
        self.request_reference = ""

    def saw_payment(self, payment: PspPayment) -> PspPayment:
        if payment.failure is not None:
            self.outcome, self.code = "declined", payment.failure.code
        return payment

    def saw_refund(self, refund: PspRefund) -> PspRefund:
        if refund.failure is not None:
            self.outcome, self.code = "declined", refund.failure.code
        return refund


class ObservedProvider:
    """Any PSP, with each call logged at debug level and reported to `observer`.

    Arguments and answers are never logged: they hold client secrets and personal data.
    """

    def __init__(self, inner: PaymentServiceProvider, observer: Observer = _ignore) -> None:
        self._inner = inner
        self._observer = observer

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
        with self._watched("create_customer"):
            return await self._inner.create_customer(profile, idempotency_key)

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        """See the port."""
        with self._watched("update_customer"):
            await self._inner.update_customer(psp_customer, profile, idempotency_key)

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        """See the port."""
        with self._watched("list_aliases"):
            return await self._inner.list_aliases(psp_customer)

    async def start_alias_setup(
        self, psp_customer: str, method: PaymentMethod, return_url: str, idempotency_key: str
    ) -> AliasSetup:
        """See the port."""
        with self._watched("start_alias_setup"):
            return await self._inner.start_alias_setup(
                psp_customer, method, return_url, idempotency_key
            )

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        """See the port."""
        with self._watched("set_default_alias"):
            await self._inner.set_default_alias(psp_customer, psp_alias, idempotency_key)

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        """See the port."""
        with self._watched("delete_alias"):
            await self._inner.delete_alias(psp_customer, psp_alias, idempotency_key)

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        """See the port."""
        return await self._payment("create_payment", self._inner.create_payment(request))

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        """See the port."""
        with self._watched("retrieve_payment"):
            return await self._inner.retrieve_payment(psp_reference)

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        """See the port."""
        with self._watched("next_action"):
            return await self._inner.next_action(request, psp_reference)

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        """See the port."""
        with self._watched("find_payment"):
            return await self._inner.find_payment(payment_id, created_after, created_before)

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        """See the port."""
        return await self._payment("capture_payment", self._inner.capture_payment(request))

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        """See the port."""
        with self._watched("cancel_payment"):
            return await self._inner.cancel_payment(request)

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        """See the port."""
        with self._watched("refund_payment") as watch:
            return watch.saw_refund(await self._inner.refund_payment(request))

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        """See the port."""
        with self._watched("list_refunds"):
            return await self._inner.list_refunds(psp_reference)

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        """See the port."""
        with self._watched("retrieve_review"):
            return await self._inner.retrieve_review(review_reference)

    async def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        """See the port; one report for the whole list."""
        with self._watched("list_events"):
            async for event in self._inner.list_events(since):
                yield event

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        """See the port."""
        with self._watched("start_settlement_report"):
            return await self._inner.start_settlement_report(period, idempotency_key)

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        """See the port."""
        with self._watched("retrieve_settlement_report"):
            return await self._inner.retrieve_settlement_report(reference)

    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        """See the port; one report for the whole stream."""
        with self._watched("settlement_entries"):
            async for entry in self._inner.settlement_entries(reference):
                yield entry

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        """See the port."""
        with self._watched("parse_event"):
            return self._inner.parse_event(headers, body)

    async def close(self) -> None:
        """Release the wrapped adapter's connections."""
        await self._inner.close()

    async def _payment(self, operation: str, call: Awaitable[PspPayment]) -> PspPayment:
        with self._watched(operation) as watch:
            return watch.saw_payment(await call)

    @contextmanager
    def _watched(self, operation: str) -> Iterator[_Watch]:
        watch, started_s = _Watch(), time.perf_counter()
        try:
            yield watch
            if watch.outcome == "crashed":
                watch.outcome = "ok"
        except PspError as error:
            watch.outcome, watch.code = _outcome_name(error), error.code
            watch.request_reference = error.request_reference
            raise
        except InvalidEventError:
            watch.outcome = "invalid_event"
            raise
        except asyncio.CancelledError:
            watch.outcome = "cancelled"
            raise
        finally:
            self._report(operation, watch, (time.perf_counter() - started_s) * 1000)

    def _report(self, operation: str, watch: _Watch, duration_ms: float) -> None:
        call = PspCall(
            account=self.account,
            operation=operation,
            outcome=watch.outcome,
            duration_ms=round(duration_ms, 3),
            code=watch.code,
            request_reference=watch.request_reference,
        )
        _log.debug(
            "psp_call",
            account=call.account,
            operation=call.operation,
            outcome=call.outcome,
            duration_ms=call.duration_ms,
            code=call.code,
            request_reference=call.request_reference,
        )
        self._observer(call)
