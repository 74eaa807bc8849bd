"""One place that watches every call to any PSP: a log line and a measurement each."""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

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


def outcome_of(error: BaseException) -> str:
    """Return the outcome of a call that raised this: see `PspCall.outcome`."""
    if isinstance(error, PspError | InvalidEventError):
        return _WORD_START.sub("_", type(error).__name__.removesuffix("Error")).lower()
    return "cancelled" if isinstance(error, asyncio.CancelledError) else "crashed"


class _Watch:
    """Watches one call, and reports it. A class and no generator: it is there for every call."""

    __slots__ = ("_account", "_code", "_observer", "_operation", "_outcome", "_started_s")

    def __init__(self, account: str, operation: str, observer: Observer) -> None:
        self._account = account
        self._operation = operation
        self._observer = observer
        self._outcome = "ok"
        self._code = ""

    def saw(self, answer: object) -> None:
        """Tell a decline, which is an answer and no error, from a success."""
        if isinstance(answer, PspPayment | PspRefund) and answer.failure is not None:
            self._outcome, self._code = "declined", answer.failure.code

    def __enter__(self) -> Self:
        self._started_s = time.perf_counter()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        duration_ms = (time.perf_counter() - self._started_s) * 1000
        psp_error = error if isinstance(error, PspError) else None
        call = PspCall(
            account=self._account,
            operation=self._operation,
            outcome=self._outcome if error is None else outcome_of(error),
            duration_ms=round(duration_ms, 3),
            code=self._code if psp_error is None else psp_error.code,
            request_reference="" if psp_error is None else psp_error.request_reference,
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

    def _watched(self, operation: str) -> _Watch:
        return _Watch(self.account, operation, self._observer)
