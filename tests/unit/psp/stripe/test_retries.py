"""Whether and when a call is sent again."""

from __future__ import annotations

import pytest

from psp.stripe.problems import Problem, ProblemKind
from psp.stripe.retries import REPEATABLE, pause_before_retry


def _pause(
    kind: ProblemKind = ProblemKind.NO_ANSWER,
    *,
    retries_done: int = 0,
    remaining_s: float = 30,
    jitter: float = 1.0,
    retry_after_s: float | None = None,
    retry_advised: bool | None = None,
) -> float | None:
    problem = Problem(kind, "", retry_after_s=retry_after_s, retry_advised=retry_advised)
    return pause_before_retry(problem, retries_done, 4, remaining_s, jitter)


@pytest.mark.parametrize("kind", list(ProblemKind))
def test_only_what_is_no_answer_is_repeated(kind: ProblemKind) -> None:
    """A refusal or a decline is an answer; the same again would only repeat it."""
    assert (_pause(kind) is not None) == (kind in REPEATABLE)


def test_pauses_grow_and_are_spread() -> None:
    """Each pause doubles, and jitter halves it at most."""
    assert [_pause(retries_done=done) for done in range(4)] == [0.25, 0.5, 1.0, 2.0]
    assert [_pause(retries_done=done, jitter=0.0) for done in range(2)] == [0.125, 0.25]


def test_pauses_are_capped() -> None:
    """No pause of our own grows beyond four seconds."""
    problem = Problem(ProblemKind.NO_ANSWER, "")

    assert pause_before_retry(problem, 30, 99, 60, 1.0) == 4.0


def test_there_is_a_last_try() -> None:
    """After the configured number of retries the call ends."""
    assert _pause(retries_done=4) is None


def test_a_pause_that_outlasts_the_call_is_not_begun() -> None:
    """Waiting past the deadline would only delay the answer."""
    assert _pause(remaining_s=0.2) is None
    assert _pause(retry_after_s=31) is None


def test_stripes_wish_is_honoured() -> None:
    """A longer pause is taken when asked for, and none when told not to come again."""
    assert _pause(ProblemKind.RATE_LIMITED, retry_after_s=7) == 7
    assert _pause(ProblemKind.SERVER_ERROR, retry_advised=False) is None
    assert _pause(ProblemKind.SERVER_ERROR, retry_advised=True) == 0.25
