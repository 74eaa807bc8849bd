"""Watching calls to any PSP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import nullcontext
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import structlog.testing

from psp.errors import (
    InvalidEventError,
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from psp.observed import ObservedProvider, PspCall
from psp.port import (
    AliasSetup,
    CancelPayment,
    Capability,
    CapturePayment,
    CreatePayment,
    CustomerProfile,
    FailureCategory,
    NextAction,
    NextActionKind,
    PaymentMethod,
    PaymentServiceProvider,
    PspAlias,
    PspEvent,
    PspEventSubject,
    PspFailure,
    PspPayment,
    PspRefund,
    PspStatus,
    RefundPayment,
    RefundStatus,
    ReviewStatus,
)
from psp.settlements import (
    ReportState,
    SettlementCategory,
    SettlementEntry,
    SettlementPeriod,
    SettlementReport,
)
from tests.unit.psp.stripe.support import create_request

_PAID = PspPayment(
    "pi_1",
    PspStatus.CAPTURED,
    "succeeded",
    "EUR",
    1234,
    next_action=NextAction(NextActionKind.CONFIRM, client_secret="topsecret"),
)
_DECLINED = PspPayment(
    "pi_1",
    PspStatus.AWAITING_CUSTOMER,
    "requires_payment_method",
    "EUR",
    1234,
    failure=PspFailure(FailureCategory.DECLINED, "generic_decline", "Declined.", retryable=True),
)
_MOMENT = datetime.fromtimestamp(0, UTC)
_REFUND = PspRefund("re_1", "pi_1", RefundStatus.SUCCEEDED, "succeeded", "EUR", 34)

_REPORT = SettlementReport("report-1", ReportState.READY)
_ENTRY = SettlementEntry("txn_1", SettlementCategory.CHARGE, "charge", _MOMENT, "EUR", 34, 1, 33)


class _Scripted:
    """A PSP that answers every call with one payment or one exception."""

    account = "stripe_fr"
    capabilities = frozenset({Capability.CAPTURE})
    idempotency_lifetime_s = 60.0

    def __init__(
        self, answer: PspPayment | BaseException = _PAID, refund: PspRefund = _REFUND
    ) -> None:
        self._answer = answer
        self._refund = refund
        self.closed = False

    def _payment(self) -> PspPayment:
        if isinstance(self._answer, BaseException):
            raise self._answer
        return self._answer

    async def create_customer(self, profile: CustomerProfile, idempotency_key: str) -> str:
        return self._payment().psp_reference

    async def update_customer(
        self, psp_customer: str, profile: CustomerProfile, idempotency_key: str
    ) -> None:
        self._payment()

    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        self._payment()
        return ()

    async def start_alias_setup(
        self, psp_customer: str, method: PaymentMethod, return_url: str, idempotency_key: str
    ) -> AliasSetup:
        payment = self._payment()
        return AliasSetup(payment.psp_reference, payment.next_action)

    async def set_default_alias(
        self, psp_customer: str, psp_alias: str, idempotency_key: str
    ) -> None:
        self._payment()

    async def delete_alias(self, psp_customer: str, psp_alias: str, idempotency_key: str) -> None:
        self._payment()

    async def create_payment(self, request: CreatePayment) -> PspPayment:
        return self._payment()

    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        return self._payment()

    async def next_action(self, request: CreatePayment, psp_reference: str) -> NextAction | None:
        return self._payment().next_action

    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        return self._payment()

    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        return self._payment()

    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        return self._payment()

    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        self._payment()
        return self._refund

    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        self._payment()
        return (self._refund,)

    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        return self._payment().review

    async def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        self._payment()
        yield PspEvent("evt_1", "payment.changed", PspEventSubject.PAYMENT, "pi_1", "", since)

    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        self._payment()
        return _REPORT

    async def retrieve_settlement_report(self, reference: str) -> SettlementReport:
        self._payment()
        return _REPORT

    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        self._payment()
        yield _ENTRY

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        self._payment()
        raise InvalidEventError("forged")

    async def close(self) -> None:
        self.closed = True


def _observed(answer: PspPayment | BaseException = _PAID) -> tuple[ObservedProvider, list[PspCall]]:
    calls: list[PspCall] = []
    return ObservedProvider(_Scripted(answer), calls.append), calls


async def test_it_is_a_provider_like_the_one_it_wraps() -> None:
    """The wrapper passes on what it wraps."""
    inner = _Scripted()
    provider: PaymentServiceProvider = ObservedProvider(inner)

    assert (inner.account, inner.capabilities, inner.idempotency_lifetime_s) == (
        provider.account,
        provider.capabilities,
        provider.idempotency_lifetime_s,
    )
    assert await provider.retrieve_payment("pi_1") is _PAID
    await provider.close()
    assert inner.closed


async def test_a_call_is_logged_without_its_content() -> None:
    """One line and one measurement a call, with no argument and no answer."""
    provider, calls = _observed()

    with structlog.testing.capture_logs() as lines:
        await provider.create_payment(create_request(idempotency_key="topsecret"))

    (call,), (line,) = calls, lines
    assert (call.account, call.operation, call.outcome) == ("stripe_fr", "create_payment", "ok")
    assert call.duration_ms >= 0
    assert (line["event"], line["log_level"], line["outcome"]) == ("psp_call", "debug", "ok")
    assert "topsecret" not in str(line)


@pytest.mark.parametrize(
    "error,outcome",
    [
        (NotSentError("a", "d"), "not_sent"),
        (RejectedError("a", "d", "code"), "rejected"),
        (NotFoundError("a", "d"), "not_found"),
        (OutcomeUnknownError("a", "d", request_reference="req_1"), "outcome_unknown"),
        (RateLimitedError("a", "d"), "rate_limited"),
        (UnavailableError("a", "d"), "unavailable"),
        (MisconfiguredError("a", "d"), "misconfigured"),
        (asyncio.CancelledError(), "cancelled"),
        (ZeroDivisionError(), "crashed"),
    ],
)
async def test_an_error_is_named_and_passed_on(error: BaseException, outcome: str) -> None:
    """Every error reaches the caller unchanged, and the observer by its name."""
    provider, calls = _observed(error)

    with pytest.raises(type(error)) as caught:
        await provider.retrieve_payment("pi_1")

    assert caught.value is error
    assert [outcome] == [call.outcome for call in calls]
    if isinstance(error, PspError):
        assert (error.code, error.request_reference) == (
            calls[0].code,
            calls[0].request_reference,
        )


async def test_a_decline_is_an_outcome_of_its_own() -> None:
    """A decline is no error, yet not the same as success."""
    provider, calls = _observed(_DECLINED)

    await provider.create_payment(create_request())

    assert [(call.outcome, call.code) for call in calls] == [("declined", "generic_decline")]


async def test_an_old_decline_that_is_read_again_is_none_of_this_call() -> None:
    """A read that shows it, and a cancelation, went well."""
    provider, calls = _observed(_DECLINED)

    await provider.retrieve_payment("pi_1")
    await provider.cancel_payment(CancelPayment("pi_1", "k"))
    await provider.capture_payment(CapturePayment("pi_1", create_request().amount, "k"))

    assert [call.outcome for call in calls] == ["ok", "ok", "declined"]


async def test_a_refund_that_failed_is_told_like_a_decline() -> None:
    """With the PSP's code; a refund that is well is an `ok`."""
    calls: list[PspCall] = []
    failed = replace(_REFUND, status=RefundStatus.FAILED, failure=_DECLINED.failure)
    order = RefundPayment("ref_1", "pi_1", create_request().amount, "k")

    for refund in (failed, _REFUND):
        await ObservedProvider(_Scripted(refund=refund), calls.append).refund_payment(order)

    assert [(call.outcome, call.code) for call in calls] == [
        ("declined", "generic_decline"),
        ("ok", ""),
    ]


