"""Why a call is refused: the one exception that use cases raise, and its documented reasons."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum


class Reason(StrEnum):
    """The names of `paygate.v1.ErrorReason` without prefix; that file says what each means."""

    INVALID_FIELDS = "INVALID_FIELDS"
    REQUEST_ID_REUSED = "REQUEST_ID_REUSED"
    REQUEST_IN_PROGRESS = "REQUEST_IN_PROGRESS"
    OPERATION_IN_PROGRESS = "OPERATION_IN_PROGRESS"
    PAYMENT_NOT_FOUND = "PAYMENT_NOT_FOUND"
    ORDER_NOT_FOUND = "ORDER_NOT_FOUND"
    CUSTOMER_NOT_ENSURED = "CUSTOMER_NOT_ENSURED"
    COUNTRY_NOT_SERVED = "COUNTRY_NOT_SERVED"
    CURRENCY_NOT_SOLD = "CURRENCY_NOT_SOLD"
    METHOD_NOT_OFFERED = "METHOD_NOT_OFFERED"
    AMOUNT_OUT_OF_RANGE = "AMOUNT_OUT_OF_RANGE"
    PAYMENT_STATE = "PAYMENT_STATE"
    AMOUNT_EXCEEDS_REMAINING = "AMOUNT_EXCEEDS_REMAINING"
    PSP_REJECTED = "PSP_REJECTED"
    PSP_UNAVAILABLE = "PSP_UNAVAILABLE"
    PSP_RATE_LIMITED = "PSP_RATE_LIMITED"
    PSP_MISCONFIGURED = "PSP_MISCONFIGURED"
    DEADLINE_TOO_SHORT = "DEADLINE_TOO_SHORT"
    STORAGE_UNAVAILABLE = "STORAGE_UNAVAILABLE"
    BACK_OFFICE_UNAVAILABLE = "BACK_OFFICE_UNAVAILABLE"
    INTERNAL = "INTERNAL"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    ACCOUNT_RETIRED = "ACCOUNT_RETIRED"
    REFUND_NOT_FOUND = "REFUND_NOT_FOUND"
    REFUND_BATCH_NOT_FOUND = "REFUND_BATCH_NOT_FOUND"
    ALIAS_NOT_FOUND = "ALIAS_NOT_FOUND"
    ALIAS_EXPIRED = "ALIAS_EXPIRED"
    ORDER_NOT_PAID = "ORDER_NOT_PAID"
    ORDER_NOT_INVOICED = "ORDER_NOT_INVOICED"
    REPORTED_OTHERWISE = "REPORTED_OTHERWISE"
    NO_ACCOUNT = "NO_ACCOUNT"
    RECONCILIATION_NOT_FOUND = "RECONCILIATION_NOT_FOUND"
    DISCREPANCY_NOT_FOUND = "DISCREPANCY_NOT_FOUND"
    RECONCILIATION_IN_PROGRESS = "RECONCILIATION_IN_PROGRESS"
    CALLER_NOT_IDENTIFIED = "CALLER_NOT_IDENTIFIED"
    CALLER_NOT_ALLOWED = "CALLER_NOT_ALLOWED"
    OVERLOADED = "OVERLOADED"
    CALLER_RATE_EXCEEDED = "CALLER_RATE_EXCEEDED"


@dataclass(frozen=True, slots=True)
class FieldViolation:
    """One field of a request that is missing or malformed."""

    field: str
    """Path in the request, e.g. `amount.currency_code`."""
    description: str
    """What is wrong and what to send instead."""


@dataclass(frozen=True, slots=True)
class StateViolation:
    """One thing about the present state that does not allow what was asked."""

    type: str
    """What kind of precondition, e.g. `PAYMENT_STATE`."""
    subject: str
    """What it is about, e.g. `payments/pay_01…`."""
    description: str
    """How it stands and what it should be."""


class PaygateError(Exception):
    """A refusal with its reason. Nothing in it is secret: all of it is sent to the caller."""

    def __init__(
        self,
        reason: Reason,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        fields: Iterable[FieldViolation] = (),
        states: Iterable[StateViolation] = (),
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.metadata = dict(metadata or {})
        self.fields = tuple(fields)
        self.states = tuple(states)
        self.retry_after_s = retry_after_s
        """How long to wait before the same call can do better; None: waiting does not help."""
