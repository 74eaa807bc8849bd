"""How far a refund file is, in words: for those who print it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from paygate.v1.refund_service_pb2 import (
    GetRefundBatchRequest,
    RefundBatch,
    RefundBatchState,
    RefundLineRefusal,
    RefundLineRefusalReason,
)

_REASON: Final = "REFUND_LINE_REFUSAL_REASON_"
_STATE: Final = "REFUND_BATCH_STATE_"
_COUNTS: Final = (
    "waiting",
    "sent",
    "pending",
    "requires_action",
    "succeeded",
    "failed",
    "refused_later",
)


@dataclass(frozen=True, slots=True)
class RefusedFileLine:
    """One line that was refused."""

    line: int
    movement_id: str
    reason: str
    """A name of `RefundLineRefusalReason` without its prefix."""
    message: str


@dataclass(frozen=True, slots=True)
class BatchView:
    """A batch as it is printed."""

    id: str
    file_name: str
    state: str
    lines: int
    accepted: int
    duplicates: int
    refused: int
    counts: Mapping[str, int]
    """Where the accepted movements stand; all of them together."""
    is_done: bool

    @property
    def open(self) -> int:
        """How many movements have no answer yet."""
        return self.counts["waiting"] + self.counts["sent"]

    @property
    def went_wrong(self) -> bool:
        """Whether anything was refused, or failed."""
        counts = self.counts
        return bool(self.refused or counts["failed"] or counts["refused_later"])

    def words(self) -> str:
        """Tell the counts that are not zero."""
        told = [f"{name} {number}" for name, number in self.counts.items() if number]
        return ", ".join(told) or "no movements"

    def document(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {
            "batch_id": self.id,
            "file_name": self.file_name,
            "state": self.state,
            "lines": self.lines,
            "accepted": self.accepted,
            "duplicates": self.duplicates,
            "refused": self.refused,
            **self.counts,
            "done": self.is_done,
        }


def view_of(batch: RefundBatch) -> BatchView:
    """Read the gateway's answer."""
    known = batch.state in RefundBatchState.values()
    state = RefundBatchState.Name(batch.state).removeprefix(_STATE) if known else str(batch.state)
    return BatchView(
        id=batch.id,
        file_name=batch.file_name,
        state=state,
        lines=batch.lines,
        accepted=batch.accepted,
        duplicates=batch.duplicates,
        refused=batch.refused,
        counts={name: getattr(batch, name) for name in _COUNTS},
        is_done=batch.done,
    )


def refused_line(refusal: RefundLineRefusal) -> RefusedFileLine:
    """Read why a line was refused."""
    # A newer gateway may know reasons that this client does not.
    known = refusal.reason in RefundLineRefusalReason.values()
    name = RefundLineRefusalReason.Name(refusal.reason) if known else str(refusal.reason)
    return RefusedFileLine(
        refusal.line_number, refusal.movement_id, name.removeprefix(_REASON), refusal.message
    )


def batch_request(batch_id: str) -> GetRefundBatchRequest:
    """Return the question how far a batch is."""
    return GetRefundBatchRequest(batch_id=batch_id)
