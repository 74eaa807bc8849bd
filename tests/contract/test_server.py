"""Starting and stopping a server."""

from __future__ import annotations

import asyncio

import pytest
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub

from gateway.api.server import build_grpc_edge
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.contract.edge import CountedRpcs, EdgeOptions, FakeUseCases, running_edge
from tests.support.payments import payment

_GET = pb.GetPaymentRequest(payment_id=payment().id)


async def test_two_servers_do_not_share_a_port() -> None:
    """SO_REUSEPORT would let a second process take half of the calls, silently."""
    first = build_grpc_edge(FakeUseCases(), EdgeOptions(), CountedRpcs())
    second = build_grpc_edge(FakeUseCases(), EdgeOptions(), CountedRpcs())
    port = await first.start("127.0.0.1", 0)
    with pytest.raises(OSError, match=f"cannot listen for gRPC on 127.0.0.1:{port}"):
        await second.start("127.0.0.1", port)
    await second.stop(0)
    await first.stop(0)


async def test_a_call_in_flight_ends_inside_the_grace() -> None:
    """Stopping says so first, and lets begun calls answer."""
    began, released = asyncio.Event(), asyncio.Event()

    async def behave() -> None:
        began.set()
        await released.wait()

    async with running_edge() as running:
        running.payments.behave = behave
        health = HealthStub(running.channel).Watch(health_pb2.HealthCheckRequest())
        call = PaymentServiceStub(running.channel).GetPayment(_GET)
        await began.wait()
        stopping = asyncio.create_task(running.edge.stop(grace_s=60))
        while (await health.read()).status != health_pb2.HealthCheckResponse.NOT_SERVING:
            pass
        health.cancel()
        released.set()
        assert (await call).payment.id == payment().id
        await stopping
