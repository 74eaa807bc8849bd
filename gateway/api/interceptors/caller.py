"""Who calls: one function from a connection to a name."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from gateway.api.call import ANONYMOUS, Context, current_call
from gateway.api.interceptors.around import AroundInterceptor
from gateway.api.values import identifier
from gateway.errors import FieldViolation, PaygateError, Reason

CALLER_KEY: Final = "x-paygate-caller"
"""Metadata in which a caller names itself."""

IdentifyCaller = Callable[[Context], str]
"""Names who is behind a call; raises `PaygateError` if that cannot be."""


def caller_by_metadata(context: Context) -> str:
    """Believe what the caller says of itself: only for networks where everybody is trusted."""
    for key, value in context.invocation_metadata() or ():
        if key == CALLER_KEY:
            return _name(value)
    return ANONYMOUS


def _name(value: str | bytes) -> str:
    try:
        return identifier(value if isinstance(value, str) else value.decode())
    except ValueError as error:
        raise PaygateError(
            Reason.INVALID_FIELDS,
            f"metadata {CALLER_KEY} is no name of a caller",
            fields=[FieldViolation(CALLER_KEY, str(error))],
        ) from None


class CallerInterceptor(AroundInterceptor):
    """Names the caller."""

    def __init__(self, identify: IdentifyCaller) -> None:
        super().__init__()
        self._identify = identify

    @asynccontextmanager
    async def around(self, method: str, request: object, context: Context) -> AsyncIterator[None]:
        """Keep the name on the call and on every line that is logged meanwhile."""
        call = current_call()
        call.caller = self._identify(context)
        with structlog.contextvars.bound_contextvars(caller=call.caller):
            yield
