"""What every interceptor here is: something that is entered before a call and left after it."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from gateway.api.call import Context
from gateway.api.streams import closing

Q = TypeVar("Q")
A = TypeVar("A")

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behavior = Callable[[Any, Context], Any]
"""A servicer's method: a coroutine function, or an asynchronous generator if it streams."""


_MAKERS: Final[Mapping[tuple[bool, bool], tuple[str, Callable[..., Handler]]]] = {
    (False, False): ("unary_unary", grpc.unary_unary_rpc_method_handler),
    (False, True): ("unary_stream", grpc.unary_stream_rpc_method_handler),
    (True, False): ("stream_unary", grpc.stream_unary_rpc_method_handler),
    (True, True): ("stream_stream", grpc.stream_stream_rpc_method_handler),
}
"""By whether requests stream and whether answers do: where the behaviour stands, and the maker."""


def behavior_of(handler: Handler) -> Behavior:
    """Return the servicer's method of a handler."""
    name, _ = _MAKERS[handler.request_streaming, handler.response_streaming]
    behavior: Behavior = getattr(handler, name)
    return behavior


def rebuilt(
    handler: Handler, behavior: Behavior, read: Callable[[bytes], Any] | None = None
) -> Handler:
    """Return a handler of the same kind with another behaviour, perhaps with another `read`."""
    _, make = _MAKERS[handler.request_streaming, handler.response_streaming]
    return make(behavior, read or handler.request_deserializer, handler.response_serializer)


class AroundInterceptor(grpc.aio.ServerInterceptor):
    """Enters `around` before each call of any kind, and leaves it when the call is over."""

    def __init__(self) -> None:
        # A server's methods never change, so each is wrapped once.
        self._wrapped: dict[str, Handler] = {}

    @abc.abstractmethod
    def around(
        self, method: str, request: object, context: Context
    ) -> AbstractAsyncContextManager[None]:
        """Return what surrounds one call; it sees how the call ends as an exception or none."""

    def prepared(self, handler: Handler) -> Handler:
        """Change how a method's messages are read or written; as it is, unless overridden."""
        return handler

    async def intercept_service(
        self,
        continuation: Callable[
            [grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler[Q, A] | None]
        ],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler[Q, A] | None:
        """Wrap the method that was called; None if there is no such method."""
        handler = await continuation(handler_call_details)
        if handler is None:
            return None
        method = handler_call_details.method
        wrapped = self._wrapped.get(method)
        if wrapped is None:
            wrapped = self._wrapped[method] = self._wrap(method, self.prepared(handler))
        return wrapped

    def _wrap(self, method: str, handler: Handler) -> Handler:
        respond = self._stream if handler.response_streaming else self._answer
        return rebuilt(handler, respond(method, behavior_of(handler)))

    def _answer(self, method: str, inner: Behavior) -> Behavior:
        async def answer(request: object, context: Context) -> object:
            async with self.around(method, request, context):
                return await inner(request, context)

        return answer

    def _stream(self, method: str, inner: Behavior) -> Behavior:
        async def stream(request: object, context: Context) -> None:
            async with self.around(method, request, context):
                answers = inner(request, context)
                if not isinstance(answers, AsyncIterator):
                    await answers  # it writes by itself
                    return
                async with closing(answers) as open_answers:
                    async for answer in open_answers:
                        await context.write(answer)

        return stream
