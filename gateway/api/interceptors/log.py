"""One line for every RPC, and its ids on every other line that is logged meanwhile."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from typing import Final

import grpc
import structlog
from google.protobuf.message import Message

from gateway.api.call import Call, Context, current_call
from gateway.api.interceptors.around import Inner, Layer
from gateway.api.interceptors.ending import code_of_end
from gateway.api.values import IDENTIFIER
from gateway.canonical import canonical_line

_log = structlog.get_logger(__name__)

OWN_METHODS: Final = "/paygate."
"""What the names of the contract's methods begin with; health and reflection are quieter."""
_LOGGED_FIELDS: Final = ("request_id", "payment_id", "order_id")
_COUNTRY: Final = re.compile(r"[A-Z]{2}", re.ASCII)
_FAULTS: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})
_TROUBLES: Final = frozenset({grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED})


class LogLayer(Layer):
    """Logs every call once, when it is over."""

    async def around(self, method: str, inner: Inner, request: object, context: Context) -> object:
        """Bind what is known of the call, and log its end."""
        call = current_call()
        ids = _ids_of(request)
        call.facts.update(ids)
        call.facts.update(_country_of(request))
        started_s = time.perf_counter()
        error: BaseException | None = None
        # Never unbound: each RPC is a task of its own, and its context ends with it.
        structlog.contextvars.bind_contextvars(method=method, **ids)
        with canonical_line() as line:
            try:
                return await inner(request, context)
            except BaseException as caught:
                error = caught
                raise
            finally:
                duration_ms = (time.perf_counter() - started_s) * 1000
                # What the call says itself goes before what was noted on the way.
                call.facts = {**line.facts, **call.facts}
                _write_line(call, code_of_end(error, context), duration_ms, line.times())


def _write_line(
    call: Call, code: grpc.StatusCode, duration_ms: float, times: Mapping[str, float]
) -> None:
    told = {
        **call.facts,
        "method": call.method,
        "caller": call.caller,
        "code": code.name,
        "duration_ms": round(duration_ms, 3),
        **times,
    }
    getattr(_log, _level(call, code))("rpc", **told)


def _level(call: Call, code: grpc.StatusCode) -> str:
    if code in _FAULTS:
        return "error"
    if code in _TROUBLES:
        return "warning"
    return "info" if call.method.startswith(OWN_METHODS) else "debug"


def _country_of(request: object) -> dict[str, str]:
    """Return the country that a request names, if it looks like one."""
    code = getattr(request, "country_code", "")
    return {"country": code} if isinstance(code, str) and _COUNTRY.fullmatch(code) else {}


def _ids_of(request: object) -> dict[str, str]:
    """Return the ids that a request names, as far as they look like ids."""
    if not isinstance(request, Message):
        return {}
    given = ((name, getattr(request, name, "")) for name in _LOGGED_FIELDS)
    return {name: value for name, value in given if value and IDENTIFIER.fullmatch(value)}
