"""A refund file as it was received: how much of it was taken, and how far that is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType

from gateway.domain.refund_movement import UNANSWERED, Standing


class BatchSource(StrEnum):
    """How a file came here."""

    CALL = "call"
    """By SubmitRefundBatch."""
    FOLDER = "folder"
    """Fetched from the back office's folder."""


class BatchState(StrEnum):
    """How far the reading of a file is."""

    READING = "reading"
    READ = "read"
    """To the end: each of its lines was accepted, known or refused."""
    REFUSED = "refused"
    """It is no refund file: nothing in it was read."""
    BROKEN_OFF = "broken_off"
    """Whoever sent it left before the end; what had come is accepted."""


@dataclass(frozen=True, slots=True)
class RefundBatch:
    """One file, each time it is received."""

    id: str
    file_name: str
    source: BatchSource
    state: BatchState
    create_time: datetime
    update_time: datetime
    message: str = ""
    """Why it was refused; empty otherwise."""
    last_line: int = 0
    """Number of the last line that is dealt with: reading goes on behind it after a crash."""
    lines: int = 0
    """Accepted, known before and refused ones together; without the header and empty ones."""
    accepted: int = 0
    duplicates: int = 0
    refused: int = 0
    result_time: datetime | None = None
    """When its result was last written; only files of the folder have one."""

    def as_of(self, now: datetime, silence: timedelta) -> RefundBatch:
        """Return it as broken off if its reader has been silent for so long: it died."""
        if self.source is BatchSource.FOLDER or self.state is not BatchState.READING:
            return self
        if now < self.update_time + silence:
            return self
        return replace(self, state=BatchState.BROKEN_OFF)


@dataclass(frozen=True, slots=True)
class BatchProgress:
    """A batch, and where the movements stand that it brought."""

    batch: RefundBatch
    counts: Mapping[Standing, int] = field(default_factory=lambda: MappingProxyType({}))
    """Of the accepted ones; a movement that was known before counts in its own batch."""

    @property
    def is_done(self) -> bool:
        """Whether it is read, and each accepted movement has its PSP's answer."""
        read = self.batch.state is not BatchState.READING
        return read and not any(self.counts.get(each, 0) for each in UNANSWERED)
