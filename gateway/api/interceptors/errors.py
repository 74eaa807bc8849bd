"""Turns whatever a call raises into a status with details, by the one error table."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import structlog
from google.protobuf.message import DecodeError

from gateway.api.call import Context, current_call
from gateway.api.error_table import CODE_OF_REASON, refusal_of
from gateway.api.interceptors.around import Handler, Inner, Layer, behavior_of, rebuilt
from gateway.api.rich_status import status_of, trailers_of

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Unreadable:
    """Stands for a request whose bytes are no message of its type."""

    error: DecodeError


class ErrorLayer(Layer):
    """Ends a call that raised. A cancelled call goes on being cancelled."""

    def prepared(self, method: str, handler: Handler) -> Handler:
        """Let unreadable requests come as far as the error table."""
        read = handler.request_deserializer
        if handler.request_streaming or read is None:
            return handler  # a stream is read inside of the call anyhow
        return rebuilt(handler, behavior_of(handler), _readable(read))

    async def around(self, method: str, inner: Inner, request: object, context: Context) -> object:
        """Answer with the status of what is raised."""
        try:
            if isinstance(request, _Unreadable):
                raise request.error
            return await inner(request, context)
        except grpc.aio.BaseError:
            raise  # an ending that gRPC itself has begun
        except Exception as error:  # noqa: BLE001 - the outermost edge: nothing else may answer for it
            await _abort(error, context)


async def _abort(error: Exception, context: Context) -> NoReturn:
    refusal = refusal_of(error)
    facts = current_call().facts
    facts["reason"] = refusal.reason.value
    if refusal.fields:
        facts["fields"] = [violation.field for violation in refusal.fields]
    code = CODE_OF_REASON[refusal.reason]
    if code is grpc.StatusCode.INTERNAL:
        error_id = f"err_{secrets.token_hex(8)}"
        refusal.metadata["error_id"] = facts["error_id"] = error_id
        _log.error("rpc_fault", error_id=error_id, exc_info=error)
    status = status_of(refusal)
    await context.abort(code, status.message, trailers_of(refusal, status))


def _readable(read: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    def read_or_say_why(data: bytes) -> object:
        try:
            return read(data)
        except DecodeError as error:
            return _Unreadable(error)

    return read_or_say_why
