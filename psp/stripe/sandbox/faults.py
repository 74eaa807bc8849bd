"""Faults on demand: what goes wrong with which of the next requests."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from psp.sandboxing.faults import PendingFaults
from psp.stripe.sandbox.api_errors import ApiError
from psp.stripe.sandbox.idempotency import in_use


class FaultKind(StrEnum):
    """What goes wrong. "Acted" means that the books changed and the key holds the answer."""

    DELAY_BEFORE = "delay_before"
    """Waits before it acts; the idempotency key is in use meanwhile."""
    DELAY_AFTER = "delay_after"
    """Acts, and answers late."""
    DROP_BEFORE = "drop_before"
    """Closes the connection; nothing happened."""
    DROP_AFTER = "drop_after"
    """Acts, and closes the connection without a word."""
    RATE_LIMITED = "rate_limited"
    """429 with Retry-After; nothing happened."""
    LOCK_TIMEOUT = "lock_timeout"
    """429 lock_timeout; nothing happened."""
    KEY_IN_USE = "key_in_use"
    """409 idempotency_key_in_use; nothing happened."""
    ERROR_BEFORE = "error_before"
    """500; nothing happened, and nothing is kept under the key."""
    ERROR_AFTER = "error_after"
    """Acts, and answers 500, which is what the key then holds (Stripe: including 500 errors)."""
    ERROR_FORGOTTEN = "error_forgotten"
    """Acts, and answers 500, while the key holds the true answer."""


@dataclass(slots=True)
class Fault:
    """A fault for the next `count` requests that match."""

    kind: FaultKind
    method: str = ""
    """GET or POST; empty matches both."""
    path_prefix: str = "/v1/"
    path_suffix: str = ""
    """Such as /capture."""
    count: int = 1
    delay_s: float = 0.0
    retry_after_s: int = 1

    def matches(self, method: str, path: str) -> bool:
        """Return whether the request is one that goes wrong."""
        return (
            self.count > 0
            and self.method in {"", method}
            and path.startswith(self.path_prefix)
            and path.endswith(self.path_suffix)
        )


class Faults(PendingFaults[Fault]):
    """The faults still to come, in the order they were asked for."""

    def take(self, method: str, path: str) -> Fault | None:
        """Return the first fault that matches, used up by one."""
        return self.first(lambda fault: fault.matches(method, path))


def refusal(fault: Fault | None, key: str) -> ApiError | None:
    """Return the error that is answered instead of acting, if this fault is one."""
    if fault is None:
        return None
    if fault.kind is FaultKind.RATE_LIMITED:
        headers = {
            "Retry-After": str(fault.retry_after_s),
            "Stripe-Rate-Limited-Reason": "global-rate",
        }
        message = "Request rate limit exceeded."
        return ApiError(429, message, "rate_limit", headers=headers)
    if fault.kind is FaultKind.LOCK_TIMEOUT:
        message = (
            "This object cannot be accessed right now because another API request or Stripe "
            "process is currently accessing it."
        )
        # Stripe advises a retry of lock time-outs by this header.
        headers = {"Stripe-Should-Retry": "true"}
        return ApiError(429, message, "lock_timeout", headers=headers)
    if fault.kind is FaultKind.KEY_IN_USE:
        return in_use(key)
    return server_error() if fault.kind is FaultKind.ERROR_BEFORE else None


def server_error() -> ApiError:
    """Return Stripe's 500."""
    return ApiError(500, "An unknown error occurred.", type="api_error")
