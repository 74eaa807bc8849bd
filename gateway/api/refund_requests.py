"""RefundService: requests to what the use cases take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from gateway.api import values
from gateway.api.call import Call
from gateway.api.enums import REFUND_REASONS, REFUND_STATES
from gateway.api.fields import RequestReader
from gateway.api.money import read_money
from gateway.api.page_tokens import cursor_of, page_token
from gateway.domain.refund import RefundFilter
from gateway.domain.requests import RequestKey
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment, RefundReason
from paygate.v1 import refund_service_pb2 as pb

_LIST_REFUNDS: Final = "ListRefunds"


@dataclass(frozen=True, slots=True)
class RefundsQuery:
    """One page of ListRefunds."""

    wanted: RefundFilter
    filters: tuple[str, ...]
    """The same as texts, for the page tokens."""
    before_id: str
    """Id of the last refund of the page before; empty for the first page."""
    page_size: int

    def next_token(self, last_id: str) -> str:
        """Return the token of the page after this one."""
        return page_token(_LIST_REFUNDS, self.filters, last_id)


def read_create(request: pb.CreateRefundRequest, call: Call) -> CreateRefundCommand:
    """Parse a CreateRefundRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    payment = _read_payment(reader, request)
    amount = read_money(reader, "amount", request.amount) if request.HasField("amount") else None
    reason = reader.read("reason", REFUND_REASONS.read_optional, request.reason)
    reader.finish()
    return CreateRefundCommand(
        key=RequestKey(call.caller, call.rpc, request_id.value),
        payment=payment,
        amount=None if amount is None else amount.value,
        reason=reason.value or RefundReason.REQUESTED_BY_CUSTOMER,
    )


def _read_payment(reader: RequestReader, request: pb.CreateRefundRequest) -> RefundedPayment:
    """Read which payment is meant; what could not be read is told by `reader.finish`."""
    if not request.HasField("psp_payment"):
        reader.read("payment_id", values.payment_id, request.payment_id)
        return RefundedPayment(payment_id=request.payment_id)
    given = request.psp_payment
    reader.read("psp_payment.psp_account", values.identifier, given.psp_account)
    reader.read("psp_payment.psp_reference", values.identifier, given.psp_reference)
    reader.read("psp_payment.order_id", values.optional(values.identifier), given.order_id)
    return RefundedPayment(
        psp_account=given.psp_account,
        psp_reference=given.psp_reference,
        order_id=given.order_id,
    )


def read_get(request: pb.GetRefundRequest) -> str:
    """Return the refund's id; raises `PaygateError` if it has not the form of one."""
    reader = RequestReader()
    refund_id = reader.read("refund_id", values.refund_id, request.refund_id)
    reader.finish()
    return refund_id.value


def read_list(request: pb.ListRefundsRequest) -> RefundsQuery:
    """Parse a ListRefundsRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    payment_id = reader.read("payment_id", values.optional(values.payment_id), request.payment_id)
    order_id = reader.read("order_id", values.optional(values.identifier), request.order_id)
    state = reader.read("state", REFUND_STATES.read_optional, request.state)
    psp_account = reader.read(
        "psp_account", values.optional(values.identifier), request.psp_account
    )
    page_size = reader.read("page_size", values.page_size, request.page_size)
    filters = (request.payment_id, request.order_id, str(request.state), request.psp_account)
    before_id = reader.read(
        "page_token", cursor_of(_LIST_REFUNDS, filters, values.refund_id, ""), request.page_token
    )
    reader.finish()
    wanted = RefundFilter(payment_id.value, order_id.value, state.value, psp_account.value)
    return RefundsQuery(wanted, filters, before_id.value, page_size.value)
