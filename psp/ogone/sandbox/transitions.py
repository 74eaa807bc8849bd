"""What maintenance may do with a payment: values in, a refusal or nothing out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from psp.ogone.sandbox.refusals import (
    CAPTURE_OVERFLOW,
    NO_PARTIAL_CAPTURE,
    REFUND_OVERFLOW,
    TOO_OLD,
    WRONG_STATUS,
)


class Family(StrEnum):
    """What kind of thing an operation is."""

    AUTHORISE = "authorise"
    CAPTURE = "capture"
    CANCEL = "cancel"
    REFUND = "refund"


@dataclass(frozen=True, slots=True)
class Rule:
    """One maintenance operation (Ogone DirectLink, maintenance, "Possible values OPERATION")."""

    family: Family
    closes: bool = False
    """Nothing of its family follows: SAS and DES close the authorisation, RFS the refunds."""


OPERATIONS: Final[Mapping[str, Rule]] = MappingProxyType(
    {
        "REN": Rule(Family.AUTHORISE),
        "DEL": Rule(Family.CANCEL),
        "DES": Rule(Family.CANCEL, closes=True),
        "SAL": Rule(Family.CAPTURE),
        "SAS": Rule(Family.CAPTURE, closes=True),
        "RFD": Rule(Family.REFUND),
        "RFS": Rule(Family.REFUND, closes=True),
    }
)


@dataclass(frozen=True, slots=True)
class Course:
    """The statuses an operation of a family can pass through."""

    done: int
    pending: int
    uncertain: int
    refused: int
    by_merchant: int = -1
    """Done as well, in a way that the merchant saw to himself; -1 where there is none."""

    def is_done(self, status: int) -> bool:
        """Return whether the status says that it is done."""
        return status in {self.done, self.by_merchant}

    def counts(self, status: int) -> bool:
        """Return whether the status says that it is done, or may yet be."""
        return self.is_done(status) or status in {self.pending, self.uncertain}


COURSES: Final[Mapping[Family, Course]] = MappingProxyType(
    {
        Family.AUTHORISE: Course(done=5, pending=51, uncertain=52, refused=2),
        Family.CAPTURE: Course(done=9, pending=91, uncertain=92, refused=93, by_merchant=95),
        Family.CANCEL: Course(done=6, pending=61, uncertain=62, refused=63),
        Family.REFUND: Course(done=8, pending=81, uncertain=82, refused=83, by_merchant=85),
    }
)


@dataclass(frozen=True, slots=True)
class Standing:
    """The sums that decide what may be done, in hundredths.

    What is pending or uncertain counts as if done where that leaves less to do.
    """

    authorised: int = 0
    """0 unless the authorisation is status 5."""
    capturing: int = 0
    cancelling: int = 0
    captured: int = 0
    """Status 9 only: what is still under way cannot be refunded."""
    refunding: int = 0
    closed: bool = False
    refunds_closed: bool = False
    too_old: bool = False

    @property
    def capturable(self) -> int:
        """What is left of the authorisation."""
        return max(0, self.authorised - self.capturing - self.cancelling)

    @property
    def refundable(self) -> int:
        """What is left of the captures."""
        return max(0, self.captured - self.refunding)

    @property
    def is_authorised(self) -> bool:
        """Whether the authorisation is open: status 5, and neither closed nor cancelled whole."""
        return not self.closed and self.cancelling < self.authorised

    @property
    def is_refundable(self) -> bool:
        """Whether there is a status 9 whose refunds are not closed."""
        return self.captured > 0 and not self.refunds_closed

    def remaining(self, family: Family) -> int:
        """Return the amount that an operation of this family takes if it names none."""
        return self.refundable if family is Family.REFUND else self.capturable


def refusal(operation: str, amount: int, standing: Standing, *, partial: bool = True) -> str | None:
    """Return the NCERROR that refuses the operation, None if it may be done.

    `partial` is whether the account may capture less than the whole.
    """
    family = OPERATIONS[operation].family
    is_capture = family is Family.CAPTURE
    if family is Family.REFUND:
        checks = {
            WRONG_STATUS: not standing.is_refundable,
            REFUND_OVERFLOW: not 0 < amount <= standing.refundable,
        }
    else:
        checks = {
            WRONG_STATUS: not standing.is_authorised,
            TOO_OLD: is_capture and standing.too_old,
            CAPTURE_OVERFLOW: not 0 < amount <= standing.capturable,
            NO_PARTIAL_CAPTURE: is_capture and not partial and amount < standing.authorised,
        }
    return next((code for code, applies in checks.items() if applies), None)
