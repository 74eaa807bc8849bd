"""Whether and when to send a failed call again: a pure decision."""

from __future__ import annotations

from typing import Final

from psp.stripe.problems import Problem, ProblemKind

_FIRST_PAUSE_S: Final = 0.25
_LONGEST_PAUSE_S: Final = 4.0

# Every change carries an idempotency key, so sending it again cannot do it twice. A refusal or a
# decline is an answer: Stripe stores it under the key, and the same again would only repeat it.
REPEATABLE: Final = frozenset(
    {
        ProblemKind.NOT_SENT,
        ProblemKind.NO_ANSWER,
        ProblemKind.SERVER_ERROR,
        ProblemKind.IN_PROGRESS,
        ProblemKind.RATE_LIMITED,
    }
)


def pause_before_retry(
    problem: Problem, retries_done: int, max_retries: int, remaining_s: float, jitter: float
) -> float | None:
    """Return how many seconds to wait before the next attempt, or None to give up.

    `remaining_s` is what is left for the whole call. `jitter` is drawn from 0..1 and spreads
    callers that failed together.
    """
    # Stripe-Should-Retry: false comes with a 5xx that is stored under the key.
    if retries_done >= max_retries or problem.retry_advised is False:
        return None
    if problem.kind not in REPEATABLE:
        return None
    ceiling_s = min(_FIRST_PAUSE_S * 2**retries_done, _LONGEST_PAUSE_S)
    pause_s = max(ceiling_s * (0.5 + 0.5 * jitter), problem.retry_after_s or 0.0)
    return pause_s if pause_s < remaining_s else None
