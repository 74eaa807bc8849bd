"""A mapping file read line by line, from bytes that come in pieces; memory stays flat.

Stripe, "Import payment data": the mapping file is CSV with the columns of `HEADER`.
"""

from __future__ import annotations

import csv
import hashlib
import re
from collections.abc import Iterator
from typing import Final

from gateway.aliases.import_values import ImportRefusalReason, MappingLine, Refusal

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
_MAX_LINE_BYTES: Final = 4096
_BOM: Final = "\ufeff"

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
        self._rest = bytearray()
        self._number = 0
        self._skipping = False
        """Inside a line that is too long, and reported already."""

    def feed(self, chunk: bytes) -> Iterator[MappingLine | Refusal]:
        """Yield the lines that end in a piece; raises `HeaderError`."""
        *ended, rest = chunk.split(b"\n")
        for piece in ended:
            self._rest += piece
            yield from self._end_line()
        self._rest += rest
        if len(self._rest) > _MAX_LINE_BYTES:
            yield from self._cut()

    def finish(self) -> Iterator[MappingLine | Refusal]:
        """Yield the last line, if no line end followed it; raises `HeaderError`."""
        if self._rest or self._skipping:
            yield from self._end_line()
        if self._number == 0:
            raise HeaderError(_header_words("the file is empty"))

    def _end_line(self) -> Iterator[MappingLine | Refusal]:
        line, self._rest = bytes(self._rest), bytearray()
        if self._skipping:
            self._skipping = False
            return
        self._number += 1
        if len(line) > _MAX_LINE_BYTES:
            yield from self._refused_as_too_long()
        elif self._number == 1:
            _check_header(line)
        elif line.strip():
            yield read_line(self._number, line)

    def _cut(self) -> Iterator[Refusal]:
        """Drop what came of a line that is too long; the rest of it is dropped as it comes."""
        self._rest.clear()
        if not self._skipping:
            self._skipping = True
            self._number += 1
            yield from self._refused_as_too_long()

    def _refused_as_too_long(self) -> Iterator[Refusal]:
        if self._number == 1:
            raise HeaderError(_header_words("it is too long"))
        yield Refusal(
            self._number,
            ImportRefusalReason.MALFORMED,
            f"the line has more than {_MAX_LINE_BYTES} bytes",
        )


def read_line(number: int, line: bytes) -> MappingLine | Refusal:
    """Read one line, without its end."""
    try:
        text = line.decode("utf-8")
    except UnicodeDecodeError:
        message = "the line is not UTF-8: save the file in that encoding"
        return Refusal(number, ImportRefusalReason.WRONG_ENCODING, message)
    values = _values(text)
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


def _values(text: str) -> list[str] | None:
    try:
        rows = list(csv.reader([text.rstrip("\r")], strict=True))
    except csv.Error:
        return None
    return [value.strip() for value in rows[0]] if len(rows) == 1 else None


def _check_header(line: bytes) -> None:
    try:
        text = line.decode("utf-8").removeprefix(_BOM)
    except UnicodeDecodeError:
        raise HeaderError(_header_words("it is not UTF-8")) from None
    if tuple(_values(text) or ()) != HEADER:
        raise HeaderError(_header_words("it is another one"))


def _header_words(what: str) -> str:
    return f"line 1 must be the header {','.join(HEADER)} in UTF-8: {what}"