@pytest.mark.parametrize(
    "error,outcome", [(None, "ok"), (UnavailableError("a", "d"), "unavailable")]
)
async def test_a_list_of_events_is_one_call(error: PspError | None, outcome: str) -> None:
    """However many it brings, and however it ends."""
    provider, calls = _observed(error or _PAID)

    with pytest.raises(UnavailableError) if error else nullcontext():
        listed = [each async for each in provider.list_events(_MOMENT)]
        assert [each.event_id for each in listed] == ["evt_1"]

    assert [(call.operation, call.outcome) for call in calls] == [("list_events", outcome)]


async def test_every_method_is_watched() -> None:
    """No method of the port goes unobserved."""
    provider, calls = _observed()
    profile, moment = CustomerProfile("shopper-1"), _MOMENT

    await provider.create_customer(profile, "k")
    await provider.update_customer("cus_1", profile, "k")
    await provider.list_aliases("cus_1")
    await provider.start_alias_setup("cus_1", PaymentMethod.CARD, "", "k")
    await provider.set_default_alias("cus_1", "pm_1", "k")
    await provider.delete_alias("cus_1", "pm_1", "k")
    await provider.create_payment(create_request())
    await provider.retrieve_payment("pi_1")
    await provider.next_action(create_request(), "pi_1")
    await provider.find_payment("pay_1", moment, moment)
    await provider.capture_payment(CapturePayment("pi_1", create_request().amount, "k"))
    await provider.cancel_payment(CancelPayment("pi_1", "k"))
    await provider.refund_payment(RefundPayment("ref_1", "pi_1", create_request().amount, "k"))
    await provider.list_refunds("pi_1")
    await provider.retrieve_review("prv_1")
    assert [event.event_id async for event in provider.list_events(moment)] == ["evt_1"]
    day = SettlementPeriod(moment.date(), moment.date())
    assert await provider.start_settlement_report(day, "k") is _REPORT
    assert await provider.retrieve_settlement_report("report-1") is _REPORT
    assert [entry async for entry in provider.settlement_entries("report-1")] == [_ENTRY]
    with pytest.raises(InvalidEventError):
        provider.parse_event({}, b"")

    methods = {
        name
        for name in vars(PaymentServiceProvider)
        if not name.startswith("_") and callable(vars(PaymentServiceProvider)[name])
    }
    assert methods - {"close"} == {call.operation for call in calls}
    assert calls[-1].outcome == "invalid_event"
