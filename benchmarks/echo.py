"""The barest gRPC service that grpc.aio can serve: bytes in, the same bytes out."""

from __future__ import annotations

import asyncio

import grpc

METHOD = "/paygate.benchmark.Echo/Echo"


class _Echo(grpc.GenericRpcHandler):
    def service(
        self,
        handler_call_details: grpc.HandlerCallDetails,  # noqa: ARG002 - gRPC's signature: every method is echoed
    ) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        return grpc.unary_unary_rpc_method_handler(_echo)


async def _echo(request: bytes, _context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
    return request


async def serve(port: int) -> None:
    """Serve until canceled."""
    server = grpc.aio.server(options=[("grpc.so_reuseport", 0)])
    server.add_generic_rpc_handlers((_Echo(),))
    server.add_insecure_port(f"127.0.0.1:{port}")
    await server.start()
    try:
        await asyncio.Event().wait()
    finally:
        await server.stop(0)
