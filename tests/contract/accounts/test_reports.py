"""ReportInvoiced and ReportParcelCreated over a real connection."""

from __future__ import annotations

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure

from gateway.accounts.commands import ReportInvoicedCommand, ReportParcelCommand
from gateway.api.money import timestamp_message
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from paygate.v1 import order_service_pb2 as pb
from paygate.v1.money_pb2 import Money as MoneyMessage
from paygate.v1.order_service_pb2_grpc import OrderServiceStub
from psp.money import Money
from tests.contract.edge import RunningEdge, detail, rich_status
from tests.support.payments import NOW, payment

_ID = "0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f"
_AMOUNT = MoneyMessage(amount_minor=1999, currency_code="EUR")
_INVOICED = pb.ReportInvoicedRequest(
    request_id=_ID,
    order_id="order-1",
    invoice_id="I-1",
    customer_id="shopper-1",
    amount=_AMOUNT,
    payment_id=payment().id,
)
_PARCEL = pb.ReportParcelCreatedRequest(
    request_id=_ID, order_id="order-1", parcel_id="P-1", amount=_AMOUNT
)


async def test_an_invoice_is_reported(running: RunningEdge) -> None:
    """The use case gets what was sent, and the movement comes back whole."""
    answer = await OrderServiceStub(running.channel).ReportInvoiced(_INVOICED)

    (command,) = running.use_cases.accounts.seen
    assert command == ReportInvoicedCommand(
        RequestKey(command.key.caller, "ReportInvoiced", _ID),
        "order-1",
        "I-1",
        Money(1999, "EUR"),
        "shopper-1",
        payment().id,
    )
    assert answer.movement == pb.AccountMovement(
        movement_key="invoice:I-1",
        customer_id="shopper-1",
        order_id="order-1",
        kind=pb.MOVEMENT_KIND_INVOICE_CREDIT,
        amount=_AMOUNT,
        reference=payment().id,
        booking_time=timestamp_message(NOW),
    )


async def test_customer_and_payment_may_be_left_out(running: RunningEdge) -> None:
    """They are the order's then."""
    request = pb.ReportInvoicedRequest()
    request.CopyFrom(_INVOICED)
    request.customer_id = request.payment_id = ""

    await OrderServiceStub(running.channel).ReportInvoiced(request)

    (command,) = running.use_cases.accounts.seen
    assert (command.customer_id, command.payment_id) == ("", "")


async def test_a_parcel_is_reported(running: RunningEdge) -> None:
    """As an invoice is, on the order alone."""
    answer = await OrderServiceStub(running.channel).ReportParcelCreated(_PARCEL)

    (command,) = running.use_cases.accounts.seen
    key = RequestKey(command.key.caller, "ReportParcelCreated", _ID)
    assert command == ReportParcelCommand(key, "order-1", "P-1", Money(1999, "EUR"))
    assert answer.movement.movement_key == "parcel:P-1"


async def test_every_violation_arrives_at_once(running: RunningEdge) -> None:
    """With the paths of all fields, and nothing was reported."""
    stub = OrderServiceStub(running.channel)
    amount = ["amount.amount_minor", "amount.currency_code"]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ReportInvoiced(
            pb.ReportInvoicedRequest(customer_id="a b", payment_id="pay_short")
        )
    assert _fields(caught.value) == [
        *("request_id", "order_id", "invoice_id", "customer_id"),
        *amount,
        "payment_id",
    ]
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await stub.ReportParcelCreated(pb.ReportParcelCreatedRequest())
    assert _fields(caught.value) == ["request_id", "order_id", "parcel_id", *amount]
    assert running.use_cases.accounts.seen == []


def _fields(error: grpc.aio.AioRpcError) -> list[str]:
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    return [each.field for each in detail(rich_status(error), BadRequest).field_violations]


@pytest.mark.parametrize(
    "reason",
    [
        Reason.ORDER_NOT_PAID,
        Reason.ORDER_NOT_INVOICED,
        Reason.REPORTED_OTHERWISE,
        Reason.NO_ACCOUNT,
        Reason.AMOUNT_EXCEEDS_REMAINING,
    ],
)
async def test_a_refusal_says_what_to_do(running: RunningEdge, reason: Reason) -> None:
    """FAILED_PRECONDITION with the reason, and the words as a precondition."""
    running.use_cases.accounts.refusal = PaygateError(reason, "report the invoice first")

    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await OrderServiceStub(running.channel).ReportParcelCreated(_PARCEL)

    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    status = rich_status(caught.value)
    assert detail(status, ErrorInfo).reason == reason.value
    (violation,) = detail(status, PreconditionFailure).violations
    assert violation.description == "report the invoice first"
