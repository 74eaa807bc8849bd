"""One place that watches every call to any PSP: a log line and a measurement each."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from psp.around import ProviderAround
from psp.errors import InvalidEventError, PspError
from psp.port import PaymentServiceProvider, PspEvent, PspPayment, PspRefund

T = TypeVar("T")
_log = structlog.get_logger(__name__)
_WORD_START: Final = re.compile(r"(?<!^)(?=[A-Z])")
_MAY_BE_DECLINED: Final = frozenset({"create_payment", "capture_payment", "refund_payment"})
"""What asks for a decision; a failure in another's answer may be of an attempt long before."""


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

    def saw(self, answer: object) -> None:
        """Tell a decline, which is an answer and no error, from a success."""
        if isinstance(answer, PspPayment | PspRefund) and answer.failure is not None:
            self.outcome, self.code = "declined", answer.failure.code


class ObservedProvider(ProviderAround):
    """Any PSP, with each call logged at debug level and reported to `observer`.

    Arguments and answers are never logged: they hold client secrets and personal data.
    """

    def __init__(self, inner: PaymentServiceProvider, observer: Observer = _ignore) -> None:
        super().__init__(inner)
        self._observer = observer

    def parse_event(self, headers: Mapping[str, str], body: bytes) -> PspEvent:
        """See the port."""
        with self._watched("parse_event"):
            return self._inner.parse_event(headers, body)

    async def _call(self, operation: str, call: Callable[[], Awaitable[T]]) -> T:
        with self._watched(operation) as watch:
            answer = await call()
            if operation in _MAY_BE_DECLINED:
                watch.saw(answer)
            return answer

    async def _stream(
        self, operation: str, begin: Callable[[], AsyncIterator[T]]
    ) -> AsyncIterator[T]:
        with self._watched(operation):
            async for each in begin():
                yield each

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
