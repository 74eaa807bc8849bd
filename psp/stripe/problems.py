"""What went wrong with one call, named from whatever the SDK or the network raised."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

import stripe

from psp.stripe.fields import JsonObject, nested, text
from psp.stripe.redaction import redacted
from psp.stripe.transport import TransportError


class ProblemKind(StrEnum):
    """What one failed attempt says about whether Stripe acted."""

    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"
    """Sent, and no answer, or one that cannot be Stripe's."""
    SERVER_ERROR = "server_error"
    """Stripe API, errors: after a 5xx the outcome is unknown."""
    IN_PROGRESS = "in_progress"
    """Another request with the same idempotency key is still running."""
    RATE_LIMITED = "rate_limited"
    DECLINED = "declined"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    KEY_REUSED = "key_reused"
    """The idempotency key was used for a request with other parameters."""
    MISCONFIGURED = "misconfigured"


@dataclass(frozen=True, slots=True)
class Problem:
    """One failed attempt, as data."""

    kind: ProblemKind
    detail: str
    code: str = ""
    request_reference: str = ""
    retry_after_s: float | None = None
    """What Stripe asks for, if it does."""
    retry_advised: bool | None = None
    """`Stripe-Should-Retry`: Stripe's own advice, if it gives one."""
    error: JsonObject = field(default_factory=dict, repr=False)
    """The `error` object of the answer."""


# Looked up along the exception's bases; an exception of any other class proves nothing.
_BY_CLASS: Final[Mapping[type[BaseException], ProblemKind]] = {
    stripe.CardError: ProblemKind.DECLINED,
    stripe.IdempotencyError: ProblemKind.KEY_REUSED,
    stripe.InvalidRequestError: ProblemKind.REFUSED,
    stripe.AuthenticationError: ProblemKind.MISCONFIGURED,
    stripe.PermissionError: ProblemKind.MISCONFIGURED,
    stripe.RateLimitError: ProblemKind.RATE_LIMITED,
    stripe.APIConnectionError: ProblemKind.NO_ANSWER,
}
# Stripe API, error codes: refusals that change the kind the class alone would give.
_BY_CODE: Final[Mapping[str, ProblemKind]] = {
    "resource_missing": ProblemKind.NOT_FOUND,
    "account_invalid": ProblemKind.MISCONFIGURED,
    "api_key_expired": ProblemKind.MISCONFIGURED,
    "livemode_mismatch": ProblemKind.MISCONFIGURED,
    "platform_api_key_expired": ProblemKind.MISCONFIGURED,
    "secret_key_required": ProblemKind.MISCONFIGURED,
    "testmode_charges_only": ProblemKind.MISCONFIGURED,
    "tls_version_unsupported": ProblemKind.MISCONFIGURED,
}
_CONFLICT: Final = 409
_TOO_MANY: Final = 429
# Said by machines on the way as well as by Stripe, and not about the request's content.
_AMBIGUOUS: Final = frozenset({408, 421, 425})


def problem_of(error: Exception) -> Problem:
    """Name what an exception of the SDK, aiohttp, asyncio or JSON says; total over exceptions."""
    if not isinstance(error, stripe.StripeError):
        return Problem(ProblemKind.NO_ANSWER, f"no answer: {type(error).__name__}")
    if isinstance(error, TransportError) and not error.sent:
        return Problem(ProblemKind.NOT_SENT, str(error))
    body = error.json_body if isinstance(error.json_body, Mapping) else {}
    said = nested(body, "error")
    code = text(said, "code")
    status = error.http_status if isinstance(error.http_status, int) else 0
    kind = _kind(error, status, code, answered=bool(said))
    # Without an error object the SDK's message quotes the raw body: that is not repeated.
    words = redacted(text(said, "message")) if said else "no readable error"
    return Problem(
        kind=kind,
        detail=f"HTTP {status}: {words}" if status else str(error) or type(error).__name__,
        code=code or _code_without_code(kind, text(said, "param")),
        request_reference=_header(error, "request-id"),
        retry_after_s=_seconds(_header(error, "retry-after")),
        retry_advised={"true": True, "false": False}.get(_header(error, "stripe-should-retry")),
        error=said,
    )


def _kind(error: stripe.StripeError, status: int, code: str, *, answered: bool) -> ProblemKind:
    for base in type(error).__mro__:
        if base in _BY_CLASS:
            kind = _BY_CLASS[base]
            return _BY_CODE.get(code, kind) if kind is ProblemKind.REFUSED else kind
    return _kind_by_status(status, answered=answered)


def _kind_by_status(status: int, *, answered: bool) -> ProblemKind:
    """Judge what the SDK has no class for: conflicts, server errors, answers of others."""
    if status == _CONFLICT:
        return ProblemKind.IN_PROGRESS
    if status == _TOO_MANY:
        return ProblemKind.RATE_LIMITED
    if status >= 500:  # noqa: PLR2004 - HTTP's own boundary
        return ProblemKind.SERVER_ERROR
    if answered and 400 <= status < 500 and status not in _AMBIGUOUS:  # noqa: PLR2004 - as above
        return ProblemKind.REFUSED
    return ProblemKind.NO_ANSWER


def _code_without_code(kind: ProblemKind, param: str) -> str:
    # Stripe's idempotency_error has a type and no code.
    if kind is ProblemKind.KEY_REUSED:
        return "idempotency_error"
    # A refund of more than is left, or another customer's method, is told by its parameter only.
    return f"{param}_invalid" if kind is ProblemKind.REFUSED and param else ""


def _header(error: stripe.StripeError, name: str) -> str:
    headers = error.headers
    value = headers.get(name) if isinstance(headers, Mapping) else None
    return value if isinstance(value, str) else ""


def _seconds(value: str) -> float | None:
    return float(value) if value.isascii() and value.isdigit() and len(value) < 6 else None  # noqa: PLR2004 - a day has five digits of seconds
