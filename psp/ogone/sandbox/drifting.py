"""Books told wrongly on purpose: what was done stays right, what is downloaded of it does not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class DriftKind(StrEnum):
    """What is told wrongly."""

    MISSING = "missing"
    """A row is left out."""
    DOUBLED = "doubled"
    """A row comes twice."""
    DOUBLED_EFFECT = "doubled_effect"
    """A row comes again with another PAYIDSUB: the same thing counted twice."""
    WRONG_AMOUNT = "wrong_amount"
    """A row's amount is 1.00 higher."""
    WRONG_CURRENCY = "wrong_currency"
    """A row is told in another currency."""
    LATE = "late"
    """A row bears the next day, and is in the download of that day."""
    UNKNOWN_STATUS = "unknown_status"
    """A row's status is one that nobody has heard of."""
    EXTRA_DIGITS = "extra_digits"
    """A row's amount has one digit more than its currency."""
    RENAMED_ATTRIBUTE = "renamed_attribute"
    """TOTAL is called AMOUNT, in every row."""
    TRUNCATED = "truncated"
    """The connection closes in the middle of the download."""
    TRUNCATED_ROW = "truncated_row"
    """The download ends in the middle of its last row, and nothing says so."""
    SYSTEM_ERROR = "system_error"
    """SYSTEM_ERROR instead of rows."""


OF_A_DOWNLOAD: Final = frozenset(
    {
        DriftKind.RENAMED_ATTRIBUTE,
        DriftKind.TRUNCATED,
        DriftKind.TRUNCATED_ROW,
        DriftKind.SYSTEM_ERROR,
    }
)
"""What hits no row in particular."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is told wrongly until it is taken back."""

    kind: DriftKind
    operation: str = ""
    """The PAYID/PAYIDSUB that it hits; empty for a whole download."""
