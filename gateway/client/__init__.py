"""The client library: how other services call Paygate, blocking or with asyncio.

    with PaygateClient.connect("dns:///paygate:50051") as paygate:
        answer = paygate.get_payment(GetPaymentRequest(payment_id="pay_…"))

Requests and answers are the contract's messages (`paygate.v1`); errors are typed exceptions.
"""

from __future__ import annotations

from gateway.client.aio import AsyncPaygateClient
from gateway.client.blocking import PaygateClient
from gateway.client.errors import (
    CallCanceledError,
    DeadlineError,
    InProgressError,
    InternalError,
    InvalidFieldsError,
    LimitExceededError,
    NotFoundError,
    NotPermittedError,
    PaygateRpcError,
    PreconditionError,
    RequestIdReusedError,
    UnavailableError,
    UnimplementedError,
)
from gateway.client.requests import Timeouts, new_request_id

__all__ = [
    "AsyncPaygateClient",
    "CallCanceledError",
    "DeadlineError",
    "InProgressError",
    "InternalError",
    "InvalidFieldsError",
    "LimitExceededError",
    "NotFoundError",
    "NotPermittedError",
    "PaygateClient",
    "PaygateRpcError",
    "PreconditionError",
    "RequestIdReusedError",
    "Timeouts",
    "UnavailableError",
    "UnimplementedError",
    "new_request_id",
]
