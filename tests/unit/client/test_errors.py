"""From a status and its details to a typed exception."""

from __future__ import annotations

import grpc
import pytest
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import (
    BadRequest,
    DebugInfo,
    ErrorInfo,
    PreconditionFailure,
    RetryInfo,
)
from google.rpc.status_pb2 import Status

from gateway.client.errors import (
    BY_STATUS,
    InProgressError,
    InternalError,
    InvalidFieldsError,
    PaygateRpcError,
    PreconditionError,
    RequestIdReusedError,
    UnavailableError,
    typed_error,
)
from gateway.errors import FieldViolation, StateViolation


def _error(code: grpc.StatusCode, *details: Message, raw: bytes | None = None) -> grpc.RpcError:
    packed = [AnyMessage() for _ in details]
    for anything, detail in zip(packed, details, strict=True):
        anything.Pack(detail)
    status = Status(code=code.value[0], message="words", details=packed).SerializeToString()
    pairs = (("date", "today"), ("grpc-status-details-bin", status if raw is None else raw))
    trailers = grpc.aio.Metadata(*pairs)
    return grpc.aio.AioRpcError(code, grpc.aio.Metadata(), trailers, "words")


def _info(reason: str, domain: str = "paygate.v1", **metadata: str) -> ErrorInfo:
    return ErrorInfo(reason=reason, domain=domain, metadata=metadata)


def test_every_status_has_an_exception() -> None:
    """The table is total, so no status can surprise a caller."""
    assert {*grpc.StatusCode} - {grpc.StatusCode.OK} == {*BY_STATUS}


@pytest.mark.parametrize("code", BY_STATUS)
def test_an_error_without_details_goes_by_its_status(code: grpc.StatusCode) -> None:
    """What a proxy answers is typed as well."""
    error = typed_error(grpc.aio.AioRpcError(code, details="words"), "id-1")

    assert type(error) is BY_STATUS[code]
    assert (error.code, error.message, error.reason, error.request_id) == (
        code,
        "words",
        "",
        "id-1",
    )
    assert error.retry_after_s is None
    assert error.error_id == ""


def test_all_field_violations_are_told() -> None:
    """Every violation arrives with its path, also in the exception's text."""
    violations = [
        BadRequest.FieldViolation(field="amount", description="above zero"),
        BadRequest.FieldViolation(field="order_id", description="missing"),
    ]
    error = typed_error(
        _error(
            grpc.StatusCode.INVALID_ARGUMENT,
            _info("INVALID_FIELDS"),
            BadRequest(field_violations=violations),
        )
    )

    assert type(error) is InvalidFieldsError
    assert error.field_violations == (
        FieldViolation("amount", "above zero"),
        FieldViolation("order_id", "missing"),
    )
    assert str(error) == (
        "INVALID_ARGUMENT INVALID_FIELDS: words; amount: above zero; order_id: missing"
    )


def test_a_precondition_is_told_with_its_state() -> None:
    """The state that does not allow it, and the reason, arrive."""
    violation = PreconditionFailure.Violation(
        type="PAYMENT_STATE", subject="payments/pay_1", description="is CANCELED"
    )
    error = typed_error(
        _error(
            grpc.StatusCode.FAILED_PRECONDITION,
            _info("PAYMENT_STATE"),
            PreconditionFailure(violations=[violation]),
        )
    )

    assert type(error) is PreconditionError
    assert error.reason == "PAYMENT_STATE"
    assert error.precondition_violations == (
        StateViolation("PAYMENT_STATE", "payments/pay_1", "is CANCELED"),
    )
    assert "payments/pay_1: is CANCELED" in str(error)


def test_a_reused_request_id_has_its_own_exception() -> None:
    """It is the caller's bug, unlike the other preconditions."""
    error = typed_error(
        _error(grpc.StatusCode.FAILED_PRECONDITION, _info("REQUEST_ID_REUSED")), "id-1"
    )

    assert type(error) is RequestIdReusedError
    assert isinstance(error, PreconditionError)
    assert error.request_id == "id-1"


def test_the_wait_before_asking_again_is_told() -> None:
    """RetryInfo becomes seconds."""
    error = typed_error(
        _error(
            grpc.StatusCode.ABORTED,
            _info("REQUEST_IN_PROGRESS"),
            RetryInfo(retry_delay=Duration(seconds=1, nanos=500_000_000)),
        )
    )

    assert type(error) is InProgressError
    assert error.retry_after_s == 1.5


def test_a_fault_names_its_error_id() -> None:
    """What an operator searches for is in the exception and in its text."""
    error = typed_error(
        _error(grpc.StatusCode.INTERNAL, _info("INTERNAL", error_id="err_1", psp_code="x"))
    )

    assert type(error) is InternalError
    assert (error.error_id, error.metadata["psp_code"]) == ("err_1", "x")
    assert "error_id err_1" in str(error)


def test_details_of_others_are_left_alone() -> None:
    """A proxy's ErrorInfo gives no reason of ours, and unknown details do no harm."""
    error = typed_error(
        _error(
            grpc.StatusCode.UNAVAILABLE,
            DebugInfo(detail="stack"),
            _info("REQUEST_ID_REUSED", domain="mesh.example"),
        )
    )

    assert type(error) is UnavailableError
    assert (error.reason, dict(error.metadata)) == ("", {})


def test_unreadable_details_leave_the_status() -> None:
    """Bytes that are no Status do not hide what failed."""
    error = typed_error(_error(grpc.StatusCode.NOT_FOUND, raw=b"\xff\xff"))

    assert isinstance(error, PaygateRpcError)
    assert (error.code, error.reason) == (grpc.StatusCode.NOT_FOUND, "")
