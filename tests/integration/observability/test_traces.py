"""One trace leads from what a caller asked to what became of its order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

import grpc
import pytest
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.trace import SpanKind, StatusCode

from gateway.client import new_request_id
from gateway.demo.acting import TOTAL, creation
from gateway.demo.stage import PATIENCE_S, Stage
from gateway.ids import new_id
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.order_service_pb2 import ORDER_STATE_CANCELED
from paygate.v1.payment_service_pb2_grpc import PaymentServiceStub
from tests.integration.observability.playing import purchase
from tests.support.watching import Spans, id_of, parent_of

_TRACE_ID: Final = "4bf92f3577b34da6a3ce929d0e0e4736"
_TRACEPARENT: Final = f"00-{_TRACE_ID}-00f067aa0ba902b7-01"
_SERVICE: Final = "paygate.v1.PaymentService"


async def _comes(spans: Spans, name: str) -> ReadableSpan:
    """Return the first span of a name, once it has ended."""
    return await _comes_where(spans, lambda each: each.name == name)


async def _comes_where(spans: Spans, wanted: Callable[[ReadableSpan], bool]) -> ReadableSpan:
    async with asyncio.timeout(PATIENCE_S):
        while True:
            for each in spans.all():
                if wanted(each):
                    return each
            await asyncio.sleep(0.02)


async def test_a_call_leads_through_psp_and_journal_to_the_back_office(
    stage: Stage, spans: Spans
) -> None:
    """The caller's own trace: RPC, operation, PSP, database, then the delivery and the order."""
    await stage.store_draft("order-1", TOTAL)
    created = await stage.client.create_payment(creation("order-1"))
    async with grpc.aio.insecure_channel(stage.gateway.grpc_address) as channel:
        await PaymentServiceStub(channel).CancelPayment(
            pb.CancelPaymentRequest(request_id=new_request_id(), payment_id=created.payment.id),
            metadata=(("traceparent", _TRACEPARENT),),
            timeout=10,
        )
    await stage.order_in("order-1", ORDER_STATE_CANCELED)
    told = await _comes(spans, "job delivery")

    trace = spans.of_trace_of(told)
    by_name = {each.name: each for each in trace}
    rpc = by_name[f"{_SERVICE}/CancelPayment"]
    assert format(id_of(rpc), "032x") == _TRACE_ID
    assert (rpc.kind, told.kind) == (SpanKind.SERVER, SpanKind.CONSUMER)
    assert parent_of(by_name["operation cancel"], trace) is rpc
    assert parent_of(by_name["psp cancel_payment"], trace) is by_name["operation cancel"]
    assert parent_of(told, trace) is rpc
    assert parent_of(by_name["back_office cancel_order"], trace) is told
    tables = {str((each.attributes or {}).get("db.collection.name")) for each in trace}
    assert any({"journal", "outbox"} <= set(each.split()) for each in tables)
    assert {each.status.status_code for each in trace} == {StatusCode.UNSET}


async def test_a_webhook_leads_to_a_released_order(stage: Stage, spans: Spans) -> None:
    """What a PSP told is one trace up to the capture and the release that follow from it."""
    payment_id = await purchase(stage)
    released = await _comes(spans, "back_office release_order")
    delivery = await _comes_where(spans, lambda each: each.context == released.parent)

    trace = spans.of_trace_of(released)
    names = {each.name for each in trace}
    assert {"webhook", "job inbox", "job delivery", "operation capture"} <= names
    assert {"psp retrieve_payment", "psp capture_payment"} <= names
    (root,) = (each for each in trace if each.parent is None)
    assert (root.name, root.kind) == ("webhook", SpanKind.SERVER)
    assert delivery.name == "job delivery"
    assert (delivery.attributes or {})["paygate.payment_id"] == payment_id


@pytest.mark.parametrize(
    "request_,code",
    [
        (pb.GetPaymentRequest(payment_id=new_id("pay")), grpc.StatusCode.NOT_FOUND),
        (pb.GetPaymentRequest(payment_id="no id"), grpc.StatusCode.INVALID_ARGUMENT),
    ],
)
async def test_a_callers_mistake_is_no_error_of_ours(
    stage: Stage, spans: Spans, request_: pb.GetPaymentRequest, code: grpc.StatusCode
) -> None:
    """A rich error ends the call by an exception too, and the span says how without failing."""
    async with grpc.aio.insecure_channel(stage.gateway.grpc_address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await PaymentServiceStub(channel).GetPayment(request_, timeout=10)
    assert refused.value.code() is code

    span = await _comes(spans, f"{_SERVICE}/GetPayment")
    assert span.status.status_code is StatusCode.UNSET
    assert (span.attributes or {})["rpc.grpc.status_code"] == code.value[0]
    assert span.events == ()


async def test_a_psp_that_does_not_answer_fails_its_own_span(stage: Stage, spans: Spans) -> None:
    """The caller has an answer, that the outcome is unknown; the call to the PSP has none."""
    await stage.store_draft("order-1", TOTAL)
    stage.sandbox.inject("error_before", path_prefix="/v1/payment_intents", count=10)
    created = await stage.client.create_payment(creation("order-1"))
    assert created.payment.state == pb.PAYMENT_STATE_OUTCOME_UNKNOWN

    rpc = await _comes(spans, f"{_SERVICE}/CreatePayment")
    (psp,) = (each for each in spans.of_trace_of(rpc) if each.name == "psp create_payment")
    assert rpc.status.status_code is StatusCode.UNSET
    assert (psp.status.status_code, psp.status.description) == (
        StatusCode.ERROR,
        "outcome_unknown",
    )
