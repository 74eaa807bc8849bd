"""PaymentService: requests to what the use cases take."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from gateway.api import texts, values
from gateway.api.call import Call
from gateway.api.enums import CANCEL_REASONS, METHODS, PAYMENT_STATES
from gateway.api.fields import Parsed, RequestReader
from gateway.api.money import read_money
from gateway.api.page_tokens import cursor_of, page_token
from gateway.domain.aliases import parse_alias_id
from gateway.domain.payment import PaymentFilter
from gateway.domain.requests import RequestKey
from gateway.payments.commands import (
    CancelPaymentCommand,
    CancelReason,
    CapturePaymentCommand,
    CreatePaymentCommand,
)
from paygate.v1 import payment_service_pb2 as pb

_LIST_PAYMENTS: Final = "ListPayments"
_LIST_EVENTS: Final = "ListPaymentEvents"
_SEQUENCE: Final = re.compile(r"[0-9]{1,18}", re.ASCII)  # what a 64-bit column holds


@dataclass(frozen=True, slots=True)
class PaymentsQuery:
    """One page of ListPayments."""

    wanted: PaymentFilter
    filters: tuple[str, ...]
    """The same as texts, for the page tokens."""
    before_id: str
    """Id of the last payment of the page before; empty for the first page."""
    page_size: int

    def next_token(self, last_id: str) -> str:
        """Return the token of the page after this one."""
        return page_token(_LIST_PAYMENTS, self.filters, last_id)


@dataclass(frozen=True, slots=True)
class EventsQuery:
    """One page of ListPaymentEvents."""

    payment_id: str
    after_sequence: int
    page_size: int

    def next_token(self, last_sequence: int) -> str:
        """Return the token of the page after this one."""
        return page_token(_LIST_EVENTS, [self.payment_id], str(last_sequence))


@dataclass(frozen=True, slots=True)
class WatchQuery:
    """See `paygate.v1.WatchPaymentRequest`."""

    payment_id: str
    after_sequence: int


def read_create(request: pb.CreatePaymentRequest, call: Call) -> CreatePaymentCommand:
    """Parse a CreatePaymentRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    order_id = reader.read("order_id", values.identifier, request.order_id)
    customer_id = reader.read(
        "customer_id", values.optional(values.identifier), request.customer_id
    )
    country_code = reader.read("country_code", values.country_code, request.country_code)
    method = reader.read("method", METHODS.read, request.method)
    amount = read_money(reader, "amount", request.amount)
    alias_id = reader.read("alias_id", values.optional(_alias_id), request.alias_id)
    own_ids = (request.order_id, request.customer_id)
    return_url = reader.read("return_url", texts.return_url(own_ids), request.return_url)
    _check_alias_rules(reader, request)
    reader.finish()
    return CreatePaymentCommand(
        key=_key(call, request_id),
        order_id=order_id.value,
        customer_id=customer_id.value,
        country_code=country_code.value,
        method=method.value,
        amount=amount.value,
        alias_id=alias_id.value,
        save_alias=request.save_alias,
        return_url=return_url.value,
        off_session=request.off_session,
    )


def read_capture(request: pb.CapturePaymentRequest, call: Call) -> CapturePaymentCommand:
    """Parse a CapturePaymentRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    payment_id = reader.read("payment_id", values.payment_id, request.payment_id)
    amount = read_money(reader, "amount", request.amount) if request.HasField("amount") else None
    reader.finish()
    return CapturePaymentCommand(
        _key(call, request_id), payment_id.value, None if amount is None else amount.value
    )


def read_cancel(request: pb.CancelPaymentRequest, call: Call) -> CancelPaymentCommand:
    """Parse a CancelPaymentRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    request_id = reader.read("request_id", values.request_id, request.request_id)
    payment_id = reader.read("payment_id", values.payment_id, request.payment_id)
    reason = reader.read("reason", CANCEL_REASONS.read_optional, request.reason)
    reader.finish()
    return CancelPaymentCommand(
        _key(call, request_id),
        payment_id.value,
        reason.value or CancelReason.REQUESTED_BY_CUSTOMER,
    )


def read_get(request: pb.GetPaymentRequest) -> str:
    """Return the payment's id; raises `PaygateError` if it has not the form of one."""
    reader = RequestReader()
    payment_id = reader.read("payment_id", values.payment_id, request.payment_id)
    reader.finish()
    return payment_id.value


def read_list(request: pb.ListPaymentsRequest) -> PaymentsQuery:
    """Parse a ListPaymentsRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    optional_id = values.optional(values.identifier)
    order_id = reader.read("order_id", optional_id, request.order_id)
    customer_id = reader.read("customer_id", optional_id, request.customer_id)
    state = reader.read("state", PAYMENT_STATES.read_optional, request.state)
    psp_account = reader.read("psp_account", optional_id, request.psp_account)
    page_size = reader.read("page_size", values.page_size, request.page_size)
    filters = (request.order_id, request.customer_id, str(request.state), request.psp_account)
    before_id = reader.read(
        "page_token",
        cursor_of(_LIST_PAYMENTS, filters, values.payment_id, ""),
        request.page_token,
    )
    reader.finish()
    wanted = PaymentFilter(order_id.value, customer_id.value, state.value, psp_account.value)
    return PaymentsQuery(wanted, filters, before_id.value, page_size.value)


def read_events(request: pb.ListPaymentEventsRequest) -> EventsQuery:
    """Parse a ListPaymentEventsRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    payment_id = reader.read("payment_id", values.payment_id, request.payment_id)
    page_size = reader.read("page_size", values.page_size, request.page_size)
    after_sequence = reader.read(
        "page_token",
        cursor_of(_LIST_EVENTS, [request.payment_id], _sequence, 0),
        request.page_token,
    )
    reader.finish()
    return EventsQuery(payment_id.value, after_sequence.value, page_size.value)


def read_watch(request: pb.WatchPaymentRequest) -> WatchQuery:
    """Parse a WatchPaymentRequest; raises `PaygateError` with every violation."""
    reader = RequestReader()
    payment_id = reader.read("payment_id", values.payment_id, request.payment_id)
    after_sequence = reader.read("after_sequence", values.sequence, request.after_sequence)
    reader.finish()
    return WatchQuery(payment_id.value, after_sequence.value)


def _check_alias_rules(reader: RequestReader, request: pb.CreatePaymentRequest) -> None:
    if request.alias_id and not request.customer_id:
        reader.refuse("customer_id", "is required with alias_id: an alias is a shopper's own")
    if request.save_alias and not request.customer_id:
        reader.refuse("customer_id", "is required with save_alias: a guest keeps no aliases")
    if request.off_session and not request.alias_id:
        reader.refuse("alias_id", "is required with off_session: there is nobody to ask for a card")
    if request.off_session and request.save_alias:
        reader.refuse("save_alias", "must be false with off_session: there is nothing new to keep")


def _key(call: Call, request_id: Parsed[str]) -> RequestKey:
    return RequestKey(call.caller, call.rpc, request_id.value)


def _alias_id(text: str) -> str:
    parse_alias_id(text)
    return text


def _sequence(text: str) -> int:
    if not _SEQUENCE.fullmatch(text):
        raise ValueError("is no sequence")
    return int(text)
