"""Ogone's error codes (NCERROR) and broken calls in the port's words: total tables.

What counts is whether the order can have moved. The code alone does not say what a payment's
status is: that is `statuses`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
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
from psp.ogone.answers import Answer
from psp.ogone.wording import redacted


class ProblemKind(StrEnum):
    """What one call that did not simply succeed says about whether Ogone acted."""

    NOT_SENT = "not_sent"
    NO_ANSWER = "no_answer"
    """Sent, and no answer, or one that cannot be Ogone's."""
    RATE_LIMITED = "rate_limited"
    OUTCOME_UNKNOWN = "outcome_unknown"
    """Ogone itself does not know what became of it."""
    DUPLICATE = "duplicate"
    """The same order or change was there before: what became of that is to be asked."""
    DECLINED = "declined"
    REFUSED = "refused"
    NOT_FOUND = "not_found"
    MISCONFIGURED = "misconfigured"
    UNCLEAR = "unclear"
    """A code that proves nothing by itself."""


@dataclass(frozen=True, slots=True)
class Problem:
    """What went wrong with one call, as data."""

    kind: ProblemKind
    detail: str
    code: str = ""
    retry_after_s: float = 1.0


_K = ProblemKind


def _codes(first: int, last: int) -> list[str]:
    return [f"{code:08}" for code in range(first, last + 1)]


# Ogone, "Possible errors". What is not listed is judged by how it begins, below.
_BY_CODE: Final[Mapping[str, ProblemKind]] = MappingProxyType(
    {
        **dict.fromkeys(_codes(20001001, 20001010), _K.OUTCOME_UNKNOWN),
        # With two zeros before them they are listed as worth another try, without them as never to
        # be repeated: unless a final status stands beside, not knowing is the safe reading.
        **{f"00{code}": _K.OUTCOME_UNKNOWN for code in _codes(20001001, 20001010)},
        **dict.fromkeys(_codes(40001134, 40001137), _K.DECLINED),  # 3-D Secure
        "50001113": _K.DUPLICATE,
        "50001133": _K.DUPLICATE,
        **dict.fromkeys(_codes(50001116, 50001119), _K.MISCONFIGURED),
        "50001184": _K.MISCONFIGURED,
        "50001130": _K.NOT_FOUND,
        "50001131": _K.NOT_FOUND,
    }
)
_BY_START: Final[Mapping[str, ProblemKind]] = MappingProxyType(
    {"3": _K.DECLINED, "500": _K.REFUSED}
)
# "50001111 data validation error" says in its text what was wrong: `…/1/s` a wrong signature,
# `…/0/s` none, `…/1/i` an address of ours that the account does not list.
_VALIDATION: Final = "50001111"
_OPERATORS_CONCERN: Final = ("/1/s", "/0/s", "/1/i")

TO_BE_CHECKED: Final = frozenset({_K.DECLINED, _K.DUPLICATE, _K.NOT_FOUND, _K.REFUSED})
"""Refusals of a change that may be an echo of the same one, made before or by another: the truth is
asked."""

_OF_A_CHANGE: Final[Mapping[ProblemKind, type[PspError]]] = MappingProxyType(
    {
        _K.NOT_SENT: NotSentError,
        _K.NO_ANSWER: OutcomeUnknownError,
        _K.RATE_LIMITED: RateLimitedError,
        _K.OUTCOME_UNKNOWN: OutcomeUnknownError,
        _K.DUPLICATE: OutcomeUnknownError,
        _K.DECLINED: RejectedError,
        _K.REFUSED: RejectedError,
        _K.NOT_FOUND: NotFoundError,
        _K.MISCONFIGURED: MisconfiguredError,
        _K.UNCLEAR: OutcomeUnknownError,
    }
)
_OF_A_READ: Final[Mapping[ProblemKind, type[PspError]]] = MappingProxyType(
    {
        **_OF_A_CHANGE,
        _K.NO_ANSWER: UnavailableError,
        _K.OUTCOME_UNKNOWN: UnavailableError,
        _K.DUPLICATE: UnavailableError,
        _K.DECLINED: UnavailableError,
        _K.UNCLEAR: UnavailableError,
    }
)

# Ogone, "Possible errors": where the vendor advises another try.
_RETRYABLE: Final = "30001010 30001011 30001015 30001057 30001058 30001998 30001999 30961001"
RETRYABLE: Final = frozenset(
    [f"00{code}" for code in _codes(20001001, 20001010)]
    + _RETRYABLE.split()
    + _codes(40001001, 40001010)
    + ["40001012"]
    + _codes(40001018, 40001020)
    + _codes(40001134, 40001137)
)
"""Codes of a decline after which the shopper may try again."""


def problem_of(answer: Answer) -> Problem | None:
    """Return what a reply's NCERROR says; None if it says that all is well."""
    code = answer.error_code
    if not code:
        return None
    said = redacted(answer.error_text) or "Ogone gives no reason"
    return Problem(_kind(code, answer.error_text), said, code)


def _kind(code: str, text: str) -> ProblemKind:
    if code == _VALIDATION:
        told = any(part in text.lower() for part in _OPERATORS_CONCERN)
        return _K.MISCONFIGURED if told else _K.REFUSED
    by_start = (kind for start, kind in _BY_START.items() if code.startswith(start))
    return _BY_CODE.get(code) or next(by_start, _K.UNCLEAR)


def psp_error(account: str, problem: Problem, *, change: bool) -> PspError:
    """Return the port's error for a problem; `change` tells a mutation from a read."""
    kind = (_OF_A_CHANGE if change else _OF_A_READ)[problem.kind]
    if kind is RateLimitedError:
        return RateLimitedError(
            account, problem.detail, problem.code, retry_after_s=problem.retry_after_s
        )
    return kind(account, problem.detail, problem.code)
