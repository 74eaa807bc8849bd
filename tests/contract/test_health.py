"""Health by service."""

from __future__ import annotations

import grpc
import pytest
import structlog
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from gateway.api.server import SERVICES
from tests.contract.edge import RunningEdge, raw_call, running_edge

_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


def _asked(service: str) -> health_pb2.HealthCheckRequest:
    return health_pb2.HealthCheckRequest(service=service)


@pytest.mark.parametrize("service", ["", *SERVICES])
async def test_every_service_serves(running: RunningEdge, service: str) -> None:
    """The server itself and each service of the contract."""
    answer = await HealthStub(running.channel).Check(_asked(service))
    assert answer.status == _SERVING


async def test_an_unknown_service_is_not_found(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """As grpc.health.v1 says; a check is not worth a line of its own level."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await HealthStub(running.channel).Check(_asked("paygate.v1.Unknown"))
    assert caught.value.code() is grpc.StatusCode.NOT_FOUND
    assert [(line["log_level"], line["code"]) for line in lines] == [("debug", "NOT_FOUND")]


async def test_nothing_serves_once_the_server_stops(running: RunningEdge) -> None:
    """A watching balancer hears of it before its connection goes away."""
    watch = HealthStub(running.channel).Watch(_asked("paygate.v1.PaymentService"))
    assert (await watch.read()).status == _SERVING
    await running.edge.serving.stop()
    assert (await watch.read()).status == _NOT_SERVING
    for service in ("", *SERVICES):
        assert (await HealthStub(running.channel).Check(_asked(service))).status == _NOT_SERVING
    watch.cancel()


async def test_a_stopped_server_does_not_serve_again(running: RunningEdge) -> None:
    """Shutting down is final."""
    await running.edge.serving.stop()
    await running.edge.serving.serve()
    assert (await HealthStub(running.channel).Check(_asked(""))).status == _NOT_SERVING


async def test_channelz_answers_only_where_it_is_switched_on() -> None:
    """Its numbers tell of connections, so it is off unless somebody wants it."""
    path = "/grpc.channelz.v1.Channelz/GetServers"
    async with running_edge(channelz=True) as running:
        assert await raw_call(running, path, b"")
    async with running_edge(channelz=False) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await raw_call(running, path, b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED
