"""Requests that are refused: the NCERROR and NCERRORPLUS that say why."""

from __future__ import annotations

from typing import Final

INVALID: Final = "50001111"
ALREADY_PROCESSED: Final = "50001113"
UNKNOWN_PSPID: Final = "50001118"
WRONG_PASSWORD: Final = "50001119"
BAD_CURRENCY: Final = "50001120"
BAD_DECIMALS: Final = "50001121"
CURRENCY_NOT_ACCEPTED: Final = "50001122"
CAPTURE_OVERFLOW: Final = "50001126"
WRONG_STATUS: Final = "50001127"
REFUND_OVERFLOW: Final = "50001129"
NOT_FOUND: Final = "50001130"
NO_SUCH_OPERATION: Final = "50001131"
TOO_OLD: Final = "50001074"
NO_PARTIAL_CAPTURE: Final = "50001093"
# Outcomes of the acquirer, not refusals of the request.
REFUSED: Final = "30001001"
DECLINED: Final = "30051001"
INSUFFICIENT_FUNDS: Final = "30511001"
EXPIRED: Final = "30331001"
NOT_AUTHENTICATED: Final = "40001134"
AUTHENTICATION_UNAVAILABLE: Final = "40001135"
UNKNOWN_OUTCOME: Final = "20001001"


class Refusal(Exception):  # noqa: N818 - Ogone refuses the request; nothing here failed
    """A request that changes nothing; NCSTATUS 5, STATUS 0 (Ogone, "NCERROR" list)."""

    def __init__(self, ncerror: str, ncerrorplus: str, *, payid: str = "") -> None:
        super().__init__(ncerror, ncerrorplus)
        self.ncerror = ncerror
        self.ncerrorplus = ncerrorplus
        self.payid = payid
        """The payment that already exists."""


def invalid(what: str) -> Refusal:
    """Return the refusal of a parameter."""
    return Refusal(INVALID, what)
