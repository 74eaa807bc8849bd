"""The table of failures."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf.message import DecodeError

import legacy_bridge.errors
import psp.errors
from gateway.api.error_table import CODE_OF_REASON, refusal_of
from gateway.errors import PaygateError, Reason
from gateway.storage.writes import GuardFailedError, StorageUnavailableError
from legacy_bridge.errors import (
    AliasConflictError,
    BackOfficeError,
    BackOfficeUnavailableError,
    KeyReusedError,
    OrderConflictError,
    OrderNotFoundError,
)
from legacy_bridge.port import OrderState
from paygate.v1.errors_pb2 import ErrorReason
from psp.errors import (
    AccountBusyError,
    BreakerOpenError,
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    RejectedError,
    ReportUnreadableError,
    UnavailableError,
)
from tests.support.payments import draft

_PROTO = Path(__file__).parents[3] / "protos" / "paygate" / "v1" / "errors.proto"
_PREFIX = "ERROR_REASON_"

_MEANINGS: list[tuple[Exception, Reason]] = [
    (PaygateError(Reason.PAYMENT_STATE, "captured"), Reason.PAYMENT_STATE),
    (DecodeError("bytes"), Reason.INVALID_FIELDS),
    (NotSentError("stripe_eu", "no connection"), Reason.PSP_UNAVAILABLE),
    (AccountBusyError("stripe_eu", "500 calls are under way"), Reason.PSP_UNAVAILABLE),
    (BreakerOpenError("stripe_eu", "breaker open"), Reason.PSP_UNAVAILABLE),
    (RejectedError("stripe_eu", "no", "bad_param"), Reason.PSP_REJECTED),
    (NotFoundError("stripe_eu", "no such intent"), Reason.PSP_REJECTED),
    (OutcomeUnknownError("stripe_eu", "no answer"), Reason.PSP_UNAVAILABLE),
    (RateLimitedError("stripe_eu", "slow down", retry_after_s=3.0), Reason.PSP_RATE_LIMITED),
    (UnavailableError("stripe_eu", "down"), Reason.PSP_UNAVAILABLE),
    (MisconfiguredError("stripe_eu", "key ends in 1234"), Reason.PSP_MISCONFIGURED),
    (BackOfficeUnavailableError("find_order", "10.0.0.7"), Reason.BACK_OFFICE_UNAVAILABLE),
    (OrderNotFoundError("order-1"), Reason.ORDER_NOT_FOUND),
    (OrderConflictError(draft(), OrderState.HELD), Reason.INTERNAL),
    (KeyReusedError("key-1"), Reason.INTERNAL),
    (AliasConflictError("ogone_be", "A-1"), Reason.INTERNAL),
    (StorageUnavailableError("10.0.0.8"), Reason.STORAGE_UNAVAILABLE),
    (GuardFailedError("payment_version"), Reason.INTERNAL),
    # A run that cannot read its report has failed, which is an answer: no RPC raises this.
    (ReportUnreadableError("stripe_eu", "line 7 is cut off"), Reason.INTERNAL),
    (RuntimeError("a bug"), Reason.INTERNAL),
    (TimeoutError(), Reason.INTERNAL),
]


def _family(base: type[Exception]) -> Iterator[type[Exception]]:
    for child in base.__subclasses__():
        yield child
        yield from _family(child)


def test_the_reasons_are_those_of_the_contract() -> None:
    """Each value of ErrorReason has a reason of the same name, and a status code."""
    names = {name.removeprefix(_PREFIX) for name in ErrorReason.keys()} - {"UNSPECIFIED"}  # noqa: SIM118 - a wrapper of protobuf, not a dict
    assert {reason.value for reason in Reason} == names
    assert set(CODE_OF_REASON) == set(Reason)


def test_each_reason_has_the_code_that_its_comment_promises() -> None:
    """The contract's comments are the manual, and the table keeps to them."""
    promised = re.findall(
        rf"// ([A-Z_]+): [^\n]*\n(?:\s*//[^\n]*\n)*\s*{_PREFIX}([A-Z_]+) =", _PROTO.read_text()
    )
    assert {Reason(name): grpc.StatusCode[code] for code, name in promised} == CODE_OF_REASON


@pytest.mark.parametrize(
    "error, reason", _MEANINGS, ids=[type(error).__name__ for error, _ in _MEANINGS]
)
def test_every_exception_has_a_reason(error: Exception, reason: Reason) -> None:
    """Those of the PSPs, of the back office, of the storage, and all that nobody foresaw."""
    assert refusal_of(error).reason is reason


@pytest.mark.parametrize(
    "module,base",
    [(psp.errors, PspError), (legacy_bridge.errors, BackOfficeError)],
    ids=["psp", "back office"],
)
def test_no_exception_of_a_port_is_left_out(module: object, base: type[Exception]) -> None:
    """A new error of a port fails here until its meaning is written down above."""
    assert {child for child in _family(base) if child.__module__ == module.__name__} <= {  # type: ignore[attr-defined]  # modules have names
        type(error) for error, _ in _MEANINGS
    }


@pytest.mark.parametrize(
    "error", [error for error, reason in _MEANINGS if reason is Reason.INTERNAL]
)
def test_an_unexpected_exception_shows_nothing_of_itself(error: Exception) -> None:
    """Its text is for the log alone."""
    refusal = refusal_of(error)
    assert refusal.message == "a fault of the gateway; its error_id finds it in the logs"
    assert (refusal.metadata, refusal.fields, refusal.states) == ({}, (), ())


@pytest.mark.parametrize(
    "error, secret",
    [
        (MisconfiguredError("stripe_eu", "key ends in 1234", "api_key_expired"), "1234"),
        (BackOfficeUnavailableError("find_order", "10.0.0.7"), "10.0.0.7"),
        (StorageUnavailableError("10.0.0.8"), "10.0.0.8"),
    ],
)
def test_our_own_insides_are_not_told(error: Exception, secret: str) -> None:
    """Which key is wrong and where our servers stand is no caller's business."""
    refusal = refusal_of(error)
    assert secret not in refusal.message
    assert not any(secret in value for value in refusal.metadata.values())


def test_a_psps_refusal_carries_its_code_and_reference() -> None:
    """What a caller needs to ask the PSP's support."""
    error = RejectedError("stripe_eu", "no", "bad_param", request_reference="req_1")
    assert refusal_of(error).metadata == {
        "psp_account": "stripe_eu",
        "psp_code": "bad_param",
        "psp_request": "req_1",
    }


def test_a_rate_limit_says_when_to_come_back() -> None:
    """The PSP's own wish is handed on."""
    refusal = refusal_of(RateLimitedError("stripe_eu", "slow down", retry_after_s=3.0))
    assert refusal.retry_after_s == 3.0


@pytest.mark.parametrize("kind", [AccountBusyError, BreakerOpenError])
def test_a_call_that_was_held_back_says_when_to_come_back(
    kind: type[AccountBusyError | BreakerOpenError],
) -> None:
    """The PSP was not asked, so the same request may be made again then."""
    refusal = refusal_of(kind("stripe_eu", "not sent", retry_after_s=4.0))
    assert refusal.retry_after_s == 4.0
    assert refusal.metadata == {"psp_account": "stripe_eu"}
