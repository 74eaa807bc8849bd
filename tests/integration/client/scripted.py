"""A gRPC server that answers what a test tells it to, and remembers what it was asked."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from tests.unit.client.calls import METHODS


@dataclass(frozen=True, slots=True)
class Asked:
    """One request as it arrived."""

    rpc: str
    request: Any
    metadata: dict[str, str | bytes]
    time_left_s: float | None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer: messages, then a status."""

    messages: tuple[Message, ...] = ()
    code: grpc.StatusCode = grpc.StatusCode.OK
    trailers: tuple[tuple[str, str | bytes], ...] = ()
    stall: bool = False
    """After the messages say nothing more, until the caller gives up."""


def refused(code: grpc.StatusCode) -> Answer:
    """Return an error; the client is told to retry at once, should it mean to."""
    return Answer(code=code, trailers=(("grpc-retry-pushback-ms", "1"),))


@dataclass
class ScriptedGateway(grpc.GenericRpcHandler):
    """Answers every method of the contract in the order of its script."""

    asked: list[Asked] = field(default_factory=list)
    address: str = ""
    stalled: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a stalled answer has begun."""
    left: asyncio.Event = field(default_factory=asyncio.Event)
    """Set once a caller has given up on a stalled answer."""
    _script: deque[Answer] = field(default_factory=deque)

    def will_answer(self, *answers: Answer) -> None:
        """Add to the script."""
        self._script.extend(answers)

    def service(self, handler_call_details: Any) -> grpc.RpcMethodHandler[Any, Any] | None:
        rpc = handler_call_details.method.rpartition("/")[2]
        method = METHODS[rpc]

        async def play_one(request: Any, context: Any) -> Any:
            async for message in self._play(rpc, request, context):
                return message
            raise AssertionError("an answer needs a message")

        async def play_all(request: Any, context: Any) -> AsyncIterator[Any]:
            async for message in self._play(rpc, request, context):
                yield message

        async def take_all(requests: Any, context: Any) -> Any:
            return await play_one([request async for request in requests], context)

        make, behaviour = {
            (False, False): (grpc.unary_unary_rpc_method_handler, play_one),
            (False, True): (grpc.unary_stream_rpc_method_handler, play_all),
            (True, False): (grpc.stream_unary_rpc_method_handler, take_all),
        }[method.client_streaming, method.server_streaming]
        return make(
            behaviour,
            request_deserializer=GetMessageClass(method.input_type).FromString,
            response_serializer=lambda message: message.SerializeToString(),
        )

    async def _play(self, rpc: str, request: Any, context: Any) -> AsyncIterator[Any]:
        metadata = dict(context.invocation_metadata())
        self.asked.append(Asked(rpc, request, metadata, context.time_remaining()))
        answer = self._script.popleft()
        for message in answer.messages:
            yield message
        if answer.stall:
            self.stalled.set()
            try:
                await asyncio.Event().wait()
            finally:
                self.left.set()
        if answer.code is not grpc.StatusCode.OK:
            await context.abort(answer.code, "words", answer.trailers)


@asynccontextmanager
async def running_gateway(
    credentials: grpc.ServerCredentials | None = None,
) -> AsyncIterator[ScriptedGateway]:
    """Serve a script on a free port of this machine."""
    script, server = ScriptedGateway(), grpc.aio.server()
    server.add_generic_rpc_handlers((script,))
    port = (
        server.add_insecure_port("127.0.0.1:0")
        if credentials is None
        else server.add_secure_port("127.0.0.1:0", credentials)
    )
    script.address = f"127.0.0.1:{port}"
    await server.start()
    try:
        yield script
    finally:
        await server.stop(None)
