"""Why a source of aliases did not answer, in a few words that a caller may read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from legacy_bridge.errors import BackOfficeUnavailableError
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

SourceError = PspError | BackOfficeUnavailableError | TimeoutError
"""What a source that does not answer raises."""

REASON_OF_ERROR: Final[Mapping[type[Exception], str]] = {
    NotSentError: "could not be reached",
    RejectedError: "refused the request",
    NotFoundError: "does not know this customer",
    OutcomeUnknownError: "gave no readable answer",
    RateLimitedError: "limits our rate",
    UnavailableError: "is not available",
    AccountBusyError: "has as many calls of ours as it may",
    BreakerOpenError: "has failed too often to be asked now",
    MisconfiguredError: "is not set up correctly",
    ReportUnreadableError: "sent a report that cannot be read",
    BackOfficeUnavailableError: "is not available",
}
TIMED_OUT: Final = "did not answer in time"


def reason_of(error: SourceError) -> str:
    """Return the words for an error; a kind of error without its own takes those of its base."""
    for kind in type(error).__mro__:
        if kind in REASON_OF_ERROR:
            return REASON_OF_ERROR[kind]
    return TIMED_OUT
