"""How a call ended, as a status code."""

from __future__ import annotations

import asyncio

import grpc

from gateway.api.call import Context


def code_of_end(error: BaseException | None, context: Context) -> grpc.StatusCode:
    """Return the code that the caller sees; `error` is what the call's behaviour raised, if it did.

    A caller who went away sees none: CANCELLED, or DEADLINE_EXCEEDED once its time was over.
    """
    if error is None or isinstance(error, grpc.aio.AbortError):
        code: grpc.StatusCode | None = context.code()  # None: nobody set one
        return grpc.StatusCode.OK if code is None else code
    # Besides a cancellation, gRPC's own errors are what a broken connection looks like.
    if isinstance(error, asyncio.CancelledError | grpc.aio.BaseError):
        late = context.time_remaining() == 0
        return grpc.StatusCode.DEADLINE_EXCEEDED if late else grpc.StatusCode.CANCELLED
    return grpc.StatusCode.UNKNOWN
