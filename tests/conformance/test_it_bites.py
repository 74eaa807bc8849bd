"""The suite notices: adapters with one fault each, and the scenario that finds it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import uuid4

import pytest

from psp.conformance import SCENARIOS, ConformanceError, Scenario
from psp.errors import OutcomeUnknownError, PspError, RejectedError, ReportUnreadableError
from psp.port import (
    CancelPayment,
    CapturePayment,
    CreatePayment,
    PspAlias,
    PspEvent,
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
from psp.stripe.provider import StripeProvider
from tests.conformance.benches.stripe import stripe_bench
from tests.conformance.benches.third import third_bench
from tests.support.third_psp.provider import ThirdProvider
from tests.support.third_psp.reading import read_event, signature


class _RaisesDeclines(ThirdProvider):
    async def create_payment(self, request: CreatePayment) -> PspPayment:
        payment = await super().create_payment(request)
        if payment.failure:
            raise RejectedError(self.account, "declined")
        return payment


class _TakesTheUnknownForFailed(ThirdProvider):
    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        payment = await super().retrieve_payment(psp_reference)
        is_unknown = payment.status is PspStatus.UNKNOWN
        return replace(payment, status=PspStatus.FAILED) if is_unknown else payment


class _TakesSilenceForNo(ThirdProvider):
    async def create_payment(self, request: CreatePayment) -> PspPayment:
        try:
            return await super().create_payment(request)
        except OutcomeUnknownError as error:
            raise RejectedError(self.account, "no answer") from error


class _NeverFinds(ThirdProvider):
    async def find_payment(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        return None


class _CapturesWhatThereIs(ThirdProvider):
    async def capture_payment(self, request: CapturePayment) -> PspPayment:
        known = await self.retrieve_payment(request.psp_reference)
        amount = request.amount.with_amount(known.authorized_minor)
        return await super().capture_payment(replace(request, amount=amount))


class _CancelsOnPaper(ThirdProvider):
    async def cancel_payment(self, request: CancelPayment) -> PspPayment:
        known = await self.retrieve_payment(request.psp_reference)
        return replace(known, status=PspStatus.CANCELED)


class _BelievesAnybody(ThirdProvider):
    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        return read_event({"X-Signature": signature(body, "any")}, body, "any")


class _NumbersEventsItself(ThirdProvider):
    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        return replace(super().parse_event(headers, body), event_id=str(uuid4()))


class _HasHalfAList(ThirdProvider):
    async def list_aliases(self, psp_customer: str) -> tuple[PspAlias, ...]:
        return ()


class _ForgetsKnownRefunds(ThirdProvider):
    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        return await super().refund_payment(replace(request, known_references=frozenset()))


class _RefundsAgain(ThirdProvider):
    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        listed = await self.list_refunds(request.psp_reference)
        every = frozenset(refund.psp_reference for refund in listed)
        return await super().refund_payment(replace(request, known_references=every))


class _RefundsWhatIsLeft(ThirdProvider):
    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        known = await self.retrieve_payment(request.psp_reference)
        left = known.captured_minor - known.refunded_minor
        amount = request.amount.with_amount(min(left, request.amount.amount_minor))
        return await super().refund_payment(replace(request, amount=amount))


class _TakesAcceptedForDone(ThirdProvider):
    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        refund = await super().refund_payment(request)
        return replace(refund, status=RefundStatus.SUCCEEDED)


class _TakesSilenceOfARefundForNo(ThirdProvider):
    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        try:
            return await super().refund_payment(request)
        except OutcomeUnknownError as error:
            raise RejectedError(self.account, "no answer") from error


class _ListsOurIdByGuess(ThirdProvider):
    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        refund = await super().refund_payment(request)
        return replace(refund, refund_id=request.refund_id)


class _TakesADoubtfulRefundForFailed(ThirdProvider):
    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        listed = await super().list_refunds(psp_reference)
        in_doubt, failed = RefundStatus.UNKNOWN, RefundStatus.FAILED
        return tuple(
            replace(each, status=failed) if each.status is in_doubt else each for each in listed
        )


class _RefundsOnPaper(ThirdProvider):
    async def refund_payment(self, request: RefundPayment) -> PspRefund:
        amount = request.amount
        done = RefundStatus.SUCCEEDED
        reference = f"{request.psp_reference}/1"
        return PspRefund(
            reference, request.psp_reference, done, "", amount.currency, amount.amount_minor
        )


class _NamesTheRefund(ThirdProvider):
    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        event = super().parse_event(headers, body)
        is_refund = event.event_type.startswith("refund")
        return replace(event, psp_reference=event.event_id) if is_refund else event


class _CountsReturnedMoney(ThirdProvider):
    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        payment = await super().retrieve_payment(psp_reference)
        refunds = await self.list_refunds(psp_reference)
        return replace(payment, refunded_minor=sum(each.amount_minor for each in refunds))


class _Tells(ThirdProvider):
    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        try:
            return await super().retrieve_payment(psp_reference)
        except PspError as error:
            key = self._caller._config.api_key.get_secret_value()  # noqa: SLF001 - the fault itself
            error.__context__ = ValueError(f"Bearer {key}")
            raise


class _KeepsNoRefundId(StripeProvider):
    async def list_refunds(self, psp_reference: str) -> tuple[PspRefund, ...]:
        listed = await super().list_refunds(psp_reference)
        return tuple(replace(refund, refund_id="") for refund in listed)


class _ListsTheNewestFirst(StripeProvider):
    async def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        listed = [event async for event in super().list_events(since)]
        for event in reversed(listed):
            yield event


class _ListsPaymentsOnly(StripeProvider):
    async def list_events(self, since: datetime) -> AsyncIterator[PspEvent]:
        async for event in super().list_events(since):
            if event.event_type.startswith("payment_intent."):
                yield event


class _ReadsReviewsFromOpenOnes(StripeProvider):
    async def retrieve_review(self, review_reference: str) -> ReviewStatus:
        review = await super().retrieve_review(review_reference)
        return review if review is ReviewStatus.OPEN else ReviewStatus.NONE


class _ReportsADayThatIsNotOver(StripeProvider):
    async def start_settlement_report(
        self, period: SettlementPeriod, idempotency_key: str
    ) -> SettlementReport:
        report = await super().start_settlement_report(period, idempotency_key)
        is_early = report.state is ReportState.NOT_YET
        return SettlementReport("of_today", ReportState.READY) if is_early else report


class _TakesACutReportForAShortOne(StripeProvider):
    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        with suppress(ReportUnreadableError):
            async for entry in super().settlement_entries(reference):
                yield entry


class _NumbersLinesItself(StripeProvider):
    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        async for entry in super().settlement_entries(reference):
            yield replace(entry, entry_id=str(uuid4()))


class _LosesFees(StripeProvider):
    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        async for entry in super().settlement_entries(reference):
            yield replace(entry, fee_minor=0, net_minor=entry.gross_minor)


class _NamesNoRefund(StripeProvider):
    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        async for entry in super().settlement_entries(reference):
            yield replace(entry, refund_reference="")


class _TakesAReturnForNothing(StripeProvider):
    async def settlement_entries(self, reference: str) -> AsyncIterator[SettlementEntry]:
        async for entry in super().settlement_entries(reference):
            if entry.category is not SettlementCategory.REFUND_FAILURE:
                yield entry


_FAULTS: Final[Mapping[type[ThirdProvider], str]] = {
    _RaisesDeclines: "declined_charge",
    _TakesTheUnknownForFailed: "uncertain_payment",
    _TakesSilenceForNo: "silent_create_found",
    _NeverFinds: "found_by_our_reference",
    _CapturesWhatThereIs: "capture_too_much",
    _CancelsOnPaper: "cancel_authorised",
    _BelievesAnybody: "forged_event",
    _NumbersEventsItself: "repeated_event_is_one",
    _HasHalfAList: "undeclared_calls",
    _ForgetsKnownRefunds: "equal_refund_is_another",
    _RefundsAgain: "refund_repeated",
    _RefundsWhatIsLeft: "refund_too_much",
    _TakesAcceptedForDone: "refund_pending",
    _TakesSilenceOfARefundForNo: "silent_refund",
    _ListsOurIdByGuess: "silent_refund",
    _TakesADoubtfulRefundForFailed: "refund_in_doubt",
    _RefundsOnPaper: "refund_whole",
    _NamesTheRefund: "refund_event_names_its_payment",
    _CountsReturnedMoney: "refund_fails_later",
    _Tells: "no_secret_shown",
}


_STRIPE_FAULTS: Final[Mapping[type[StripeProvider], str]] = {
    _KeepsNoRefundId: "silent_refund",
    _ListsTheNewestFirst: "listed_events",
    _ListsPaymentsOnly: "listed_events",
    _ReadsReviewsFromOpenOnes: "review_read_after_its_end",
    _ReportsADayThatIsNotOver: "report_not_yet",
    _TakesACutReportForAShortOne: "report_cut_off",
    _NumbersLinesItself: "report_read_again",
    _LosesFees: "report_adds_up",
    _NamesNoRefund: "report_holds_the_day",
    _TakesAReturnForNothing: "report_of_a_returned_refund",
}
"""Of what the third PSP does not have."""


def _scenario(name: str) -> Scenario:
    (found,) = (scenario for scenario in SCENARIOS if scenario.name == name)
    return found


@pytest.mark.parametrize(
    "faulty,name", _FAULTS.items(), ids=[faulty.__name__.lstrip("_") for faulty in _FAULTS]
)
async def test_a_fault_is_found(faulty: type[ThirdProvider], name: str) -> None:
    """By the scenario that is there for it: it says so, or the error that must not be gets out."""
    async with third_bench(faulty) as bench:
        with pytest.raises((ConformanceError, PspError)):
            await _scenario(name).play(bench)


@pytest.mark.parametrize(
    "faulty,name",
    _STRIPE_FAULTS.items(),
    ids=[faulty.__name__.lstrip("_") for faulty in _STRIPE_FAULTS],
)
async def test_a_fault_at_stripe_is_found(faulty: type[StripeProvider], name: str) -> None:
    """As above."""
    async with stripe_bench(faulty) as bench:
        with pytest.raises(ConformanceError):
            await _scenario(name).play(bench)


@pytest.mark.parametrize("name", ["capture_twice", "capture_at_once_twice", "silent_capture"])
async def test_money_taken_twice_is_found(name: str) -> None:
    """An adapter that sends a capture again to a PSP that captures again."""
    async with third_bench(captures_again=True) as bench:
        with pytest.raises(ConformanceError):
            await _scenario(name).play(bench)
