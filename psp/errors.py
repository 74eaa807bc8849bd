"""What can go wrong between us and a PSP: errors told apart by what may have happened.

A decline is not here: it is a result (`psp.port.PspFailure`). The caller's question is always the
same: can the PSP have acted? Only `OutcomeUnknownError` means "perhaps".
"""

from __future__ import annotations

from dataclasses import dataclass, field

from psp.redaction import printable


@dataclass
class PspError(Exception):
    """Base of all PSP errors. `account` is ours, `code` the PSP's own, `detail` free of secrets."""

    account: str
    detail: str
    code: str = ""
    request_reference: str = field(default="", kw_only=True)
    """The PSP's id of the failing call (Stripe: `Request-Id`), for its support."""

    def __post_init__(self) -> None:
        # A PSP quotes what it was sent; what cannot be stored must not keep an outcome from it.
        self.detail, self.code = printable(self.detail), printable(self.code)

    def __str__(self) -> str:
        code = f" [{self.code}]" if self.code else ""
        return f"{self.account}: {self.detail}{code}"


class NotSentError(PspError):
    """Nothing reached the PSP (no connection, no deadline left): surely did not happen."""


@dataclass
class AccountBusyError(NotSentError):
    """As many calls as the account may have are under way, and no turn came in time."""

    retry_after_s: float = field(default=1.0, kw_only=True)


class RejectedError(PspError):
    """The PSP read the request and refused it: did not happen, and the same again will not."""


class NotFoundError(RejectedError):
    """The PSP does not know the object we named."""


class OutcomeUnknownError(PspError):
    """It was sent and no trustworthy answer came: it may have happened. Ask before repeating."""


@dataclass
class RateLimitedError(PspError):
    """The PSP asked us to slow down and did not act. `retry_after_s` is its wish, in seconds."""

    retry_after_s: float = field(default=1.0, kw_only=True)


class UnavailableError(PspError):
    """The PSP said it cannot serve now and did not act."""


@dataclass
class BreakerOpenError(UnavailableError):
    """The PSP was down just now, so that it is left alone: not sent, surely did not happen."""

    retry_after_s: float = field(default=1.0, kw_only=True)
    """Until it is tried again, in seconds."""


class MisconfiguredError(PspError):
    """Our key, account or permission is wrong: an operator must act, no retry helps."""


class ReportUnreadableError(PspError):
    """A report of the PSP is cut off, or a line of it cannot be read. `detail` says which."""


class InvalidEventError(Exception):
    """A webhook that is not to be trusted or not to be read. `reason` is safe to log and answer."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
