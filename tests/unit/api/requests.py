"""Requests that nothing is wrong with, for tests to spoil."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from gateway.api.call import Call
from gateway.domain.aliases import AliasReference, alias_id
from gateway.errors import PaygateError, Reason
from gateway.ids import new_id
from paygate.v1 import customer_service_pb2 as customer_pb
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.money_pb2 import Money

REQUEST_ID = "0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f"
ALIAS_ID = alias_id(AliasReference("stripe_eu", "pm_1"))
CARD_NUMBER = "4242424242424242"


def call(rpc: str) -> Call:
    """Return a call of checkout's."""
    return Call(f"/paygate.v1.Service/{rpc}", caller="checkout")


def create_request(**changes: Any) -> pb.CreatePaymentRequest:
    """Return a card payment of 19.99 EUR in France."""
    fields: dict[str, Any] = {
        "request_id": REQUEST_ID,
        "order_id": "order-1",
        "customer_id": "shopper-1",
        "country_code": "FR",
        "method": pb.PAYMENT_METHOD_CARD,
        "amount": Money(amount_minor=1999, currency_code="EUR"),
        "return_url": "https://shop.example/return?order=order-1",
    }
    return pb.CreatePaymentRequest(**{**fields, **changes})


def capture_request(**changes: Any) -> pb.CapturePaymentRequest:
    """Return a capture of all that is authorised."""
    return pb.CapturePaymentRequest(
        **{"request_id": REQUEST_ID, "payment_id": new_id("pay"), **changes}
    )


def cancel_request(**changes: Any) -> pb.CancelPaymentRequest:
    """Return a cancellation without a reason."""
    return pb.CancelPaymentRequest(
        **{"request_id": REQUEST_ID, "payment_id": new_id("pay"), **changes}
    )


def ensure_request(**profile: Any) -> customer_pb.EnsureCustomerRequest:
    """Return a shopper in France; `profile` changes her record."""
    record: dict[str, Any] = {
        "email": "ada@example.com",
        "name": "Ada Lovelace",
        "phone": "+33612345678",
        "preferred_locale": "fr-FR",
        **profile,
    }
    return customer_pb.EnsureCustomerRequest(
        request_id=REQUEST_ID,
        customer_id="shopper-1",
        country_code="FR",
        profile=customer_pb.CustomerProfile(**record),
    )


def refused_fields(read: Callable[[], object]) -> dict[str, str]:
    """Return the descriptions of all violations by field; fails if nothing is refused."""
    with pytest.raises(PaygateError) as caught:
        read()
    assert caught.value.reason is Reason.INVALID_FIELDS
    return {violation.field: violation.description for violation in caught.value.fields}
