"""How calls fail, over a real connection."""

from __future__ import annotations

import asyncio

import grpc
import pytest
import structlog
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo

from gateway.errors import PaygateError, Reason
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1 import routing_service_pb2 as routing_pb
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from paygate.v1.routing_service_pb2_grpc import RoutingServiceStub
from psp.errors import RateLimitedError
from tests.contract.edge import RunningEdge, detail, raw_call, rich_status, running_edge
from tests.contract.test_answers import _step
from tests.support.payments import payment
from tests.unit.api.requests import capture_request, create_request

_GET = pb.GetPaymentRequest(payment_id=payment().id)
_WATCH = pb.WatchPaymentRequest(payment_id=payment().id)


def _raises(running: RunningEdge, error: Exception) -> None:
    async def behave() -> None:
        raise error

    running.payments.behave = behave


async def _failed_get(running: RunningEdge) -> grpc.aio.AioRpcError:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await PaymentServiceStub(running.channel).GetPayment(_GET)
    return caught.value


async def test_every_violation_arrives_at_once(running: RunningEdge) -> None:
    """INVALID_ARGUMENT with all field paths, and the use case was never called."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await PaymentServiceStub(running.channel).CreatePayment(pb.CreatePaymentRequest())
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status = rich_status(caught.value)
    assert detail(status, ErrorInfo) == ErrorInfo(reason="INVALID_FIELDS", domain="paygate.v1")
    assert [each.field for each in detail(status, BadRequest).field_violations] == [
        "request_id",
        "order_id",
        "country_code",
        "method",
        "amount.amount_minor",
        "amount.currency_code",
    ]
    assert running.payments.seen == []


async def test_a_refusal_arrives_with_its_details(running: RunningEdge) -> None:
    """Code, message and details agree, as google.rpc.Status demands."""
    _raises(running, PaygateError(Reason.PAYMENT_STATE, "is captured, déjà", metadata={"a": "b"}))
    error = await _failed_get(running)
    status = rich_status(error)
    assert error.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert (status.code, status.message) == (9, error.details())
    assert detail(status, ErrorInfo).metadata == {"a": "b"}
    (violation,) = detail(status, PreconditionFailure).violations
    assert violation.description == "is captured, déjà"


async def test_waiting_is_told_to_callers_and_to_grpc(running: RunningEdge) -> None:
    """RetryInfo and the pushback in the trailers."""
    _raises(running, RateLimitedError("stripe_eu", "slow down", retry_after_s=2.5))
    error = await _failed_get(running)
    assert error.code() is grpc.StatusCode.UNAVAILABLE
    delay = detail(rich_status(error), RetryInfo).retry_delay
    assert (delay.seconds, delay.nanos) == (2, 500_000_000)
    assert dict(error.trailing_metadata() or ())["grpc-retry-pushback-ms"] == "2500"


async def test_an_unexpected_exception_keeps_its_text_to_itself(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """The caller gets an id, and the log the traceback under the same id."""
    _raises(running, RuntimeError("password=hunter2"))
    error = await _failed_get(running)
    assert error.code() is grpc.StatusCode.INTERNAL
    status = rich_status(error)
    assert "hunter2" not in f"{error.details()}{status}{error.trailing_metadata()}"
    error_id = detail(status, ErrorInfo).metadata["error_id"]

    fault, line = lines
    assert (fault["event"], fault["error_id"]) == ("rpc_fault", error_id)
    assert str(fault["exc_info"]) == "password=hunter2"
    assert (line["event"], line["log_level"], line["error_id"]) == ("rpc", "error", error_id)


async def test_a_stream_fails_with_details_too(running: RunningEdge) -> None:
    """Also after it has begun to answer."""
    running.payments.steps = [_step(1)]
    _raises(running, PaygateError(Reason.STORAGE_UNAVAILABLE, "down"))
    stream = PaymentServiceStub(running.channel).WatchPayment(_WATCH)
    assert (await anext(aiter(stream))).event.sequence == 1
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(stream))
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    assert detail(rich_status(caught.value), ErrorInfo).reason == "STORAGE_UNAVAILABLE"
    assert running.payments.watch_closed.is_set()


async def test_a_stream_refuses_a_malformed_request(running: RunningEdge) -> None:
    """Before its first answer."""
    stream = PaymentServiceStub(running.channel).WatchPayment(pb.WatchPaymentRequest())
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await anext(aiter(stream))
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = detail(rich_status(caught.value), BadRequest).field_violations
    assert violation.field == "payment_id"


async def test_a_country_that_is_not_served_has_no_policy(running: RunningEdge) -> None:
    """FAILED_PRECONDITION, as everywhere."""
    request = routing_pb.GetCountryPolicyRequest(country_code="JP")
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await RoutingServiceStub(running.channel).GetCountryPolicy(request)
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert detail(rich_status(caught.value), ErrorInfo).reason == "COUNTRY_NOT_SERVED"


@pytest.mark.parametrize(
    "data", [b"\xff\xff\xff", b"\x0a\x02\xff\xfe"], ids=["no message", "no UTF-8"]
)
@pytest.mark.parametrize("method", ["GetPayment", "WatchPayment"])
async def test_bytes_that_are_no_message_are_the_callers_mistake(
    running: RunningEdge, method: str, data: bytes
) -> None:
    """INVALID_ARGUMENT with details, and no text of the parser's."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw_call(running, f"/paygate.v1.PaymentService/{method}", data)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert detail(rich_status(caught.value), ErrorInfo).reason == "INVALID_FIELDS"
    assert "DecodeError" not in (caught.value.details() or "")


