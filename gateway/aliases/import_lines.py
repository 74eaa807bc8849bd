"""A mapping file read line by line, from bytes that come in pieces; memory stays flat.

Stripe, "Import payment data": the mapping file is CSV with the columns of `HEADER`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Final

from gateway.aliases.import_values import ImportRefusalReason, MappingLine, Refusal
from gateway.csv_lines import BOM, MAX_LINE_BYTES, LineSplitter, RawLine, decoded, values_of

HEADER: Final = (
    "old_customer_id",
    "customer_id",
    "old_card_id",
    "card_id",
    "card_fingerprint",
    "card_last4",
    "card_exp_month",
    "card_exp_year",
    "card_brand",
)
_ID: Final = (re.compile(r"[!-~]{1,255}"), "1 to 255 letters, digits and signs without spaces")
_OPTIONAL: Final = (re.compile(r"[ -~]{0,255}"), "at most 255 letters, digits and signs")
_FORMS: Final = (
    _ID,
    _ID,
    _ID,
    _ID,
    _OPTIONAL,
    (re.compile(r"[0-9]{4}"), "four digits"),
    (re.compile(r"0?[1-9]|1[0-2]"), "1 to 12"),
    (re.compile(r"[0-9]{4}"), "a year of four digits"),
    _OPTIONAL,
)
"""By column: what it must look like, and that in words."""


class HeaderError(ValueError):
    """The file does not begin as a mapping file does: nothing in it is read."""


class LineReader:
    """Takes bytes in pieces and gives the lines that they complete."""

    def __init__(self) -> None:
        self._lines = LineSplitter()

    def feed(self, chunk: bytes) -> Iterator[MappingLine | Refusal]:
        """Yield the lines that end in a piece; raises `HeaderError`."""
        for line in self._lines.feed(chunk):
            yield from _read(line)

    def finish(self) -> Iterator[MappingLine | Refusal]:
        """Yield the last line, if no line end followed it; raises `HeaderError`."""
        for line in self._lines.finish():
            yield from _read(line)
        if self._lines.lines == 0:
            raise HeaderError(_header_words("the file is empty"))


def _read(line: RawLine) -> Iterator[MappingLine | Refusal]:
    if line.number == 1:
        _check_header(line.content)
    elif line.content is None:
        yield Refusal(
            line.number,
            ImportRefusalReason.MALFORMED,
            f"the line has more than {MAX_LINE_BYTES} bytes",
        )
    elif line.content.strip():
        yield read_line(line.number, line.content)


def read_line(number: int, line: bytes) -> MappingLine | Refusal:
    """Read one line, without its end."""
    text = decoded(line)
    if text is None:
        message = "the line is not UTF-8: save the file in that encoding"
        return Refusal(number, ImportRefusalReason.WRONG_ENCODING, message)
    values = values_of(text)
    if values is None or len(values) != len(HEADER):
        message = f"the line is not {len(HEADER)} values with commas between them"
        return Refusal(number, ImportRefusalReason.MALFORMED, message)
    wrong = [
        f"{name} must be {words}"
        for name, value, (form, words) in zip(HEADER, values, _FORMS, strict=True)
        if not form.fullmatch(value)
    ]
    if wrong:
        return Refusal(number, ImportRefusalReason.MALFORMED, "; ".join(wrong))
    old_customer_id, customer_id, old_card_id, card_id, _, last4, *_ = values
    return MappingLine(
        number=number,
        old_customer_id=old_customer_id,
        customer_id=customer_id,
        old_card_id=old_card_id,
        card_id=card_id,
        card_last4=last4,
        digest=hashlib.sha256("\n".join(values).encode()).hexdigest()[:32],
    )


def _check_header(line: bytes | None) -> None:
    if line is None:
        raise HeaderError(_header_words("it is too long"))
    text = decoded(line)
    if text is None:
        raise HeaderError(_header_words("it is not UTF-8"))
    if tuple(values_of(text.removeprefix(BOM)) or ()) != HEADER:
        raise HeaderError(_header_words("it is another one"))


def _header_words(what: str) -> str:
    return f"line 1 must be the header {','.join(HEADER)} in UTF-8: {what}"
