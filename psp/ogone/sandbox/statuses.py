"""Every status of a payment, what it means and how certain it is: data."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Certainty(StrEnum):
    """What may still become of a payment in a status."""

    FINAL = "F"
    PENDING = "P"
    UNCERTAIN = "U"
    REFUSED = "R"


_F, _P, _U, _R = Certainty.FINAL, Certainty.PENDING, Certainty.UNCERTAIN, Certainty.REFUSED

STATUSES: Final[Mapping[int, tuple[Certainty, str]]] = MappingProxyType(
    {
        0: (_F, "Invalid or incomplete"),
        1: (_F, "Cancelled by customer"),
        2: (_F, "Authorisation refused"),
        4: (_P, "Order stored"),
        40: (_P, "Stored waiting external result"),
        41: (_P, "Waiting for client payment"),
        46: (_P, "Waiting authentication"),
        5: (_F, "Authorised"),
        50: (_P, "Authorised waiting external result"),
        51: (_P, "Authorisation waiting"),
        52: (_U, "Authorisation not known"),
        55: (_P, "Standby"),
        56: (_P, "OK with scheduled payments"),
        57: (_R, "Not OK with scheduled payments"),
        59: (_P, "Authorisation to be requested manually"),
        6: (_F, "Authorised and cancelled"),
        61: (_P, "Authorisation deletion waiting"),
        62: (_U, "Authorisation deletion uncertain"),
        63: (_R, "Authorisation deletion refused"),
        64: (_F, "Authorised and cancelled"),
        7: (_F, "Payment deleted"),
        71: (_P, "Payment deletion pending"),
        72: (_U, "Payment deletion uncertain"),
        73: (_R, "Payment deletion refused"),
        74: (_F, "Payment deleted"),
        75: (_F, "Deletion handled by merchant"),
        8: (_F, "Refund"),
        81: (_P, "Refund pending"),
        82: (_U, "Refund uncertain"),
        83: (_R, "Refund refused"),
        84: (_R, "Refund refused by the acquirer later"),
        85: (_F, "Refund handled by merchant"),
        9: (_F, "Payment requested"),
        91: (_P, "Payment processing"),
        92: (_U, "Payment uncertain"),
        93: (_R, "Payment refused"),
        94: (_R, "Refund declined by the acquirer"),
        95: (_F, "Payment handled by merchant"),
        96: (_F, "Refund reversed"),
        97: (_P, "Being processed"),
        98: (_P, "Being processed"),
        99: (_P, "Being processed"),
    }
)
"""Ogone, "Status overview": all but 88, which is no status of a payment but a failed query."""

QUERY_FAILED: Final = 88

_NOT_AUTHORISED: Final = 2


def meaning(status: int) -> str:
    """Return what the back office writes beside a status."""
    return STATUSES[status][1]


def is_settled(status: int) -> bool:
    """Return whether nothing more is to come of it by itself."""
    return STATUSES[status][0] in {_F, _R}


def is_refusal(status: int) -> bool:
    """Return whether somebody said no: the overview calls a refused authorisation final."""
    return status == _NOT_AUTHORISED or STATUSES[status][0] is _R
