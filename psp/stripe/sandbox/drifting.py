"""Books told wrongly on purpose: what was booked stays right, what is reported of it does not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from psp.stripe.sandbox.model import BalanceTransaction

_DAY_S: Final = 86_400
_WRONG_BY: Final = 100  # a whole unit even where amounts must end in 00

UNKNOWN_CATEGORY: Final = "brand_new_category"


class DriftKind(StrEnum):
    """What is told wrongly."""

    MISSING = "missing"
    """A line is left out."""
    DOUBLED = "doubled"
    """A line comes twice under its one id."""
    DOUBLED_EFFECT = "doubled_effect"
    """A line comes again under another id: the same thing counted twice."""
    WRONG_AMOUNT = "wrong_amount"
    """A line's amount is 100 of Stripe's units higher; its net fits."""
    WRONG_CURRENCY = "wrong_currency"
    """A line is told in another currency."""
    LATE = "late"
    """A line bears the time of the next day."""
    UNKNOWN_CATEGORY = "unknown_category"
    """A line's reporting category is one that nobody has heard of."""
    EXTRA_DIGITS = "extra_digits"
    """Reports only: a line's gross has one digit more than its currency."""
    TRUNCATED = "truncated"
    """Reports only: the connection closes in the middle of the file."""
    TRUNCATED_LINE = "truncated_line"
    """Reports only: the file ends in the middle of its last line, and nothing says so."""
    RENAMED_COLUMN = "renamed_column"
    """Reports only: `gross` is called `gross_amount`."""


OF_A_FILE: Final = frozenset(
    {DriftKind.TRUNCATED, DriftKind.TRUNCATED_LINE, DriftKind.RENAMED_COLUMN}
)
"""What hits no line in particular."""


@dataclass(frozen=True, slots=True)
class Drift:
    """One thing that is told wrongly until it is taken back."""

    kind: DriftKind
    transaction: str = ""
    """The balance transaction that it hits; empty for a whole file."""


def told(line: BalanceTransaction, drift: Drift | None) -> tuple[BalanceTransaction, ...]:
    """Return what is told of a line: itself, unless it is the one that is hit."""
    if drift is None or line.id != drift.transaction or drift.kind not in _CHANGES:
        return (line,)
    return _CHANGES[drift.kind](line)


def with_extra_digit(written: str) -> str:
    """Return a decimal that is finer than its currency."""
    return f"{written}1" if "." in written else f"{written}.1"


_CHANGES: Final[
    Mapping[DriftKind, Callable[[BalanceTransaction], tuple[BalanceTransaction, ...]]]
] = {
    DriftKind.MISSING: lambda _line: (),
    DriftKind.DOUBLED: lambda line: (line, line),
    DriftKind.DOUBLED_EFFECT: lambda line: (line, replace(line, id=f"{line.id}again")),
    DriftKind.WRONG_AMOUNT: lambda line: (replace(line, amount=line.amount + _WRONG_BY),),
    DriftKind.WRONG_CURRENCY: lambda line: (
        replace(line, currency="usd" if line.currency != "usd" else "eur"),
    ),
    DriftKind.LATE: lambda line: (replace(line, created=line.created + _DAY_S),),
    DriftKind.UNKNOWN_CATEGORY: lambda line: (replace(line, reporting_category=UNKNOWN_CATEGORY),),
}
