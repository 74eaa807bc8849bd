"""Outermost: begins the call and reports how it ended and how long it took."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from gateway.api.call import Context, begin_call
from gateway.api.interceptors.around import AroundInterceptor
from gateway.api.interceptors.ending import code_of_end

RpcObserver = Callable[[str, str, float], None]
"""Receives every finished RPC: full method name, status code's name, seconds. It must not raise."""


class TelemetryInterceptor(AroundInterceptor):
    """Times every call."""

    def __init__(self, observe: RpcObserver) -> None:
        super().__init__()
        self._observe = observe

    @asynccontextmanager
    async def around(self, method: str, request: object, context: Context) -> AsyncIterator[None]:
        """Begin the call, and report its end."""
        begin_call(method)
        started_s = time.perf_counter()
        error: BaseException | None = None
        try:
            yield
        except BaseException as caught:
            error = caught
            raise
        finally:
            code = code_of_end(error, context).name
            self._observe(method, code, time.perf_counter() - started_s)
