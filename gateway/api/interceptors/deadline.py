"""Innermost: until when the caller waits."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from gateway.api.call import Context, current_call
from gateway.api.interceptors.around import AroundInterceptor


class DeadlineInterceptor(AroundInterceptor):
    """Keeps the caller's deadline on the call."""

    @asynccontextmanager
    async def around(self, method: str, request: object, context: Context) -> AsyncIterator[None]:
        """Read the deadline once, onto a clock that nobody sets."""
        remaining_s: float | None = context.time_remaining()
        if remaining_s is not None:
            current_call().deadline_s = time.monotonic() + remaining_s
        yield