async def test_an_oversized_message_is_refused() -> None:
    """RESOURCE_EXHAUSTED, and the use case was never called."""
    async with running_edge(max_message_bytes=2048) as running:
        stub = PaymentServiceStub(running.channel)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.CreatePayment(create_request(return_url="https://x/" + "a" * 4096))
        assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert running.payments.seen == []
        assert (await stub.GetPayment(_GET)).payment.id == payment().id


async def test_an_unknown_method_is_unimplemented(running: RunningEdge) -> None:
    """A newer client's method is not ours."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await raw_call(running, "/paygate.v1.PaymentService/Refund", b"")
    assert caught.value.code() is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("name", ["a b", "x" * 65, ""])
async def test_a_callers_name_is_checked(running: RunningEdge, name: str) -> None:
    """It is half of what makes a request the same one."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await PaymentServiceStub(running.channel).GetPayment(
            _GET, metadata=(("x-paygate-caller", name),)
        )
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    (violation,) = detail(rich_status(caught.value), BadRequest).field_violations
    assert violation.field == "x-paygate-caller"


async def test_a_caller_who_goes_away_cancels_the_work(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """CancelledError reaches the use case, and the log line says CANCELLED, not an error."""
    began, cancelled = asyncio.Event(), asyncio.Event()

    async def behave() -> None:
        began.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    running.payments.behave = behave
    call = PaymentServiceStub(running.channel).CapturePayment(capture_request())
    await began.wait()
    call.cancel()
    await cancelled.wait()
    (line,) = lines
    assert (line["event"], line["code"], line["log_level"]) == ("rpc", "CANCELLED", "info")
    assert "reason" not in line
    assert [code for _, code, _ in running.counted.finished] == ["CANCELLED"]


async def test_a_caller_whose_time_is_over_is_told_apart(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """DEADLINE_EXCEEDED, where the caller did not go away by itself."""
    cancelled = asyncio.Event()

    async def behave() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.set()
            raise

    running.payments.behave = behave
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await PaymentServiceStub(running.channel).GetPayment(_GET, timeout=0.2)
    assert caught.value.code() is grpc.StatusCode.DEADLINE_EXCEEDED
    await cancelled.wait()
    assert [line["code"] for line in lines] == ["DEADLINE_EXCEEDED"]


async def test_a_follower_who_goes_away_ends_the_stream(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """What the stream waits with is given back at once."""
    running.payments.steps = [_step(1)]

    async def behave() -> None:
        await asyncio.Event().wait()

    running.payments.behave = behave
    stream = PaymentServiceStub(running.channel).WatchPayment(_WATCH)
    await anext(aiter(stream))
    stream.cancel()
    await running.payments.watch_closed.wait()
    assert [line["code"] for line in lines] == ["CANCELLED"]
