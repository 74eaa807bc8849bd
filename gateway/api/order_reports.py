"""OrderService's reports: requests to what the use cases take, and postings to messages."""

from __future__ import annotations

from gateway.accounts.commands import ReportInvoicedCommand, ReportParcelCommand
from gateway.api import values
from gateway.api.call import Call
from gateway.api.enums import MOVEMENT_KINDS
from gateway.api.fields import RequestReader
from gateway.api.money import money_message, read_money, timestamp_message
from gateway.domain.posting import Posting
from gateway.domain.requests import RequestKey
from paygate.v1 import order_service_pb2 as pb


def read_invoiced(request: pb.ReportInvoicedRequest, call: Call) -> ReportInvoicedCommand:
    """Parse a ReportInvoicedRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    order_id = reader.read("order_id", values.identifier, request.order_id)
    invoice_id = reader.read("invoice_id", values.identifier, request.invoice_id)
    customer_id = reader.read(
        "customer_id", values.optional(values.identifier), request.customer_id
    )
    amount = read_money(reader, "amount", request.amount)
    payment_id = reader.read("payment_id", values.optional(values.payment_id), request.payment_id)
    reader.finish()
    return ReportInvoicedCommand(
        key=RequestKey(call.caller, call.rpc, request_id.value),
        order_id=order_id.value,
        invoice_id=invoice_id.value,
        amount=amount.value,
        customer_id=customer_id.value,
        payment_id=payment_id.value,
    )


def read_parcel(request: pb.ReportParcelCreatedRequest, call: Call) -> ReportParcelCommand:
    """Parse a ReportParcelCreatedRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    order_id = reader.read("order_id", values.identifier, request.order_id)
    parcel_id = reader.read("parcel_id", values.identifier, request.parcel_id)
    amount = read_money(reader, "amount", request.amount)
    reader.finish()
    return ReportParcelCommand(
        key=RequestKey(call.caller, call.rpc, request_id.value),
        order_id=order_id.value,
        parcel_id=parcel_id.value,
        amount=amount.value,
    )


def movement_message(posting: Posting) -> pb.AccountMovement:
    """Write a movement."""
    return pb.AccountMovement(
        movement_key=posting.key,
        customer_id=posting.customer_id,
        order_id=posting.order_id,
        kind=MOVEMENT_KINDS.to_wire[posting.kind],
        amount=money_message(posting.amount),
        reference=posting.reference,
        booking_time=timestamp_message(posting.booking_time),
    )
