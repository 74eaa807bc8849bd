"""A refusal on the wire."""

from __future__ import annotations

import base64
from typing import TypeVar

import pytest
from google.protobuf.message import Message
from google.rpc import status_pb2
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo

from gateway.api.rich_status import status_of, trailers_of
from gateway.errors import FieldViolation, PaygateError, Reason, StateViolation

M = TypeVar("M", bound=Message)
_CLIENTS_HEADER_LIMIT_BYTES = 8 * 1024


def _details(status: status_pb2.Status, kind: type[M]) -> list[M]:
    found = []
    for packed in status.details:
        detail = kind()
        if packed.Unpack(detail):
            found.append(detail)
    return found


def test_every_refusal_says_its_reason() -> None:
    """ErrorInfo: domain, reason, metadata."""
    status = status_of(PaygateError(Reason.PAYMENT_NOT_FOUND, "none", metadata={"a": "b"}))
    assert (status.code, status.message) == (5, "none")
    assert _details(status, ErrorInfo) == [
        ErrorInfo(reason="PAYMENT_NOT_FOUND", domain="paygate.v1", metadata={"a": "b"})
    ]
    assert len(status.details) == 1


def test_malformed_fields_are_all_listed() -> None:
    """BadRequest: every violation with its path."""
    fields = [FieldViolation("order_id", "is required"), FieldViolation("amount", "is 0")]
    status = status_of(PaygateError(Reason.INVALID_FIELDS, "two", fields=fields))
    (bad_request,) = _details(status, BadRequest)
    assert [(each.field, each.description) for each in bad_request.field_violations] == [
        ("order_id", "is required"),
        ("amount", "is 0"),
    ]


@pytest.mark.parametrize(
    "states, expected",
    [
        (
            [StateViolation("PAYMENT_STATE", "payments/pay_1", "is captured")],
            ("PAYMENT_STATE", "payments/pay_1", "is captured"),
        ),
        ([], ("PAYMENT_STATE", "payments/pay_1", "cannot be captured")),
    ],
    ids=["stated", "stored and answered again"],
)
def test_a_failed_precondition_says_which(
    states: list[StateViolation], expected: tuple[str, str, str]
) -> None:
    """PreconditionFailure, also where nothing but the message was kept."""
    error = PaygateError(
        Reason.PAYMENT_STATE,
        "cannot be captured",
        metadata={"payment_id": "pay_1"},
        states=states,
    )
    (failure,) = _details(status_of(error), PreconditionFailure)
    assert [(each.type, each.subject, each.description) for each in failure.violations] == [
        expected
    ]


def test_waiting_is_said_twice() -> None:
    """RetryInfo for callers, and the pushback that gRPC's own retries obey."""
    error = PaygateError(Reason.REQUEST_IN_PROGRESS, "runs", retry_after_s=1.2345)
    status = status_of(error)
    (info,) = _details(status, RetryInfo)
    assert info.retry_delay.ToTimedelta().total_seconds() == 1.2345
    assert trailers_of(error, status) == (
        ("grpc-status-details-bin", status.SerializeToString()),
        ("grpc-retry-pushback-ms", "1235"),
    )


def test_a_long_wait_is_the_callers_to_decide() -> None:
    """GRPC's own retries end at once: silent until its deadline, a caller could do nothing else."""
    error = PaygateError(Reason.PSP_UNAVAILABLE, "breaker open", retry_after_s=60.0)
    status = status_of(error)
    (info,) = _details(status, RetryInfo)
    assert info.retry_delay.seconds == 60
    assert dict(trailers_of(error, status))["grpc-retry-pushback-ms"] == "-1"


def test_nothing_pushes_back_where_waiting_does_not_help() -> None:
    """No RetryInfo, no pushback."""
    error = PaygateError(Reason.PAYMENT_STATE, "is captured")
    status = status_of(error)
    assert _details(status, RetryInfo) == []
    assert [key for key, _ in trailers_of(error, status)] == ["grpc-status-details-bin"]


def test_the_longest_refusal_fits_into_headers() -> None:
    """A client drops trailers above 8 KiB, and would see another error than ours."""
    fields = [FieldViolation(f"profile.field_{n}", "x" * 10_000) for n in range(200)]
    states = [StateViolation("TYPE", f"payments/{n}", "x" * 10_000) for n in range(200)]
    for error in (
        PaygateError(Reason.INVALID_FIELDS, "x" * 100_000, fields=fields),
        PaygateError(
            Reason.PAYMENT_STATE, "x" * 100_000, states=states, metadata={"a": "x" * 10_000}
        ),
    ):
        status = status_of(error)
        details = base64.b64encode(dict(trailers_of(error, status))["grpc-status-details-bin"])  # type: ignore[arg-type]  # this one is bytes
        assert len(details) + len(status.message) < _CLIENTS_HEADER_LIMIT_BYTES
