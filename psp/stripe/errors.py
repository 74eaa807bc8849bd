"""Stripe's problems in the port's words, told apart by whether the payment can have moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RateLimitedError,
    RejectedError,
    UnavailableError,
)
from psp.stripe.fields import JsonObject
from psp.stripe.problems import Problem, ProblemKind

_DEFAULT_RETRY_AFTER_S: Final = 1.0


@dataclass
class DeclinedError(RejectedError):
    """HTTP 402. Where a payment was asked for it becomes a result; elsewhere it is a refusal."""

    error: JsonObject = field(default_factory=dict, kw_only=True, repr=False)
    """The `error` object of the answer."""


_OF_A_CHANGE: Final[Mapping[ProblemKind, type[PspError]]] = {
    ProblemKind.NOT_SENT: NotSentError,
    ProblemKind.NO_ANSWER: OutcomeUnknownError,
    ProblemKind.SERVER_ERROR: OutcomeUnknownError,
    ProblemKind.IN_PROGRESS: OutcomeUnknownError,
    ProblemKind.RATE_LIMITED: RateLimitedError,
    ProblemKind.DECLINED: DeclinedError,
    ProblemKind.REFUSED: RejectedError,
    ProblemKind.NOT_FOUND: NotFoundError,
    # Something else ran under this key, perhaps the same intent as an earlier release phrased it.
    ProblemKind.KEY_REUSED: OutcomeUnknownError,
    ProblemKind.MISCONFIGURED: MisconfiguredError,
}
_OF_A_READ: Final[Mapping[ProblemKind, type[PspError]]] = {
    **_OF_A_CHANGE,
    ProblemKind.NO_ANSWER: UnavailableError,
    ProblemKind.SERVER_ERROR: UnavailableError,
    ProblemKind.IN_PROGRESS: UnavailableError,
    ProblemKind.KEY_REUSED: UnavailableError,
}

MAY_HAVE_ACTED: Final = frozenset(
    {ProblemKind.NO_ANSWER, ProblemKind.SERVER_ERROR, ProblemKind.IN_PROGRESS}
)
"""After such an attempt only an answer given under the same key settles what happened."""

# Answers that do not come from the work done under the key, so they cannot settle an earlier try.
_SETTLES_NOTHING: Final = frozenset(
    {ProblemKind.NOT_SENT, ProblemKind.RATE_LIMITED, ProblemKind.MISCONFIGURED}
)


def psp_error(
    account: str, problem: Problem, *, change: bool, tried_before: bool = False
) -> PspError:
    """Return the port's error for a call that ended with `problem`.

    `change` tells a mutation from a read; `tried_before` says that an earlier attempt of the same
    call may have acted, which no refusal at the door can undo.
    """
    if change and tried_before and problem.kind in _SETTLES_NOTHING:
        kind: type[PspError] = OutcomeUnknownError
    else:
        kind = (_OF_A_CHANGE if change else _OF_A_READ)[problem.kind]
    if kind is DeclinedError:
        return DeclinedError(
            account,
            problem.detail,
            problem.code,
            request_reference=problem.request_reference,
            error=problem.error,
        )
    if kind is RateLimitedError:
        return RateLimitedError(
            account,
            problem.detail,
            problem.code,
            request_reference=problem.request_reference,
            retry_after_s=problem.retry_after_s or _DEFAULT_RETRY_AFTER_S,
        )
    return kind(account, problem.detail, problem.code, request_reference=problem.request_reference)
