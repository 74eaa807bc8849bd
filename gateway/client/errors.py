"""Typed exceptions of the client, made of a status and its google.rpc details."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, PreconditionFailure, RetryInfo
from google.rpc.status_pb2 import Status

from gateway.errors import FieldViolation, StateViolation

ERROR_DOMAIN: Final = "paygate.v1"
_DETAILS_KEY: Final = "grpc-status-details-bin"


@dataclass(eq=False)
class PaygateRpcError(Exception):
    """A call that failed. Base of all that the clients raise for the gateway's answers.

    The calls that change something can be sent again with the same `request_id`, whatever the
    error was: if it happened meanwhile, the answer is the stored one.
    """

    code: grpc.StatusCode
    message: str
    reason: str = ""
    """A name of `ErrorReason` without its prefix; empty if the gateway itself did not answer."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    """More about the reason, e.g. the PSP's code."""
    field_violations: tuple[FieldViolation, ...] = ()
    precondition_violations: tuple[StateViolation, ...] = ()
    retry_after_s: float | None = None
    """When the same call can do better, in seconds from now; None if nobody said."""
    request_id: str = ""
    """What the failed request was sent with; empty for reads."""

    @property
    def error_id(self) -> str:
        """What finds a fault of the gateway in its logs; empty for other errors."""
        return self.metadata.get("error_id", "")

    def __str__(self) -> str:
        told = [f"{self.code.name} {self.reason}".rstrip() + f": {self.message}"]
        told += [f"{one.field}: {one.description}" for one in self.field_violations]
        told += [f"{one.subject}: {one.description}" for one in self.precondition_violations]
        told += [f"error_id {self.error_id}"] if self.error_id else []
        return "; ".join(told)


class InvalidFieldsError(PaygateRpcError):
    """Fields are missing or malformed; `field_violations` lists all. Nothing was done."""


class NotFoundError(PaygateRpcError):
    """There is no such payment, order or country."""


class PreconditionError(PaygateRpcError):
    """The request is well formed and cannot be done as things stand; `reason` says why."""


class RequestIdReusedError(PreconditionError):
    """The request_id belongs to another request: make a new one."""


class InProgressError(PaygateRpcError):
    """The same request, or another change of the payment, still runs: ask after `retry_after_s`."""


class UnavailableError(PaygateRpcError):
    """The gateway or what it needs is down, after all retries. Send it again later."""


class DeadlineError(PaygateRpcError):
    """Time ran out here; the gateway may go on. Send it again to learn what became of it."""


class CallCanceledError(PaygateRpcError):
    """The call was canceled here or on the way; the gateway may go on."""


class NotPermittedError(PaygateRpcError):
    """The caller is not known, or may not call this."""


class LimitExceededError(PaygateRpcError):
    """A message is too large, or there are too many calls."""


class UnimplementedError(PaygateRpcError):
    """The server does not know the method: it is older than this client, or not a gateway."""


class InternalError(PaygateRpcError):
    """A fault of the gateway or of its account at the PSP: report the `error_id`."""


BY_STATUS: Final[Mapping[grpc.StatusCode, type[PaygateRpcError]]] = MappingProxyType(
    {
        grpc.StatusCode.CANCELLED: CallCanceledError,
        grpc.StatusCode.UNKNOWN: InternalError,
        grpc.StatusCode.INVALID_ARGUMENT: InvalidFieldsError,
        grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
        grpc.StatusCode.NOT_FOUND: NotFoundError,
        grpc.StatusCode.ALREADY_EXISTS: PreconditionError,
        grpc.StatusCode.PERMISSION_DENIED: NotPermittedError,
        grpc.StatusCode.RESOURCE_EXHAUSTED: LimitExceededError,
        grpc.StatusCode.FAILED_PRECONDITION: PreconditionError,
        grpc.StatusCode.ABORTED: InProgressError,
        grpc.StatusCode.OUT_OF_RANGE: InvalidFieldsError,
        grpc.StatusCode.UNIMPLEMENTED: UnimplementedError,
        grpc.StatusCode.INTERNAL: InternalError,
        grpc.StatusCode.UNAVAILABLE: UnavailableError,
        grpc.StatusCode.DATA_LOSS: InternalError,
        grpc.StatusCode.UNAUTHENTICATED: NotPermittedError,
    }
)
"""Every status but OK."""

_BY_REASON: Final[Mapping[str, type[PaygateRpcError]]] = MappingProxyType(
    {"REQUEST_ID_REUSED": RequestIdReusedError}
)
"""Reasons that callers treat otherwise than the rest of their status."""


def typed_error(error: grpc.RpcError, request_id: str = "") -> PaygateRpcError:
    """Return the typed exception for what grpc raised; without details it goes by status alone."""
    told = _read_details(error)
    kind = _BY_REASON.get(told.get("reason", ""), BY_STATUS[error.code()])
    return kind(
        code=error.code(), message=error.details() or "no details", request_id=request_id, **told
    )


def _read_details(error: grpc.RpcError) -> dict[str, Any]:
    """Return what the details say, by field of `PaygateRpcError`."""
    told: dict[str, Any] = {}
    for packed in _packed_details(error):
        for kind, read in _READERS:
            message = kind()
            if packed.Unpack(message):
                told |= read(message)
    return told


def _packed_details(error: grpc.RpcError) -> Iterable[AnyMessage]:
    # Typed as objects with key and value; at run time both kinds of channel give pairs.
    pairs: Iterable[Any] = error.trailing_metadata() or ()
    for key, value in pairs:
        if key == _DETAILS_KEY:
            try:
                return Status.FromString(value).details
            except DecodeError:
                # Some proxy's: the status itself still holds, and decides.
                return ()
    return ()


def _read_info(info: ErrorInfo) -> dict[str, Any]:
    if info.domain != ERROR_DOMAIN:
        return {}  # a proxy's own words about itself
    return {"reason": info.reason, "metadata": dict(info.metadata)}


def _read_fields(request: BadRequest) -> dict[str, Any]:
    return {
        "field_violations": tuple(
            FieldViolation(one.field, one.description) for one in request.field_violations
        )
    }


def _read_states(failure: PreconditionFailure) -> dict[str, Any]:
    return {
        "precondition_violations": tuple(
            StateViolation(one.type, one.subject, one.description) for one in failure.violations
        )
    }


def _read_retry(info: RetryInfo) -> dict[str, Any]:
    return {"retry_after_s": info.retry_delay.ToTimedelta().total_seconds()}


_READERS: Final[tuple[tuple[Any, Any], ...]] = (
    (ErrorInfo, _read_info),
    (BadRequest, _read_fields),
    (PreconditionFailure, _read_states),
    (RetryInfo, _read_retry),
)
"""How each detail is read; details of other types are left alone."""
