"""What surrounds every call: layers, from the outermost to the servicer's own method."""

from __future__ import annotations

import abc
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any, Final, TypeAlias, TypeVar

import grpc

from gateway.api.call import Context
from gateway.api.streams import closing

Q = TypeVar("Q")
A = TypeVar("A")

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any]"
Behavior = Callable[[Any, Context], Any]
"""A servicer's method: a coroutine function, or an asynchronous generator if it streams."""
Inner = Callable[[Any, Context], Awaitable[object]]
"""What a layer surrounds: it answers, or, if answers stream, writes them all and then ends."""


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


class Layer(abc.ABC):
    """One thing that happens around every call, unary and streaming alike.

    Plain coroutines and no context managers: this is passed on the way of every RPC.
    """

    @abc.abstractmethod
    async def around(self, method: str, inner: Inner, request: object, context: Context) -> object:
        """Return what `inner(request, context)` does, which is called once or refused.

        How the call ends is seen as an exception or none.
        """

    def prepared(self, method: str, handler: Handler) -> Handler:
        """Change how a method's messages are read or written; as it is, unless overridden."""
        return handler


class LayersInterceptor(grpc.aio.ServerInterceptor):
    """Puts layers around every method, the first one outermost."""

    def __init__(self, layers: Sequence[Layer]) -> None:
        self._layers = layers
        # A server's methods never change, so each is wrapped once.
        self._wrapped: dict[str, Handler] = {}

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
            wrapped = self._wrapped[method] = self._wrap(method, handler)
        return wrapped

    def _wrap(self, method: str, handler: Handler) -> Handler:
        inner: Inner = behavior_of(handler)
        if handler.response_streaming:
            inner = _written(inner)
        for layer in reversed(self._layers):
            handler = layer.prepared(method, handler)
            inner = partial(layer.around, method, inner)
        return rebuilt(handler, _as_coroutine_function(inner))


def _written(behavior: Behavior) -> Inner:
    """Return what writes the answers of a behaviour that streams."""

    async def write(request: object, context: Context) -> None:
        answers = behavior(request, context)
        if not isinstance(answers, AsyncIterator):
            await answers  # it writes by itself
            return
        async with closing(answers) as open_answers:
            async for answer in open_answers:
                await context.write(answer)

    return write


def _as_coroutine_function(inner: Inner) -> Behavior:
    """Return it as gRPC knows a coroutine function from one to be run in a thread."""

    async def behave(request: object, context: Context) -> object:
        return await inner(request, context)

    return behave
