"""Ogone's statuses in the port's words: one table over every code there is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final

from psp.port import PendingChange, PspStatus, RefundStatus

_S, _P, _R = PspStatus, PendingChange, RefundStatus


@dataclass(frozen=True, slots=True)
class Meaning:
    """What the status of an order, or of one operation of it, says."""

    status: PspStatus
    pending: PendingChange = PendingChange.NONE
    uncertain: bool = False
    """Ogone itself does not know: hold, ask, and never send anything again."""
    authorized: bool = False
    """Whether an authorisation stands or stood behind it."""
    captured: bool = False
    """Whether the money was taken, though perhaps given back since."""
    refund: RefundStatus | None = None
    """Where an operation in this status stands if it gives money back; None if it does not."""


_AWAITING: Final = Meaning(_S.AWAITING_CUSTOMER)
_IN_WORK: Final = Meaning(_S.PROCESSING)
_FAILED: Final = Meaning(_S.FAILED)
_DOUBTFUL: Final = Meaning(_S.UNKNOWN, uncertain=True)
_AUTHORIZED: Final = Meaning(_S.AUTHORIZED, authorized=True)
_CANCELED: Final = Meaning(_S.CANCELED, authorized=True)
# While a cancel is under way nothing may be shipped or captured on the authorisation.
_CANCELING: Final = Meaning(_S.PROCESSING, _P.CANCEL, authorized=True)
_CAPTURED: Final = Meaning(_S.CAPTURED, authorized=True, captured=True)
_CAPTURING: Final = Meaning(_S.PROCESSING, _P.CAPTURE, authorized=True)
# Uncertain, but only after an authorisation, or after the money was taken.
_CHANGE_DOUBTFUL: Final = Meaning(_S.UNKNOWN, uncertain=True, authorized=True)
_DELETION_DOUBTFUL: Final = Meaning(
    _S.UNKNOWN, uncertain=True, authorized=True, captured=True, refund=_R.UNKNOWN
)
# A deletion before the acquirer's cut-off is a cancel, and after a capture a refund in effect.
_DELETED: Final = replace(_CANCELED, refund=_R.SUCCEEDED)
# Money that was taken stays taken, whatever becomes of its refund.
_REFUNDED: Final = replace(_CAPTURED, refund=_R.SUCCEEDED)
_NOT_REFUNDED: Final = replace(_CAPTURED, refund=_R.FAILED)

# Ogone, "Transaction statuses".
STATUSES: Final[Mapping[str, Meaning]] = MappingProxyType(
    {
        "0": Meaning(_S.UNKNOWN),  # invalid, or not complete yet: see `meaning_of`
        "1": Meaning(_S.CANCELED),  # by the shopper, on the page
        # No more attempts: while some are left, Ogone tells nobody of a decline.
        "2": _FAILED,
        "4": _AWAITING,
        "40": _AWAITING,
        "41": _AWAITING,
        "46": _AWAITING,  # 3-D Secure
        "5": _AUTHORIZED,
        "50": _IN_WORK,
        "51": _IN_WORK,
        "52": _DOUBTFUL,
        "55": _IN_WORK,  # standby
        "56": _IN_WORK,  # scheduled
        # Scheduled payments failed, perhaps not all of them. We schedule none.
        "57": Meaning(_S.UNKNOWN),
        "59": _IN_WORK,  # to be authorised by hand
        "6": _CANCELED,
        "61": _CANCELING,
        "62": _CHANGE_DOUBTFUL,
        "63": _AUTHORIZED,  # the cancel was refused
        "64": _CANCELED,
        # A payment deleted before the acquirer's cut-off: no money moves, as after a cancel.
        "7": _DELETED,
        "71": replace(_CANCELING, refund=_R.PENDING),
        "72": _DELETION_DOUBTFUL,
        "73": _NOT_REFUNDED,  # the deletion was refused
        "74": _DELETED,
        "75": _DELETED,
        "8": _REFUNDED,  # in full or in part
        "81": replace(_CAPTURED, refund=_R.PENDING),
        "82": replace(_CAPTURED, uncertain=True, refund=_R.UNKNOWN),
        "83": _NOT_REFUNDED,  # the acquirer refused it
        "84": _NOT_REFUNDED,  # disputed or refused later: people look at it
        "85": _REFUNDED,  # by the merchant
        "9": _CAPTURED,
        "91": _CAPTURING,
        "92": _CHANGE_DOUBTFUL,
        # The acquirer refused to pay. What it had authorised lapses by itself: maintenance is for
        # orders in status 5 (DirectLink guide), so there is nothing to cancel.
        "93": _FAILED,
        "94": _NOT_REFUNDED,  # the acquirer declined it
        "95": _CAPTURED,  # by the merchant
        "96": _NOT_REFUNDED,  # it was reversed
        "97": _IN_WORK,
        "98": _IN_WORK,
        "99": _IN_WORK,
    }
)

CAPTURES: Final = frozenset({"9", "95"})
"""Of one operation: it took money."""
CAPTURES_BEGUN: Final = CAPTURES | {"91"}
"""Of one operation: it took money, or was accepted and will."""
GIVEN_BACK: Final = frozenset({_R.PENDING, _R.SUCCEEDED, _R.UNKNOWN})
"""Of a refund: the money is with the shopper, on its way, or nobody knows that it is not."""

NO_ANSWER_YET: Final = "88"
"""Not a payment's status: the query itself failed."""

_INCOMPLETE: Final = "0"
_INVALID_REQUEST: Final = "500"


def meaning_of(status: str, error_code: str) -> Meaning:
    """Return what a status means; one that we do not know is `UNKNOWN`, never a failure.

    Status 0 is final only beside an error 500…; else the order may still be on its way.
    """
    if status == _INCOMPLETE and error_code.startswith(_INVALID_REQUEST):
        return _FAILED
    return STATUSES.get(status, Meaning(PspStatus.UNKNOWN))
