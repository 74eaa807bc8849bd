"""Outermost: begins the call and reports how it ended and how long it took, also as a span."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Final

import grpc
from opentelemetry.trace import Span, SpanKind

from gateway.api.call import Call, Context, begin_call
from gateway.api.interceptors.around import Inner, Layer
from gateway.api.interceptors.ending import code_of_end
from gateway.api.interceptors.log import OWN_METHODS
from gateway.traces import TRACEPARENT, fail, span, tell

RpcObserver = Callable[[str, str, float], None]
"""Receives every finished RPC: full method name, status code's name, seconds. It must not raise."""

SERVER_ERRORS: Final = frozenset(
    {
        grpc.StatusCode.DATA_LOSS,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.UNKNOWN,
    }
)
"""Codes that make a server's span failed; all others are the caller's matter (OpenTelemetry,
semantic conventions for gRPC, "gRPC status"). A decline is no error at all: its code is OK."""


class TelemetryLayer(Layer):
    """Times every call."""

    def __init__(self, observe: RpcObserver) -> None:
        self._observe = observe

    async def around(self, method: str, inner: Inner, request: object, context: Context) -> object:
        """Begin the call, and report its end."""
        call = begin_call(method)
        started_s = time.perf_counter()
        error: BaseException | None = None
        # Health and reflection are asked all the time, and tell nothing.
        traced = _span_of(call, context) if method.startswith(OWN_METHODS) else nullcontext(None)
        with traced as current:
            try:
                return await inner(request, context)
            except BaseException as caught:
                error = caught
                raise
            finally:
                code = code_of_end(error, context)
                if current is not None:
                    _describe(current, call, code)
                self._observe(method, code.name, time.perf_counter() - started_s)


def _span_of(call: Call, context: Context) -> AbstractContextManager[Span]:
    """Return the call's span, in the caller's trace if it names one."""
    service, _, rpc = call.method.removeprefix("/").rpartition("/")
    named = dict(context.invocation_metadata() or ()).get(TRACEPARENT, "")
    return span(
        f"{service}/{rpc}",
        {"rpc.system": "grpc", "rpc.service": service, "rpc.method": rpc},
        kind=SpanKind.SERVER,
        trace=named if isinstance(named, str) else "",
        exceptions_fail=False,  # a rich error is raised whatever its code: see `_describe`
    )


def _describe(current: Span, call: Call, code: grpc.StatusCode) -> None:
    """Tell how the call ended. Rich errors end it by an exception too, whatever their code."""
    if not current.is_recording():
        return
    number: int = code.value[0]
    current.set_attribute("rpc.grpc.status_code", number)
    tell(current, {"caller": call.caller, **call.facts})
    if code in SERVER_ERRORS:
        fail(current, code.name)
