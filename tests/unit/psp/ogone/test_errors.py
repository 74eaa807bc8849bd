"""The tables of error codes."""

from __future__ import annotations

import pytest

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
from psp.ogone.errors import Problem, ProblemKind, problem_of, psp_error
from psp.ogone.failures import failure_of
from psp.port import FailureCategory
from tests.unit.psp.ogone.support import answer

_K, _C = ProblemKind, FailureCategory


@pytest.mark.parametrize("code", ["", "0"])
def test_no_code_is_no_problem(code: str) -> None:
    """Success has two spellings."""
    assert problem_of(answer(NCERROR=code)) is None


@pytest.mark.parametrize(
    "code,text,kind",
    [
        ("50001111", "unknown order/1/s/", _K.MISCONFIGURED),
        ("50001111", "unknown order/0/s/", _K.MISCONFIGURED),
        ("50001111", "unknown order/1/i/", _K.MISCONFIGURED),
        ("50001111", "unknown order/1/S", _K.MISCONFIGURED),
        ("50001111", "some of the data entered is incorrect", _K.REFUSED),
        ("50001184", "", _K.MISCONFIGURED),
        ("50001116", "", _K.MISCONFIGURED),
        ("50001117", "", _K.MISCONFIGURED),
        ("50001118", "", _K.MISCONFIGURED),
        ("50001119", "", _K.MISCONFIGURED),
        ("50001113", "", _K.DUPLICATE),
        ("50001133", "", _K.DUPLICATE),
        ("50001130", "", _K.NOT_FOUND),
        ("50001131", "", _K.NOT_FOUND),
        ("50001120", "", _K.REFUSED),
        ("50001126", "", _K.REFUSED),
        ("50001127", "", _K.REFUSED),
        ("50001074", "", _K.REFUSED),
        ("30001001", "", _K.DECLINED),
        ("30961001", "", _K.DECLINED),
        ("40001134", "", _K.DECLINED),
        ("40001137", "", _K.DECLINED),
        ("40001001", "", _K.UNCLEAR),
        ("20001001", "", _K.OUTCOME_UNKNOWN),
        ("20001010", "", _K.OUTCOME_UNKNOWN),
        ("0020001001", "", _K.OUTCOME_UNKNOWN),
        ("20001011", "", _K.UNCLEAR),
        ("nonsense", "", _K.UNCLEAR),
        ("5", "", _K.UNCLEAR),
    ],
)
def test_codes_say_whether_ogone_acted(code: str, text: str, kind: ProblemKind) -> None:
    """What is listed is listed; what is not is judged by its start; else it proves nothing."""
    problem = problem_of(answer(NCERROR=code, NCERRORPLUS=text))

    assert problem is not None
    assert (problem.kind, problem.code) == (kind, code)


@pytest.mark.parametrize(
    "kind,of_change,of_read",
    [
        (_K.NOT_SENT, NotSentError, NotSentError),
        (_K.NO_ANSWER, OutcomeUnknownError, UnavailableError),
        (_K.RATE_LIMITED, RateLimitedError, RateLimitedError),
        (_K.OUTCOME_UNKNOWN, OutcomeUnknownError, UnavailableError),
        (_K.DUPLICATE, OutcomeUnknownError, UnavailableError),
        (_K.DECLINED, RejectedError, UnavailableError),
        (_K.REFUSED, RejectedError, RejectedError),
        (_K.NOT_FOUND, NotFoundError, NotFoundError),
        (_K.MISCONFIGURED, MisconfiguredError, MisconfiguredError),
        (_K.UNCLEAR, OutcomeUnknownError, UnavailableError),
    ],
)
def test_every_kind_has_its_errors(
    kind: ProblemKind, of_change: type[PspError], of_read: type[PspError]
) -> None:
    """Only a change can be unknown."""
    problem = Problem(kind, "why", "code")

    assert type(psp_error("ogone_be", problem, change=True)) is of_change
    assert type(psp_error("ogone_be", problem, change=False)) is of_read


def test_no_kind_was_forgotten() -> None:
    """The tables above are total."""
    for kind in ProblemKind:
        for change in (True, False):
            assert psp_error("ogone_be", Problem(kind, "why"), change=change).account == "ogone_be"


@pytest.mark.parametrize(
    "code,category,retryable",
    [
        ("30001001", _C.DECLINED, False),
        ("30051001", _C.DECLINED, False),
        ("30511001", _C.INSUFFICIENT_FUNDS, False),
        ("30331001", _C.EXPIRED_CARD, False),
        ("30001010", _C.DECLINED, True),
        ("30961001", _C.DECLINED, True),
        ("40001134", _C.AUTHENTICATION_FAILED, True),
        ("40001012", _C.PROCESSING_ERROR, True),
        ("40001011", _C.PROCESSING_ERROR, False),
        ("0020001001", _C.PROCESSING_ERROR, True),
        ("20001001", _C.PROCESSING_ERROR, False),
        ("50001111", _C.INCORRECT_DATA, False),
        ("", _C.DECLINED, False),
    ],
)
def test_declines_have_a_category(code: str, category: FailureCategory, retryable: bool) -> None:
    """And say whether Ogone advises another try."""
    failure = failure_of(answer("2", NCERROR=code))

    assert (failure.category, failure.retryable) == (category, retryable)
    assert failure.code == (code or "2")


def test_what_ogone_says_is_told_without_card_numbers() -> None:
    """In one line, for customer care."""
    said = "|CARD 4111 1111 1111 1111\n REFUSED for ana@example.com|"

    failure = failure_of(answer("2", NCERROR="30001001", NCERRORPLUS=said))
    problem = problem_of(answer("2", NCERROR="30001001", NCERRORPLUS=said))

    assert failure.message == "CARD [redacted] REFUSED for [redacted]"
    assert problem is not None
    assert problem.detail == failure.message
