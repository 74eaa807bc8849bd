"""A CSV report read as it comes: bytes in, blocks of checked rows out, memory bounded."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import AsyncIterator, Callable, Sequence
from operator import itemgetter
from typing import Final

Row = tuple[int, tuple[str, ...]]
"""The line of the file on which a row ends, and its fields in the order that was asked for."""

_MAX_ROW_CHARACTERS: Final = 262_144


class ReportError(ValueError):
    """What is wrong with a report, and where: lines are counted from 1, the header's."""


async def read_rows(
    chunks: AsyncIterator[bytes], columns: Sequence[str]
) -> AsyncIterator[list[Row]]:
    """Yield the rows in blocks, each with the named columns only; two columns at least.

    Raises `ReportError` if a column is missing or named twice, at a row that has not as many fields
    as the header, at what is no UTF-8 or no CSV, and where the file ends within a row.
    """
    table = _Table(columns)
    async for chunk in chunks:
        rows = table.take(chunk)
        if rows:
            yield rows
    table.end()


class _Table:
    """A CSV file of which a part was read."""

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""
        self._line = 0
        self._width = 0
        """Fields of the header; 0 before it was read."""
        self._pick: Callable[[Sequence[str]], tuple[str, ...]] = tuple

    def take(self, chunk: bytes) -> list[Row]:
        """Return the rows that are complete by now."""
        whole, self._rest = _cut(self._rest + self._decoded(chunk))
        if len(self._rest) > _MAX_ROW_CHARACTERS:
            detail = f"line {self._line + 1} has more than {_MAX_ROW_CHARACTERS} characters"
            raise ReportError(f"{detail}, or a quote is never closed")
        reader = csv.reader(io.StringIO(whole, newline=""), strict=True)
        rows: list[Row] = []
        try:
            for fields in reader:
                line = self._line + reader.line_num
                if len(fields) == self._width:
                    rows.append((line, self._pick(fields)))
                else:
                    self._take_header(line, fields)
        except csv.Error as error:
            raise ReportError(f"line {self._line + reader.line_num} is no CSV: {error}") from error
        self._line += reader.line_num
        return rows

    def end(self) -> None:
        """Raise `ReportError` unless the file ended where a row did."""
        self._rest += self._decoded(b"", final=True)
        if self._rest:
            raise ReportError(f"it ends within line {self._line + 1}: it was cut off")
        if not self._width:
            raise ReportError("it is empty: not even a header came")

    def _decoded(self, chunk: bytes, *, final: bool = False) -> str:
        try:
            return self._decoder.decode(chunk, final)
        except UnicodeDecodeError as error:
            raise ReportError(f"after line {self._line} comes what is no UTF-8") from error

    def _take_header(self, line: int, fields: Sequence[str]) -> None:
        if self._width:
            detail = f"line {line} has {len(fields)} fields, and the header {self._width}"
            raise ReportError(detail)
        missing = [name for name in self._columns if name not in fields]
        if missing:
            others = [name for name in fields if name not in self._columns]
            instead = f"; it has instead: {', '.join(others)}" if others else ""
            raise ReportError(f"it lacks the columns {', '.join(missing)}{instead}")
        doubled = [name for name in self._columns if fields.count(name) > 1]
        if doubled:
            raise ReportError(f"it has more than one column {', '.join(doubled)}")
        self._width = len(fields)
        self._pick = itemgetter(*map(fields.index, self._columns))


def _cut(text: str) -> tuple[str, str]:
    """Return the complete rows and what is left: no row ends between two quotes."""
    end = text.rfind("\n") + 1
    while end and text.count('"', 0, end) % 2:
        # A quote is open: neither it nor what follows can be told apart yet.
        end = text.rfind("\n", 0, text.rfind('"', 0, end)) + 1
    return text[:end], text[end:]
