"""What an operator reads of every call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import grpc
import pytest
import structlog

from gateway.errors import PaygateError, Reason
from paygate.v1 import order_service_pb2 as order_pb
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.order_service_pb2_grpc import OrderServiceStub
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.contract.edge import CLIENT_SECRET, RunningEdge
from tests.support.payments import payment
from tests.unit.api.requests import CARD_NUMBER, REQUEST_ID, create_request

_METHOD = "/paygate.v1.PaymentService/CreatePayment"
_log = structlog.get_logger("use case")


async def _until(holds: Callable[[], bool]) -> None:
    """Wait for what follows a refusal: its status leaves before the call is over."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - what is waited for sets no event
            await asyncio.sleep(0.01)


async def test_a_call_is_one_line(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """Who asked for what, what became of it, and no secret of the payment."""
    await PaymentServiceStub(running.channel).CreatePayment(
        create_request(), metadata=(("x-paygate-caller", "checkout"),)
    )
    (line,) = lines
    duration_ms = line.pop("duration_ms")
    assert line == {
        "event": "rpc",
        "log_level": "info",
        "method": _METHOD,
        "caller": "checkout",
        "code": "OK",
        "request_id": REQUEST_ID,
        "order_id": "order-1",
        "payment_id": payment().id,
        "state": "authorized",
        "psp_account": "stripe_eu",
        "country": "FR",
    }
    assert duration_ms > 0
    assert CLIENT_SECRET not in str(lines)


async def test_what_is_logged_meanwhile_carries_the_calls_ids(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """One id leads to every line of a call, and none leads on to the next call."""

    async def behave() -> None:
        _log.info("working")

    running.payments.behave = behave
    stub = PaymentServiceStub(running.channel)
    await stub.CreatePayment(create_request(), metadata=(("x-paygate-caller", "checkout"),))
    await stub.ListPayments(pb.ListPaymentsRequest())
    working = [line for line in lines if line["event"] == "working"]
    assert working[0] == {
        "event": "working",
        "log_level": "info",
        "method": _METHOD,
        "caller": "checkout",
        "request_id": REQUEST_ID,
        "order_id": "order-1",
    }
    assert working[1] == {
        "event": "working",
        "log_level": "info",
        "method": "/paygate.v1.PaymentService/ListPayments",
        "caller": "anonymous",
    }


async def test_a_refusal_is_logged_with_its_reason(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """Which fields were wrong is told, what stood in them is not."""
    request = create_request(
        order_id=f"{CARD_NUMBER} x", return_url=f"https://x/?card={CARD_NUMBER}"
    )
    with pytest.raises(grpc.aio.AioRpcError):
        await PaymentServiceStub(running.channel).CreatePayment(request)
    await _until(lambda: bool(lines))
    (line,) = lines
    assert (line["code"], line["reason"]) == ("INVALID_ARGUMENT", "INVALID_FIELDS")
    assert line["fields"] == ["order_id", "return_url"]
    assert CARD_NUMBER not in str(line)


async def test_trouble_is_a_warning(
    running: RunningEdge, lines: list[structlog.typing.EventDict]
) -> None:
    """UNAVAILABLE is nobody's mistake, and somebody should look at it."""

    async def behave() -> None:
        raise PaygateError(Reason.PSP_UNAVAILABLE, "down")

    running.payments.behave = behave
    with pytest.raises(grpc.aio.AioRpcError):
        await PaymentServiceStub(running.channel).GetPayment(
            pb.GetPaymentRequest(payment_id=payment().id)
        )
    await _until(lambda: bool(lines))
    assert [(line["log_level"], line["reason"]) for line in lines] == [
        ("warning", "PSP_UNAVAILABLE")
    ]


async def test_every_finished_call_is_counted(running: RunningEdge) -> None:
    """By method and code, with its time."""
    stub = OrderServiceStub(running.channel)
    await stub.GetOrder(order_pb.GetOrderRequest(order_id="order-1"))
    with pytest.raises(grpc.aio.AioRpcError):
        await stub.GetOrder(order_pb.GetOrderRequest(order_id="order-2"))
    await _until(lambda: len(running.counted.finished) > 1)
    method = "/paygate.v1.OrderService/GetOrder"
    assert [(name, code) for name, code, _ in running.counted.finished] == [
        (method, "OK"),
        (method, "NOT_FOUND"),
    ]
    assert all(duration_s > 0 for _, _, duration_s in running.counted.finished)
