"""Imports of moved cards: what is asked, what a file holds, what became of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from gateway.domain.requests import RequestKey, fingerprint_of

MOST_REFUSALS: Final = 1000
"""Refusals told one by one; the rest is counted."""


class ImportRefusalReason(StrEnum):
    """The names of `paygate.v1.ImportRefusalReason`; that file says what each means."""

    MALFORMED = "malformed"
    WRONG_ENCODING = "wrong_encoding"
    UNKNOWN_ALIAS = "unknown_alias"
    AMBIGUOUS_ALIAS = "ambiguous_alias"
    OTHER_CUSTOMER = "other_customer"
    OTHER_CARD = "other_card"
    OTHER_CONTENT = "other_content"
    LINKED_OTHERWISE = "linked_otherwise"
    TAKEN = "taken"


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """See `paygate.v1.ImportAliasesOptions`."""

    key: RequestKey
    psp_account: str
    legacy_account: str = ""

    @property
    def fingerprint(self) -> str:
        """Equal for equal options; the file itself is told apart by its digest."""
        return fingerprint_of(
            {"psp_account": self.psp_account, "legacy_account": self.legacy_account}
        )


@dataclass(frozen=True, slots=True)
class MappingLine:
    """One card that was moved, by the columns of Stripe's mapping file."""

    number: int
    """In the file, the header being 1."""
    old_customer_id: str
    customer_id: str
    """The PSP's id of the shopper."""
    old_card_id: str
    card_id: str
    card_last4: str
    digest: str
    """Equal for lines of equal content."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why nothing was done for a line."""

    number: int
    reason: ImportRefusalReason
    message: str
    """One sentence; nothing of the line's content is repeated in it."""


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What became of a file."""

    lines: int = 0
    moved: int = 0
    skipped: int = 0
    refused: int = 0
    refusals: tuple[Refusal, ...] = ()
    """The first `MOST_REFUSALS`."""
    refusal_counts: Mapping[ImportRefusalReason, int] = field(default_factory=dict)


class Tally:
    """Counts while a file is read: as large after the last line as after the first thousand."""

    def __init__(self) -> None:
        self._moved = self._skipped = 0
        self._refusals: list[Refusal] = []
        self._counts: Counter[ImportRefusalReason] = Counter()

    def moved(self, lines: int) -> None:
        """Count lines that were moved."""
        self._moved += lines

    def skipped(self, lines: int) -> None:
        """Count lines that were moved before."""
        self._skipped += lines

    def refused(self, refusals: Sequence[Refusal]) -> None:
        """Count refused lines, and keep the first."""
        self._counts.update(refusal.reason for refusal in refusals)
        self._refusals += refusals[: MOST_REFUSALS - len(self._refusals)]

    def summary(self) -> ImportSummary:
        """Return what was counted."""
        refused = self._counts.total()
        return ImportSummary(
            lines=self._moved + self._skipped + refused,
            moved=self._moved,
            skipped=self._skipped,
            refused=refused,
            refusals=tuple(self._refusals),
            refusal_counts=dict(self._counts),
        )
