"""What the status of one operation says of our balance: one table over every code there is.

A row of Ogone's download is an operation as it stands now. What is pending, uncertain or refused
has moved nothing; a status that comes later changes the row, and its day.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from psp.settlements import SettlementCategory


@dataclass(frozen=True, slots=True)
class Booking:
    """What an operation did to our balance."""

    category: SettlementCategory
    sign: int
    """1 for what came to us, -1 for what left us."""


_TAKEN: Final = Booking(SettlementCategory.CHARGE, 1)
_GIVEN_BACK: Final = Booking(SettlementCategory.REFUND, -1)
_RETURNED: Final = Booking(SettlementCategory.REFUND_FAILURE, 1)
_UNHEARD_OF: Final = Booking(SettlementCategory.UNKNOWN, 1)


def _all(statuses: str, booking: Booking | None) -> dict[str, Booking | None]:
    return dict.fromkeys(statuses.split(), booking)


# Ogone, "Transaction statuses".
BOOKINGS: Final[Mapping[str, Booking | None]] = MappingProxyType(
    {
        # Never paid, or not yet: incomplete, canceled, declined, stored, authorised.
        **_all("0 1 2 4 40 41 46 5 50 51 52 55 56 57 59", None),
        # An authorisation that was released took nothing.
        **_all("6 61 62 63 64", None),
        # A payment deleted before the acquirer's cut-off: a refund in effect.
        **_all("7 74 75", _GIVEN_BACK),
        **_all("71 72 73", None),
        **_all("8 85", _GIVEN_BACK),
        **_all("81 82 83", None),
        # These come after a refund that was done: its money is with us again.
        **_all("84 94 96", _RETURNED),
        **_all("9 95", _TAKEN),
        **_all("91 92 93 97 98 99", None),
    }
)


def booking_of(status: str) -> Booking | None:
    """Return what a status did to our balance, None for nothing.

    One that we do not know is `UNKNOWN`: it is counted, and a person looks at it.
    """
    return BOOKINGS.get(status, _UNHEARD_OF)
