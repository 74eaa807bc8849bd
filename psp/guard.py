"""What stands before one account's calls: so many at once, and none while its PSP is down."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Final, Self

import structlog

from psp.breaker import Breaker, BreakerRules, BreakerState, Ending, ask, tell
from psp.errors import (
    AccountBusyError,
    BreakerOpenError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    UnavailableError,
)

_log = structlog.get_logger(__name__)
_FAILURES: Final = (NotSentError, UnavailableError, OutcomeUnknownError)
"""What a PSP that is down, or hangs, looks like. Its other errors are answers."""

BreakerObserver = Callable[[str, BreakerState], None]
"""Receives an account and its breaker's state: once at first, then with each change."""


def _ignore(_account: str, _state: BreakerState) -> None:
    """Observe nothing."""


def _ending_of(error: BaseException | None) -> Ending:
    if error is None:
        return Ending.ANSWERED
    if isinstance(error, _FAILURES):
        return Ending.FAILED
    # Else a caller who gave up, or a fault of ours.
    return Ending.ANSWERED if isinstance(error, PspError) else Ending.UNTOLD


class Guard:
    """One account's slots and breaker, of this process alone."""

    def __init__(
        self,
        account: str,
        *,
        at_once: int,
        wait_s: float,
        rules: BreakerRules,
        observe: BreakerObserver = _ignore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._account = account
        self._at_once = at_once
        self._wait_s = wait_s
        self._rules = rules
        self._observe = observe
        self._clock = clock
        self._slots = asyncio.Semaphore(at_once)
        self._waiting = 0
        self._breaker = Breaker()
        observe(account, self._breaker.state)

    @property
    def state(self) -> BreakerState:
        """Where the breaker stands."""
        return self._breaker.state

    def call(self) -> AbstractAsyncContextManager[Surrounded]:
        """Surround one call to the PSP.

        Raises `BreakerOpenError` at once, and `AccountBusyError` after a bounded wait, or at once
        where as many wait as may be under way; both say that nothing was sent.
        """
        return Surrounded(self)

    async def _enter(self) -> int:
        """Take a slot for a call, and return the breaker's period that the call is of."""
        if self.state is BreakerState.OPEN and self._breaker.until_s > self._clock():
            raise self._refusal(self._breaker.until_s - self._clock())
        await self._take_slot()
        try:
            return self._begin()
        except BaseException:
            self._slots.release()
            raise

    def _leave(self, period: int, error: BaseException | None) -> None:
        """Hear how a call of that period ended, and give its slot back."""
        try:
            self._hear(period, _ending_of(error))
        finally:
            self._slots.release()

    def _hear(self, period: int, ending: Ending) -> None:
        self._become(tell(self._breaker, self._rules, ending, period, self._clock()))

    async def _take_slot(self) -> None:
        if not self._slots.locked():
            await self._slots.acquire()  # at once
            return
        under_way = f"{self._at_once} calls are under way"
        if self._waiting >= self._at_once:
            # Whoever came now would wait for longer than a call lasts, and keep a caller's place
            # from those of other PSPs.
            detail = f"{under_way}, and as many wait: not sent"
            raise AccountBusyError(self._account, detail)
        self._waiting += 1
        try:
            async with asyncio.timeout(self._wait_s):
                await self._slots.acquire()
        except TimeoutError:
            detail = f"{under_way}, and none ended in {self._wait_s:g} s: not sent"
            raise AccountBusyError(self._account, detail) from None
        finally:
            self._waiting -= 1

    def _begin(self) -> int:
        """Return the period that the call is of; raises `BreakerOpenError`."""
        breaker, wait_s = ask(self._breaker, self._rules, self._clock())
        if wait_s > 0:
            raise self._refusal(wait_s)
        self._become(breaker)
        return breaker.period

    def _refusal(self, wait_s: float) -> BreakerOpenError:
        detail = f"breaker {self.state.value}: not sent; next probe in {wait_s:.1f} s"
        return BreakerOpenError(self._account, detail, retry_after_s=wait_s)

    def _become(self, breaker: Breaker) -> None:
        before, self._breaker = self._breaker.state, breaker
        if breaker.state is before:
            return
        self._observe(self._account, breaker.state)
        write = _log.warning if breaker.state is BreakerState.OPEN else _log.info
        write(
            "psp_breaker",
            psp_account=self._account,
            state=breaker.state.value,
            failed_probes=breaker.failed_probes,
        )


class Surrounded:
    """One call behind a guard. A class and no generator: it is there for every call."""

    __slots__ = ("_guard", "_period")

    def __init__(self, guard: Guard) -> None:
        self._guard = guard

    async def __aenter__(self) -> Self:
        self._period = await self._guard._enter()  # noqa: SLF001 - a part of the guard
        return self

    def hear(self) -> None:
        """Tell that the PSP answers, long before the call is over, if it is a stream."""
        self._guard._hear(self._period, Ending.ANSWERED)  # noqa: SLF001 - as above

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._guard._leave(self._period, error)  # noqa: SLF001 - as above
