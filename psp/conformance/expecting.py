"""How a scenario says that a promise of the port was broken."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from psp.errors import OutcomeUnknownError, PspError

E = TypeVar("E", bound=PspError)


class ConformanceError(AssertionError):
    """The adapter or its sandbox breaks a promise; the message says which, and what was seen."""


def expect(what: str, kept: bool, seen: object = "") -> None:  # noqa: FBT001 - reads as a sentence: expect("it is captured", status is CAPTURED)
    """Raise `ConformanceError` unless the promise is kept."""
    if not kept:
        shown = f"; seen: {seen!r}" if seen != "" else ""
        raise ConformanceError(f"expected that {what}{shown}")


def expect_equal(what: str, wanted: object, seen: object) -> None:
    """Raise `ConformanceError` unless what is seen is what is wanted."""
    if wanted != seen:
        raise ConformanceError(f"expected that {what}: {wanted!r}; seen: {seen!r}")


async def expect_error(what: str, wanted: type[E], call: Awaitable[object]) -> E:
    """Return the error of a call; raises `ConformanceError` if it has none, or another."""
    try:
        answer = await call
    except wanted as error:
        return error
    except PspError as error:
        message = f"expected that {what}: {wanted.__name__}; raised: {error!r}"
        raise ConformanceError(message) from error
    raise ConformanceError(f"expected that {what}: {wanted.__name__}; answered: {answer!r}")


async def expect_errors(
    what: str, wanted: type[PspError], *calls: Callable[[], Awaitable[object]]
) -> None:
    """Make one call after the other; raises `ConformanceError` at the first without this error."""
    for call in calls:
        await expect_error(what, wanted, call())


async def expect_once_told(*calls: Awaitable[object]) -> None:
    """Make calls at the same moment: one of them may not learn what became of it, but not both."""
    answers = await asyncio.gather(*calls, return_exceptions=True)
    errors = [answer for answer in answers if isinstance(answer, BaseException)]
    wrong = [error for error in errors if not isinstance(error, OutcomeUnknownError)]
    expect("no call is told as not done", not wrong, wrong)
    expect("one is told as done", len(errors) < len(answers), errors)


async def expect_not_denied(call: Awaitable[object]) -> None:
    """Make a call whose answer gets lost after the PSP acted.

    The adapter says that it does not know, or asks by itself and answers the truth; any other error
    says that nothing happened, and gets out.
    """
    try:
        await call
    except OutcomeUnknownError:
        return
