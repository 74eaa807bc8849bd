"""Poison: a message that no retry makes better, and why."""

from __future__ import annotations

from enum import StrEnum


class PoisonReason(StrEnum):
    """What is wrong with a message."""

    UNREADABLE = "unreadable"
    """Its value is no message of its topic's type."""
    FOREIGN = "foreign"
    """Somebody else's, of another type, or of another version."""
    UNKNOWN_ROW = "unknown_row"
    """It names a webhook or journal line that this database does not have."""


class PoisonError(Exception):
    """A message that cannot be applied, ever; it is set aside and holds up nobody."""

    def __init__(self, reason: PoisonReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
