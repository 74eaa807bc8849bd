"""What became of an import, in words: for those who print it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from paygate.v1.alias_service_pb2 import ImportAliasesResponse, ImportRefusalReason

_PREFIX: Final = "IMPORT_REFUSAL_REASON_"


@dataclass(frozen=True, slots=True)
class RefusedLine:
    """One line that was refused."""

    line: int
    reason: str
    """A name of `ImportRefusalReason` without its prefix."""
    message: str


@dataclass(frozen=True, slots=True)
class ImportOutcome:
    """What became of a file, and how long that took."""

    lines: int
    moved: int
    skipped: int
    refused: int
    refusal_counts: Mapping[str, int]
    refusals: Sequence[RefusedLine]
    """The first of them, as many as the gateway tells."""
    seconds: float

    @property
    def lines_per_second(self) -> float:
        """How fast it was."""
        return self.lines / self.seconds if self.seconds > 0 else 0.0

    def document(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {
            **asdict(self),
            "seconds": round(self.seconds, 3),
            "lines_per_second": round(self.lines_per_second),
        }


def outcome_of(answer: ImportAliasesResponse, seconds: float) -> ImportOutcome:
    """Read the gateway's answer."""
    return ImportOutcome(
        lines=answer.lines,
        moved=answer.moved,
        skipped=answer.skipped,
        refused=answer.refused,
        refusal_counts={_name(each.reason): each.lines for each in answer.refusal_counts},
        refusals=[
            RefusedLine(each.line_number, _name(each.reason), each.message)
            for each in answer.refusals
        ],
        seconds=seconds,
    )


def _name(reason: ImportRefusalReason.ValueType) -> str:
    # A newer gateway may know reasons that this client does not.
    known = reason in ImportRefusalReason.values()
    return ImportRefusalReason.Name(reason).removeprefix(_PREFIX) if known else str(reason)
