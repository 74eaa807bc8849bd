"""What the acquirer makes of a request: a card's behaviour in, a status and its truth out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from psp.ogone.sandbox.cards import Behaviour
from psp.ogone.sandbox.refusals import (
    AUTHENTICATION_UNAVAILABLE,
    DECLINED,
    EXPIRED,
    INSUFFICIENT_FUNDS,
    NOT_AUTHENTICATED,
    REFUSED,
    UNKNOWN_OUTCOME,
)
from psp.ogone.sandbox.transitions import COURSES, Family

AUTHENTICATING: Final = 46
CANCELLED_BY_SHOPPER: Final = 1
NOT_AUTHORISED: Final = 2
ACCEPTANCE: Final = "test123"

OUTCOME_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "0": "!",
        REFUSED: "CARD REFUSED",
        DECLINED: "DECLINED BY THE ACQUIRER",
        INSUFFICIENT_FUNDS: "INSUFFICIENT FUNDS",
        EXPIRED: "CARD EXPIRED",
        NOT_AUTHENTICATED: "3-D SECURE AUTHENTICATION FAILED",
        AUTHENTICATION_UNAVAILABLE: "3-D SECURE AUTHENTICATION NEEDED AND NOT POSSIBLE",
        UNKNOWN_OUTCOME: "OUTCOME UNKNOWN",
    }
)
"""NCERRORPLUS beside the NCERROR of an outcome."""


class Wait(StrEnum):
    """What an outcome waits for before its truth shows."""

    NOTHING = "nothing"
    PROCESSING = "processing"
    WORKING_DAY = "working_day"


@dataclass(frozen=True, slots=True)
class Outcome:
    """The status shown now, and the one that the truth is."""

    status: int
    ends: int
    ncerror: str = "0"
    wait: Wait = Wait.NOTHING

    @property
    def acceptance(self) -> str:
        """The acquirer's acceptance, which a refusal does not have."""
        return ACCEPTANCE if self.ncerror == "0" and self.status != AUTHENTICATING else ""


class Doubt(StrEnum):
    """What a fault makes of an outcome that is not known yet: what it truly is."""

    NONE = "none"
    ACTED = "acted"
    LOST = "lost"
    REFUSED = "refused"
    """It is no secret that it waits, and what it waits for is a refusal."""


def declined(ncerror: str) -> Outcome:
    """Return the refusal of an order."""
    return Outcome(NOT_AUTHORISED, NOT_AUTHORISED, ncerror)


def challenged() -> Outcome:
    """Return the state of an order whose shopper is at the bank."""
    return Outcome(AUTHENTICATING, AUTHENTICATING)


def abandoned() -> Outcome:
    """Return the end of an order whose shopper went away."""
    return Outcome(CANCELLED_BY_SHOPPER, CANCELLED_BY_SHOPPER)


def doubted(family: Family, doubt: Doubt) -> Outcome | None:
    """Return the outcome that a fault demands, None if none does."""
    if doubt is Doubt.NONE:
        return None
    if doubt is Doubt.REFUSED:
        return waiting(family, is_refused=True)
    return uncertain(family, acted=doubt is Doubt.ACTED)


def waiting(family: Family, *, is_refused: bool = False) -> Outcome:
    """Return an outcome that is processed offline."""
    course = COURSES[family]
    ends = course.refused if is_refused else course.done
    return Outcome(course.pending, ends, wait=Wait.PROCESSING)


def uncertain(family: Family, *, acted: bool) -> Outcome:
    """Return an outcome that nobody knows for a working day."""
    course = COURSES[family]
    ends = course.done if acted else course.refused
    return Outcome(course.uncertain, ends, UNKNOWN_OUTCOME, Wait.WORKING_DAY)


def charged(behaviour: Behaviour, family: Family, *, expired: bool) -> Outcome:
    """Return what becomes of an order: RES authorises, SAL captures at once."""
    course = COURSES[family]
    if expired:
        return declined(EXPIRED)
    if behaviour.uncertain:
        return uncertain(family, acted=not behaviour.decline)
    if behaviour.decline:
        return declined(behaviour.decline)
    if behaviour.waiting:
        return waiting(family)
    return Outcome(course.done, course.done)


def maintained(behaviour: Behaviour, family: Family) -> Outcome:
    """Return what becomes of a maintenance operation: all but a renewal is processed offline."""
    if family is Family.AUTHORISE:
        done = COURSES[family].done
        return Outcome(done, done)
    is_refused = {
        Family.CAPTURE: behaviour.capture_refused,
        Family.REFUND: behaviour.refund_refused,
        Family.CANCEL: False,
    }[family]
    return waiting(family, is_refused=is_refused)
