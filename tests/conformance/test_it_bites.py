"""The suite notices: adapters with one fault each, and the scenario that finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Final
from uuid import uuid4

import pytest

from psp.conformance import SCENARIOS, ConformanceError, Scenario
from psp.errors import OutcomeUnknownError, PspError, RejectedError
from psp.port import (
    CancelPayment,
    CapturePayment,
    CreatePayment,
    PspAlias,
    PspEvent,
    PspPayment,
    PspStatus,
)
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


class _Tells(ThirdProvider):
    async def retrieve_payment(self, psp_reference: str) -> PspPayment:
        try:
            return await super().retrieve_payment(psp_reference)
        except PspError as error:
            key = self._caller._config.api_key.get_secret_value()  # noqa: SLF001 - the fault itself
            error.__context__ = ValueError(f"Bearer {key}")
            raise


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
    _Tells: "no_secret_shown",
}


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


@pytest.mark.parametrize("name", ["capture_twice", "capture_at_once_twice", "silent_capture"])
async def test_money_taken_twice_is_found(name: str) -> None:
    """An adapter that sends a capture again to a PSP that captures again."""
    async with third_bench(captures_again=True) as bench:
        with pytest.raises(ConformanceError):
            await _scenario(name).play(bench)
