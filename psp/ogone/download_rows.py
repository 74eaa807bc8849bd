"""Ogone's download as rows, read as it comes: a stream of any length takes no more memory.

Ogone, "Automatic download": one `DOWNLOAD_REPLY` with a `PAYMENT` element a row, all of it in
attributes. Their case and order vary, and new ones come.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NoReturn
from xml.parsers import expat

_ROOT: Final = "DOWNLOAD_REPLY"
_ROW: Final = "PAYMENT"
_REFUSAL: Final = "SYSTEM_ERROR"

_MAX_ROW_BYTES: Final = 1024 * 1024
"""Far more than any row has: what goes on without one is no download."""
_MAX_REFUSAL_CHARACTERS: Final = 500
_HEAD_BYTES: Final = 256
_DECLARATION: Final = re.compile(
    rb"""\s*<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']"""
)
_UTF8: Final = "utf-8"
_ENCODINGS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "utf-8": _UTF8,
        "us-ascii": _UTF8,
        "iso-8859-1": "iso-8859-1",
        "iso-8859-15": "iso-8859-15",
        "windows-1252": "windows-1252",
    }
)
# Bytes that are no UTF-8 come out of the decoder as lone surrogates: each is a letter of
# ISO-8859-1, which Ogone often writes without saying so.
_LATIN1_BYTES: Final = {0xDC00 + byte: chr(byte) for byte in range(0x80, 0x100)}


class DownloadError(ValueError):
    """A download that is cut off, or a part of it that cannot be read; it says where."""


class DownloadRefusedError(ValueError):
    """Ogone's SYSTEM_ERROR instead of rows; the text is Ogone's."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row; an attribute that is missing reads as empty."""

    number: int
    """Counted from 1."""
    attributes: Mapping[str, str] = field(repr=False)
    """By name in upper case."""

    def text(self, name: str) -> str:
        """Return an attribute without the spaces around it."""
        return self.attributes.get(name, "").strip()


class RowReader:
    """Takes a download piece by piece, and gives the rows that are whole by then.

    Raises `DownloadRefusedError` for Ogone's refusal, and `DownloadError` for anything but one
    complete download, and for any document type or entity: no download has one, so one that does
    is an attack.
    """

    def __init__(self) -> None:
        self._head = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._parser = _parser(self._start, self._end)
        self._depth = 0
        self._refusal: list[str] | None = None
        self._rows: list[Row] = []
        self._count = 0
        self._bytes = 0
        self._row_began_at = 0

    def feed(self, chunk: bytes) -> list[Row]:
        """Read on and return the rows that are whole now."""
        self._bytes += len(chunk)
        if self._decoder is None:
            self._head += chunk
            if len(self._head) < _HEAD_BYTES and b">" not in self._head:
                return []
            chunk = self._begin()
        self._parse(chunk, is_end=False)
        if self._bytes - self._row_began_at > _MAX_ROW_BYTES:
            raise DownloadError(f"{self._place()}: it has no end")
        return self._taken()

    def close(self) -> list[Row]:
        """Read what is left of a body that ended; raises if the download did not end with it."""
        self._parse(self._begin() if self._decoder is None else b"", is_end=True)
        return self._taken()

    def _begin(self) -> bytes:
        """Choose how to decode by what the document says of itself, and return its beginning."""
        head = self._head.removeprefix(codecs.BOM_UTF8)
        found = _DECLARATION.match(head)
        declared = found[1].decode("ascii").lower() if found else _UTF8
        if declared not in _ENCODINGS:
            raise DownloadError(f"the download is written in {declared}, which none of Ogone's is")
        encoding = _ENCODINGS[declared]
        errors = "surrogateescape" if encoding == _UTF8 else "replace"
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._head = b""
        return head

    def _parse(self, chunk: bytes, *, is_end: bool) -> None:
        if self._decoder is None:
            raise RuntimeError("the encoding is chosen before anything is decoded")
        text = self._decoder.decode(chunk, is_end)
        if not text.isascii():
            text = text.translate(_LATIN1_BYTES)
        try:
            self._parser.Parse(text.encode(), is_end)
        except expat.ExpatError as error:
            if is_end:
                detail = f"the download ends after row {self._count}, before its end: it is cut off"
                raise DownloadError(detail) from error
            raise DownloadError(
                f"{self._place()}: it is no XML: {expat.ErrorString(error.code)}"
            ) from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        kind = name.upper()
        if kind == _REFUSAL:
            self._refuse_from(attributes)
        elif self._depth == 0 and kind != _ROOT:
            raise DownloadError(f"the answer is no {_ROOT}, but {name[:40]}")
        elif self._depth == 1:
            self._add(kind, attributes)
        self._depth += 1

    def _add(self, kind: str, attributes: dict[str, str]) -> None:
        if kind != _ROW:
            # It could be a row under another name: what is passed over is missing in our books.
            raise DownloadError(f"{self._place()}: {kind[:40]} is no element that we know")
        by_name = {name.upper(): value for name, value in attributes.items()}
        if len(by_name) != len(attributes):
            raise DownloadError(f"{self._place()}: it has one attribute twice")
        self._count += 1
        self._row_began_at = self._bytes
        self._rows.append(Row(self._count, by_name))

    def _refuse_from(self, attributes: dict[str, str]) -> None:
        self._refusal = [f"{value} " for value in attributes.values()]
        self._parser.CharacterDataHandler = self._refusal.append

    def _end(self, name: str) -> None:
        self._depth -= 1
        if self._refusal is not None and name.upper() == _REFUSAL:
            said = " ".join("".join(self._refusal).split())[:_MAX_REFUSAL_CHARACTERS]
            raise DownloadRefusedError(said or "it gives no reason")

    def _place(self) -> str:
        return f"row {self._count + 1}"

    def _taken(self) -> list[Row]:
        taken, self._rows = self._rows, []
        return taken


def _parser(
    start: Callable[[str, dict[str, str]], None], end: Callable[[str], None]
) -> expat.XMLParserType:
    def refuse(*_: object) -> NoReturn:
        raise DownloadError("the download declares a document type or an entity")

    # Whatever it was written in, it is UTF-8 by the time it is parsed.
    parser = expat.ParserCreate(_UTF8)
    parser.StartElementHandler = start
    parser.EndElementHandler = end
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    return parser
