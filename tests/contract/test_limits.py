"""How much one process takes, over a real connection; beyond that it refuses at once."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo, RetryInfo
from grpc_health.v1 import health_pb2
from grpc_health.v1.health_pb2_grpc import HealthStub
from grpc_reflection.v1alpha import reflection_pb2
from grpc_reflection.v1alpha.reflection_pb2_grpc import ServerReflectionStub

from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.contract.edge import RunningEdge, detail, rich_status, running_edge
from tests.support.payments import payment

_GET = pb.GetPaymentRequest(payment_id=payment().id)
_WATCH = pb.WatchPaymentRequest(payment_id=payment().id)


class _Turnstile:
    """Holds every call inside until it is opened."""

    def __init__(self, running: RunningEdge) -> None:
        self._inside: asyncio.Semaphore = asyncio.Semaphore(0)
        self.opened = asyncio.Event()
        running.payments.behave = self._hold

    async def _hold(self) -> None:
        self._inside.release()
        await self.opened.wait()

    async def reached(self) -> None:
        """Wait for one more call to be inside."""
        await self._inside.acquire()


async def _refused_get(running: RunningEdge, caller: str = "shop") -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await PaymentServiceStub(running.channel).GetPayment(
            _GET, metadata=[("x-paygate-caller", caller)]
        )
    return caught.value


async def test_one_call_too_many_is_refused_at_once() -> None:
    """With a reason and a time to wait, while the others go on; then there is room again."""
    async with running_edge(max_concurrent_rpcs=2) as running:
        stub, turnstile = PaymentServiceStub(running.channel), _Turnstile(running)
        begun = [stub.GetPayment(_GET) for _ in range(2)]
        for _ in begun:
            await turnstile.reached()

        refused = await _refused_get(running)

        turnstile.opened.set()
        await asyncio.gather(*begun)
        await stub.GetPayment(_GET)
    status = rich_status(refused)
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    info = detail(status, ErrorInfo)
    assert (info.reason, dict(info.metadata)) == ("OVERLOADED", {"kind": "calls", "limit": "2"})
    assert detail(status, RetryInfo).retry_delay.seconds == 1


async def test_streams_have_room_of_their_own() -> None:
    """Watches that last for hours take no place from calls, and are counted until they end."""
    async with running_edge(max_concurrent_rpcs=1, max_concurrent_streams=1) as running:
        stub, turnstile = PaymentServiceStub(running.channel), _Turnstile(running)
        watch = stub.WatchPayment(_WATCH)
        await turnstile.reached()

        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await stub.WatchPayment(_WATCH).read()
        call = stub.GetPayment(_GET)
        await turnstile.reached()
        watch.cancel()
        await running.payments.watch_closed.wait()
        turnstile.opened.set()
        await call

        assert detail(rich_status(refused.value), ErrorInfo).metadata["kind"] == "streams"
        assert await stub.WatchPayment(_WATCH).read() is grpc.aio.EOF


async def test_a_refused_call_did_nothing() -> None:
    """No use case hears of it."""
    async with running_edge(caller_rate_per_s=0.001, caller_burst=1) as running:
        await PaymentServiceStub(running.channel).GetPayment(_GET, metadata=_caller("shop"))
        await _refused_get(running, "shop")

        assert len(running.payments.seen) == 1


async def test_a_greedy_caller_is_told_when_to_come_again() -> None:
    """Its calls are refused, with the time until the next; another caller's are not."""
    async with running_edge(caller_rate_per_s=0.25, caller_burst=2) as running:
        stub = PaymentServiceStub(running.channel)
        for _ in range(2):
            await stub.GetPayment(_GET, metadata=_caller("greedy"))

        refused = await _refused_get(running, "greedy")
        await stub.GetPayment(_GET, metadata=_caller("modest"))

    status = rich_status(refused)
    assert refused.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert detail(status, ErrorInfo).reason == "CALLER_RATE_EXCEEDED"
    assert detail(status, ErrorInfo).metadata["caller"] == "greedy"
    assert 0 < detail(status, RetryInfo).retry_delay.ToMilliseconds() <= 4000


async def test_health_and_reflection_are_never_refused() -> None:
    """A full process is no dead one: it is not restarted for that."""
    async with running_edge(
        max_concurrent_rpcs=1, max_concurrent_streams=1, caller_rate_per_s=0.001, caller_burst=1
    ) as running:
        turnstile = _Turnstile(running)
        call = PaymentServiceStub(running.channel).GetPayment(_GET)
        await turnstile.reached()
        await _refused_get(running)

        health = await HealthStub(running.channel).Check(health_pb2.HealthCheckRequest())
        asked = reflection_pb2.ServerReflectionRequest(list_services="")
        answers = [
            await ServerReflectionStub(running.channel).ServerReflectionInfo(iter([asked])).read()
            for _ in range(2)
        ]

        turnstile.opened.set()
        await call
    assert health.status == health_pb2.HealthCheckResponse.SERVING
    assert all(answer.list_services_response.service for answer in answers)


async def test_a_message_that_is_too_large_is_refused() -> None:
    """By gRPC itself, before it is read."""
    async with running_edge(max_message_bytes=1024) as running:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await PaymentServiceStub(running.channel).GetPayment(
                pb.GetPaymentRequest(payment_id="x" * 2048)
            )

        assert running.payments.seen == []
    assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED


async def test_an_old_connection_is_left_for_a_new_one() -> None:
    """The client is asked to connect anew, so that it finds replicas that came since."""
    async with running_edge(max_connection_age_s=1.0) as running:
        stub = PaymentServiceStub(running.channel)
        await stub.GetPayment(_GET)
        ready = running.channel.get_state()
        assert ready is grpc.ChannelConnectivity.READY

        await running.channel.wait_for_state_change(ready)

        await stub.GetPayment(_GET)


async def test_a_call_outlasts_its_old_connection() -> None:
    """What is under way ends inside the grace that follows."""
    async with running_edge(max_connection_age_s=1.0, max_connection_age_grace_s=60.0) as running:
        turnstile = _Turnstile(running)
        call = PaymentServiceStub(running.channel).GetPayment(_GET)
        await turnstile.reached()
        await running.channel.wait_for_state_change(grpc.ChannelConnectivity.READY)

        turnstile.opened.set()
        assert (await call).payment.id == payment().id


async def test_a_read_stops_when_its_caller_waits_no_longer(running: RunningEdge) -> None:
    """Nothing is asked of anybody for a caller who is gone."""
    cut_off = asyncio.Event()

    async def behave() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cut_off.set()
            raise

    running.payments.behave = behave
    with suppress(grpc.aio.AioRpcError):
        await PaymentServiceStub(running.channel).GetPayment(_GET, timeout=0.3)

    await cut_off.wait()


def _caller(name: str) -> list[tuple[str, str]]:
    return [("x-paygate-caller", name)]
