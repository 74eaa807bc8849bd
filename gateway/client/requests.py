"""What both clients do to a request before it is sent: its request_id, its deadline, its caller."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, TypeVar

from paygate.v1.alias_service_pb2 import (
    DeleteAliasRequest,
    ImportAliasesOptions,
    ImportAliasesRequest,
    SetDefaultAliasRequest,
    StartAliasSetupRequest,
)
from paygate.v1.customer_service_pb2 import EnsureCustomerRequest
from paygate.v1.order_service_pb2 import ReportInvoicedRequest, ReportParcelCreatedRequest
from paygate.v1.payment_service_pb2 import (
    CancelPaymentRequest,
    CapturePaymentRequest,
    CreatePaymentRequest,
)
from paygate.v1.reconciliation_service_pb2 import (
    ResolveDiscrepancyRequest,
    RunReconciliationRequest,
)
from paygate.v1.refund_service_pb2 import (
    CreateRefundRequest,
    SubmitRefundBatchOptions,
    SubmitRefundBatchRequest,
)

CALLER_KEY: Final = "x-paygate-caller"
"""Metadata that names the calling service where no certificate does."""

ChangeT = TypeVar(
    "ChangeT",
    EnsureCustomerRequest,
    CreatePaymentRequest,
    CapturePaymentRequest,
    CancelPaymentRequest,
    CreateRefundRequest,
    ReportInvoicedRequest,
    ReportParcelCreatedRequest,
    StartAliasSetupRequest,
    SetDefaultAliasRequest,
    DeleteAliasRequest,
    ImportAliasesOptions,
    SubmitRefundBatchOptions,
    RunReconciliationRequest,
    ResolveDiscrepancyRequest,
)
"""A request that changes something, and so carries a request_id."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long a call may take, by what it does, unless the call says otherwise. In seconds."""

    read_s: float = 10.0
    change_s: float = 45.0
    """Longer than the gateway waits for a PSP (40 s), so that its answer is heard."""
    watch_s: float = 3600.0
    """Then `DeadlineError`: watch again, after the last sequence seen."""
    import_s: float = 3600.0
    """Then `DeadlineError`: send the file again, which goes on from there."""
    reconcile_s: float = 7200.0
    """Then `DeadlineError`: run it again, which goes on from there."""


DEFAULT_TIMEOUTS: Final = Timeouts()


def new_request_id() -> str:
    """Return a new request_id. Keep it before you send, if you will want to replay after a crash.

    One purchase attempt, one capture, one cancellation: one id, however often it is sent.
    """
    return str(uuid.uuid4())


def with_request_id(request: ChangeT) -> ChangeT:
    """Return the request if it has a request_id, else a copy of it with a new one."""
    if request.request_id:
        return request
    named = type(request)()
    named.CopyFrom(request)
    named.request_id = new_request_id()
    return named


def import_message(part: ImportAliasesOptions | bytes) -> ImportAliasesRequest:
    """Return one message of an import: the options, or a piece of the file."""
    if isinstance(part, bytes):
        return ImportAliasesRequest(chunk=part)
    return ImportAliasesRequest(options=part)


def import_messages(
    options: ImportAliasesOptions, chunks: Iterable[bytes]
) -> Iterator[ImportAliasesRequest]:
    """Yield the messages of an import; an empty piece says nothing and is left out."""
    yield import_message(options)
    for chunk in chunks:
        if chunk:
            yield import_message(chunk)


def batch_message(part: SubmitRefundBatchOptions | bytes) -> SubmitRefundBatchRequest:
    """Return one message of a refund file: the options, or a piece of the file."""
    if isinstance(part, bytes):
        return SubmitRefundBatchRequest(chunk=part)
    return SubmitRefundBatchRequest(options=part)


def batch_messages(
    options: SubmitRefundBatchOptions, chunks: Iterable[bytes]
) -> Iterator[SubmitRefundBatchRequest]:
    """Yield the messages of a refund file; an empty piece says nothing and is left out."""
    yield batch_message(options)
    for chunk in chunks:
        if chunk:
            yield batch_message(chunk)


def caller_metadata(caller: str) -> tuple[tuple[str, str], ...]:
    """Return the metadata of every call; empty if the caller gives no name."""
    return ((CALLER_KEY, caller),) if caller else ()
