"""Innermost: until when the caller waits."""

from __future__ import annotations

import time

from gateway.api.call import Context, current_call
from gateway.api.interceptors.around import Inner, Layer


class DeadlineLayer(Layer):
    """Keeps the caller's deadline on the call."""

    async def around(self, method: str, inner: Inner, request: object, context: Context) -> object:
        """Read the deadline once, onto a clock that nobody sets."""
        remaining_s: float | None = context.time_remaining()
        if remaining_s is not None:
            current_call().deadline_s = time.monotonic() + remaining_s
        return await inner(request, context)
