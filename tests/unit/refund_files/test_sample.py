"""The sample and the page on refund files say what the code does."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.domain.refund_movement import Standing
from gateway.refund_files import results
from gateway.refund_files.lines import HEADER, LineReader
from gateway.refund_files.values import LineOutcome, LineRefusal, MovementLine
from legacy_bridge.files.folder import DONE, INBOUND, RESULTS, UNFINISHED, WORKING

_DOCS: Final = Path(__file__).resolve().parents[3] / "docs"


def test_every_line_of_the_sample_is_good() -> None:
    """Whoever copies it has a file that is read."""
    reader = LineReader()
    lines = [*reader.feed((_DOCS / "refund-file.csv").read_bytes()), *reader.finish()]

    assert len(lines) == 4
    assert all(isinstance(line, MovementLine) for line in lines)


def test_the_page_names_what_there_is() -> None:
    """Columns, reasons, outcomes, states and folders."""
    page = (_DOCS / "refund-file.md").read_text()
    words = [
        *HEADER,
        *results.HEADER,
        results.FILE_REFUSED,
        *LineRefusal,
        *LineOutcome,
        *Standing,
        *UNFINISHED,
        *(f"{folder}/" for folder in (INBOUND, WORKING, DONE, RESULTS)),
    ]

    assert [word for word in words if f"`{word}`" not in page] == []
    assert f"\n{','.join(HEADER)}\n" in page
