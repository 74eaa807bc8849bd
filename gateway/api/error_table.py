"""The one table of failures: every reason's status code, every exception's reason."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import grpc
from google.protobuf.message import DecodeError

from gateway.errors import FieldViolation, PaygateError, Reason
from gateway.storage.writes import StorageUnavailableError
from legacy_bridge.errors import BackOfficeUnavailableError, OrderNotFoundError
from psp.errors import (
    AccountBusyError,
    BreakerOpenError,
    MisconfiguredError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)

CODE_OF_REASON: Final[Mapping[Reason, grpc.StatusCode]] = MappingProxyType(
    {
        Reason.INVALID_FIELDS: grpc.StatusCode.INVALID_ARGUMENT,
        Reason.REQUEST_ID_REUSED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.REQUEST_IN_PROGRESS: grpc.StatusCode.ABORTED,
        Reason.OPERATION_IN_PROGRESS: grpc.StatusCode.ABORTED,
        Reason.PAYMENT_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.ORDER_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.CUSTOMER_NOT_ENSURED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.COUNTRY_NOT_SERVED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.CURRENCY_NOT_SOLD: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.METHOD_NOT_OFFERED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.AMOUNT_OUT_OF_RANGE: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.PAYMENT_STATE: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.AMOUNT_EXCEEDS_REMAINING: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.PSP_REJECTED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.PSP_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.PSP_RATE_LIMITED: grpc.StatusCode.UNAVAILABLE,
        Reason.PSP_MISCONFIGURED: grpc.StatusCode.INTERNAL,
        Reason.DEADLINE_TOO_SHORT: grpc.StatusCode.DEADLINE_EXCEEDED,
        Reason.STORAGE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.BACK_OFFICE_UNAVAILABLE: grpc.StatusCode.UNAVAILABLE,
        Reason.INTERNAL: grpc.StatusCode.INTERNAL,
        Reason.SHUTTING_DOWN: grpc.StatusCode.UNAVAILABLE,
        Reason.ACCOUNT_RETIRED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.REFUND_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.REFUND_BATCH_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.ALIAS_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.ALIAS_EXPIRED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.ORDER_NOT_PAID: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.ORDER_NOT_INVOICED: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.REPORTED_OTHERWISE: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.NO_ACCOUNT: grpc.StatusCode.FAILED_PRECONDITION,
        Reason.RECONCILIATION_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.DISCREPANCY_NOT_FOUND: grpc.StatusCode.NOT_FOUND,
        Reason.RECONCILIATION_IN_PROGRESS: grpc.StatusCode.ABORTED,
        Reason.CALLER_NOT_IDENTIFIED: grpc.StatusCode.UNAUTHENTICATED,
        Reason.CALLER_NOT_ALLOWED: grpc.StatusCode.PERMISSION_DENIED,
        Reason.OVERLOADED: grpc.StatusCode.RESOURCE_EXHAUSTED,
        Reason.CALLER_RATE_EXCEEDED: grpc.StatusCode.RESOURCE_EXHAUSTED,
    }
)
"""As the comments of `paygate.v1.ErrorReason` promise; total over the reasons."""


def refusal_of(error: Exception) -> PaygateError:
    """Say to the caller what any exception means; one that is not foreseen shows no text."""
    nearest = next(base for base in type(error).__mro__ if base in _REFUSALS)
    return _REFUSALS[nearest](error)


def _itself(error: PaygateError) -> PaygateError:
    return error


def _unreadable(_error: DecodeError) -> PaygateError:
    description = "is no message of this method's request type: generate your stubs anew"
    return PaygateError(
        Reason.INVALID_FIELDS,
        f"the request {description}",
        fields=[FieldViolation("", description)],
    )


def _psp_rejected(error: RejectedError) -> PaygateError:
    return PaygateError(
        Reason.PSP_REJECTED,
        f"{error.account}: the PSP refused the request: {error.detail}",
        metadata=_psp_metadata(error),
    )


def _psp_unavailable(error: PspError) -> PaygateError:
    return PaygateError(
        Reason.PSP_UNAVAILABLE,
        f"{error.account}: the PSP cannot be used now and did nothing: {error.detail}",
        metadata=_psp_metadata(error),
    )


def _psp_held_back(error: AccountBusyError | BreakerOpenError) -> PaygateError:
    refusal = _psp_unavailable(error)
    refusal.retry_after_s = error.retry_after_s
    return refusal


def _psp_silent(error: OutcomeUnknownError) -> PaygateError:
    # A payment whose outcome is unknown is an answer. This is another kind of call, and each of
    # those may be made again: a read, or a change under the idempotency key it was sent with.
    return PaygateError(
        Reason.PSP_UNAVAILABLE,
        f"{error.account}: the PSP gave no answer to trust: send the same request again",
        metadata=_psp_metadata(error),
    )


def _psp_rate_limited(error: RateLimitedError) -> PaygateError:
    return PaygateError(
        Reason.PSP_RATE_LIMITED,
        f"{error.account}: the PSP limits our rate and did nothing",
        metadata=_psp_metadata(error),
        retry_after_s=error.retry_after_s,
    )


def _psp_misconfigured(error: MisconfiguredError) -> PaygateError:
    # What exactly is wrong with our key is for the log alone.
    return PaygateError(
        Reason.PSP_MISCONFIGURED,
        f"{error.account}: the gateway's account at the PSP is set up wrongly; "
        "an operator must act, no retry helps",
        metadata={"psp_account": error.account},
    )


def _storage_unavailable(_error: StorageUnavailableError) -> PaygateError:
    return PaygateError(
        Reason.STORAGE_UNAVAILABLE,
        "the gateway's storage does not answer: send the same request again",
    )


def _back_office_unavailable(_error: BackOfficeUnavailableError) -> PaygateError:
    return PaygateError(
        Reason.BACK_OFFICE_UNAVAILABLE, "the back office does not answer: try again later"
    )


def _order_not_found(error: OrderNotFoundError) -> PaygateError:
    return PaygateError(
        Reason.ORDER_NOT_FOUND,
        f"the back office knows no order {error.order_id}",
        metadata={"order_id": error.order_id},
    )


def _internal(_error: Exception) -> PaygateError:
    return PaygateError(
        Reason.INTERNAL, "a fault of the gateway; its error_id finds it in the logs"
    )


_REFUSALS: Final[Mapping[type, Callable[[Any], PaygateError]]] = {
    PaygateError: _itself,
    DecodeError: _unreadable,
    NotSentError: _psp_unavailable,
    AccountBusyError: _psp_held_back,
    RejectedError: _psp_rejected,
    OutcomeUnknownError: _psp_silent,
    RateLimitedError: _psp_rate_limited,
    UnavailableError: _psp_unavailable,
    BreakerOpenError: _psp_held_back,
    MisconfiguredError: _psp_misconfigured,
    StorageUnavailableError: _storage_unavailable,
    BackOfficeUnavailableError: _back_office_unavailable,
    OrderNotFoundError: _order_not_found,
    # A state or a key that no RPC can ask the back office for: everything else is our own fault.
    Exception: _internal,
}
"""Looked up along an exception's bases. Total, since every exception is an `Exception`."""


def _psp_metadata(error: PspError) -> dict[str, str]:
    known = {
        "psp_account": error.account,
        "psp_code": error.code,
        "psp_request": error.request_reference,
    }
    return {name: value for name, value in known.items() if value}
