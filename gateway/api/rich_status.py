"""A refusal on the wire: google.rpc.Status with its details, and what tells clients to wait."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import timedelta
from typing import Final

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.duration_pb2 import Duration
from google.protobuf.message import Message
from google.rpc import error_details_pb2, status_pb2
from grpc import StatusCode

from gateway.api.error_table import CODE_OF_REASON
from gateway.errors import PaygateError

DOMAIN: Final = "paygate.v1"
"""Of every `google.rpc.ErrorInfo`."""
STATUS_DETAILS_KEY: Final = "grpc-status-details-bin"
PUSHBACK_KEY: Final = "grpc-retry-pushback-ms"
"""gRPC, retry design (A6): milliseconds that a client's own retry waits; below zero: none."""
_LONGEST_PUSHBACK_S: Final = 5.0
"""A client that waits by itself tells nobody why: beyond this the caller decides, who is told."""
_NO_RETRY: Final = "-1"

# Trailers travel in HTTP/2 headers, which clients take up to 8 KiB of, base64 included. What
# is said twice, message and descriptions, has to fit in that with the longest list of violations.
_MAX_MESSAGE_CHARACTERS: Final = 512
_MAX_DESCRIPTION_CHARACTERS: Final = 200
_MAX_VIOLATIONS: Final = 16

Trailers = tuple[tuple[str, str | bytes], ...]


def status_of(error: PaygateError) -> status_pb2.Status:
    """Return the status with all its details."""
    code, _ = CODE_OF_REASON[error.reason].value
    return status_pb2.Status(
        code=code,
        message=_cut(error.message, _MAX_MESSAGE_CHARACTERS),
        details=[_packed(detail) for detail in _details(error)],
    )


def trailers_of(error: PaygateError, status: status_pb2.Status) -> Trailers:
    """Return the trailing metadata that goes with the status."""
    details = (STATUS_DETAILS_KEY, status.SerializeToString())
    if error.retry_after_s is None:
        return (details,)
    if error.retry_after_s > _LONGEST_PUSHBACK_S:
        return (details, (PUSHBACK_KEY, _NO_RETRY))
    return (details, (PUSHBACK_KEY, str(math.ceil(error.retry_after_s * 1000))))


def _details(error: PaygateError) -> Iterator[Message]:
    yield error_details_pb2.ErrorInfo(
        reason=error.reason.value,
        domain=DOMAIN,
        metadata={
            name: _cut(value, _MAX_DESCRIPTION_CHARACTERS) for name, value in error.metadata.items()
        },
    )
    if error.fields:
        yield _bad_request(error)
    if CODE_OF_REASON[error.reason] is StatusCode.FAILED_PRECONDITION:
        yield _precondition_failure(error)
    if error.retry_after_s is not None:
        delay = Duration()
        delay.FromTimedelta(timedelta(seconds=error.retry_after_s))
        yield error_details_pb2.RetryInfo(retry_delay=delay)


def _bad_request(error: PaygateError) -> error_details_pb2.BadRequest:
    return error_details_pb2.BadRequest(
        field_violations=[
            error_details_pb2.BadRequest.FieldViolation(
                field=violation.field,
                description=_cut(violation.description, _MAX_DESCRIPTION_CHARACTERS),
            )
            for violation in error.fields[:_MAX_VIOLATIONS]
        ]
    )


def _precondition_failure(error: PaygateError) -> error_details_pb2.PreconditionFailure:
    violation = error_details_pb2.PreconditionFailure.Violation
    stated = [
        violation(
            type=state.type,
            subject=state.subject,
            description=_cut(state.description, _MAX_DESCRIPTION_CHARACTERS),
        )
        for state in error.states[:_MAX_VIOLATIONS]
    ]
    # A refusal that was stored and is answered again keeps its message alone.
    itself = violation(
        type=error.reason.value,
        subject=_subject(error),
        description=_cut(error.message, _MAX_DESCRIPTION_CHARACTERS),
    )
    return error_details_pb2.PreconditionFailure(violations=stated or [itself])


def _subject(error: PaygateError) -> str:
    payment_id = error.metadata.get("payment_id")
    return f"payments/{payment_id}" if payment_id else ""


def _packed(detail: Message) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(detail)
    return packed


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
