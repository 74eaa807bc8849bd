"""Which dead letters were replayed: a position and exceptions, as a group's offset holds them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_MOST_BYTES: Final = 4096
"""Of the text beside an offset (Apache Kafka, offset.metadata.max.bytes)."""


@dataclass(frozen=True, slots=True)
class ReplayMarks:
    """All below `position` were replayed, and so were `beyond`."""

    position: int = 0
    beyond: frozenset[int] = frozenset()

    def has(self, offset: int) -> bool:
        """Whether a dead letter was replayed."""
        return offset < self.position or offset in self.beyond

    def with_replayed(self, offset: int) -> ReplayMarks:
        """Return the marks after another replay; only what is out of turn takes room."""
        if self.has(offset):
            return self
        position, beyond = self.position, set(self.beyond) | {offset}
        while position in beyond:
            beyond.remove(position)
            position += 1
        return ReplayMarks(position, frozenset(beyond))

    def moved_to(self, first: int) -> ReplayMarks:
        """Return the marks once the topic begins at an offset: what came before is not there."""
        marks = ReplayMarks(max(self.position, first), frozenset(self.beyond))
        while marks.position in marks.beyond:
            marks = ReplayMarks(marks.position + 1, marks.beyond)
        return ReplayMarks(
            marks.position, frozenset(each for each in marks.beyond if each > marks.position)
        )

    def text(self) -> str:
        """Write what is beyond the position. Raises `ValueError` if that is too much."""
        text = ",".join(str(offset) for offset in sorted(self.beyond))
        if len(text) > _MOST_BYTES:
            raise ValueError(
                f"{len(self.beyond)} messages were replayed out of turn: replay the ones before"
            )
        return text


def read_marks(position: int, text: str) -> ReplayMarks:
    """Read marks; a position below 0 means that there are none yet."""
    beyond = frozenset(int(each) for each in text.split(",") if each.isdigit())
    return ReplayMarks(max(position, 0), beyond)
