"""Whether there is room for a call: refused at once, it costs little and waits nowhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from gateway.api.allowance import Allowances, Rate
from gateway.api.call import Context, current_call
from gateway.api.interceptors.around import Handler, Inner, Layer
from gateway.api.interceptors.log import OWN_METHODS
from gateway.errors import PaygateError, Reason

_TRY_AGAIN_AFTER_S: Final = 1.0
"""Calls last about so long: then there is room, here or at another replica."""


@dataclass(frozen=True, slots=True)
class AdmissionLimits:
    """What one process takes."""

    unary_at_once: int
    streams_at_once: int
    caller_rate: Rate | None = None
    """None: callers may make as many calls as they like."""


def nothing_left() -> int:
    """Count what callers left behind where nothing outlives them."""
    return 0


class _Room:
    """So many calls at once. Work that a caller left behind keeps the caller's place."""

    def __init__(self, kind: str, at_once: int, left: Callable[[], int] = nothing_left) -> None:
        self._kind = kind
        self._at_once = at_once
        self._left = left
        self._inside = 0

    async def within(self, inner: Inner, request: object, context: Context) -> object:
        """Answer as one of them; raises `PaygateError` OVERLOADED if there are enough."""
        if self._inside + self._left() >= self._at_once:
            raise PaygateError(
                Reason.OVERLOADED,
                f"this process has {self._at_once} {self._kind} under way and takes no more: "
                "send the same request again",
                metadata={"limit": str(self._at_once), "kind": self._kind},
                retry_after_s=_TRY_AGAIN_AFTER_S,
            )
        self._inside += 1
        try:
            return await inner(request, context)
        finally:
            self._inside -= 1


class AdmissionLayer(Layer):
    """Lets calls of the contract in while there is room; health and reflection always.

    `left` counts the work that goes on though its caller gave up: such callers come again, and
    must not begin more than there is room for.
    """

    def __init__(
        self,
        limits: AdmissionLimits,
        left: Callable[[], int] = nothing_left,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._calls = _Room("calls", limits.unary_at_once, left)
        self._streams = _Room("streams", limits.streams_at_once)
        self._rate = limits.caller_rate
        self._allowances = None if self._rate is None else Allowances(self._rate)
        self._streaming: set[str] = set()

    async def around(self, method: str, inner: Inner, request: object, context: Context) -> object:
        """Take a place for as long as the call lasts."""
        if not method.startswith(OWN_METHODS):
            return await inner(request, context)
        self._require_allowance(current_call().caller)
        room = self._streams if method in self._streaming else self._calls
        return await room.within(inner, request, context)

    def prepared(self, method: str, handler: Handler) -> Handler:
        """Learn which methods stream."""
        if handler.request_streaming or handler.response_streaming:
            self._streaming.add(method)
        return handler

    def _require_allowance(self, caller: str) -> None:
        if self._allowances is None or self._rate is None:
            return
        wait_s = self._allowances.take(caller, self._clock())
        if wait_s > 0:
            raise PaygateError(
                Reason.CALLER_RATE_EXCEEDED,
                f"{caller} makes more than {self._rate.per_s:g} calls a second: "
                "send the same request again later",
                metadata={"caller": caller, "rate_per_s": f"{self._rate.per_s:g}"},
                retry_after_s=wait_s,
            )
