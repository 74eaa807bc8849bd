"""Lines of a CSV file that comes in pieces of bytes: split and read one by one, memory stays flat.

A value never holds a line end here, so that one broken quote costs one line and not the rest.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

MAX_LINE_BYTES: Final = 4096
BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class RawLine:
    """One line, as its bytes came."""

    number: int
    """In the file, the first being 1."""
    content: bytes | None
    """Without its line feed; None for a line of more than `MAX_LINE_BYTES`, which is dropped."""


class LineSplitter:
    """Takes bytes in pieces and gives the lines that they complete."""

    def __init__(self) -> None:
        self._rest = bytearray()
        self._skipping = False
        """Inside a line that is too long, and given already."""
        self.lines = 0
        """How many lines came so far."""

    def feed(self, chunk: bytes) -> Iterator[RawLine]:
        """Yield the lines that end in a piece."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._rest += piece
            yield from self._end_line()
        self._rest += rest
        if len(self._rest) > MAX_LINE_BYTES:
            yield from self._cut()

    def finish(self) -> Iterator[RawLine]:
        """Yield the last line, if no line end followed it."""
        if self._rest or self._skipping:
            yield from self._end_line()

    def _end_line(self) -> Iterator[RawLine]:
        line, self._rest = bytes(self._rest), bytearray()
        if self._skipping:
            self._skipping = False
            return
        self.lines += 1
        yield RawLine(self.lines, line if len(line) <= MAX_LINE_BYTES else None)

    def _cut(self) -> Iterator[RawLine]:
        """Drop what came of a line that is too long; the rest of it is dropped as it comes."""
        self._rest.clear()
        if not self._skipping:
            self._skipping = True
            self.lines += 1
            yield RawLine(self.lines, None)


def decoded(line: bytes) -> str | None:
    """Return a line as text; None if it is not UTF-8."""
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError:
        return None


def values_of(text: str) -> list[str] | None:
    """Return the values of one line, without the spaces around them; None if it is no CSV."""
    try:
        rows = list(csv.reader([text.rstrip("\r")], strict=True))
    except csv.Error:
        return None
    return [value.strip() for value in rows[0]] if len(rows) == 1 else None
