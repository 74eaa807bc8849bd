"""Health by service, as grpc.health.v1 asks for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_health.v1.health import aio

SERVICE: Final = "grpc.health.v1.Health"
WHOLE_SERVER: Final = ""
"""What health checks call the server itself."""


class ServingStatus:
    """Says of every service whether it serves: not before `serve`, nor after `stop`."""

    def __init__(self, services: Iterable[str]) -> None:
        self._names = (WHOLE_SERVER, *services)
        self._servicer = aio.HealthServicer()

    def add_to(self, server: grpc.aio.Server) -> None:
        """Answer health checks on a server."""
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def serve(self) -> None:
        """Everything serves from now on; has no effect after `stop`."""
        for name in self._names:
            await self._servicer.set(name, health_pb2.HealthCheckResponse.SERVING)

    async def stop(self) -> None:
        """Nothing serves any more: balancers send nothing new while calls in flight end."""
        await self._servicer.enter_graceful_shutdown()
