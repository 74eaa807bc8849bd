"""A reader for the YAML that this repository's own files are written in.

Block mappings and lists, flow lists and mappings of scalars, quoted and plain scalars, literal and
folded blocks, several documents in a file. Everything else is refused rather than guessed: no
anchors, no tags, no tabs, no key twice (YAML 1.2, of which this is a part).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_KEY: Final = re.compile(r"""("[^"]*"|'[^']*'|[^\s#&*!|>%@`\[\]{}"',][^#]*?):(?:\s+(.*))?""")
_BLOCK: Final = re.compile(r"([|>])(-?)")
_INTEGER: Final = re.compile(r"-?(0|[1-9][0-9]*)")
_DECIMAL: Final = re.compile(r"-?[0-9]+\.[0-9]+")
_COMMENT: Final = re.compile(r"\s+#.*")
_REFUSED: Final = tuple("&*!%@`")
_WORDS: Final[Mapping[str, bool | None]] = {"true": True, "false": False, "null": None, "~": None}


class YamlError(Exception):
    """A line that is not of the part of YAML that is read here."""

    def __init__(self, number: int, problem: str) -> None:
        super().__init__(f"line {number}: {problem}")


@dataclass(frozen=True, slots=True)
class _Line:
    number: int
    indent: int
    text: str


def read_yaml(text: str) -> list[Any]:
    """Return the documents of a file. Raises `YamlError`."""
    documents: list[Any] = []
    for first, part in _parts(text):
        reader = _Reader(part, first)
        if reader.peek() is not None:
            documents.append(reader.document())
    return documents


def _parts(text: str) -> list[tuple[int, list[str]]]:
    parts: list[tuple[int, list[str]]] = [(1, [])]
    for number, line in enumerate(text.splitlines(), 1):
        if line.rstrip() == "---":
            parts.append((number + 1, []))
        else:
            parts[-1][1].append(line)
    return parts


class _Reader:
    """Goes through the lines of one document."""

    def __init__(self, lines: list[str], first: int) -> None:
        self._raw = lines
        self._first = first
        self._at = 0

    def document(self) -> Any:  # noqa: ANN401 - a document is anything
        line = self._expect()
        value = self._block(line.indent)
        rest = self.peek()
        if rest is not None:
            raise YamlError(rest.number, "is indented like nothing before it")
        return value

    def peek(self) -> _Line | None:
        """Return the next line that says something, without taking it."""
        while self._at < len(self._raw):
            raw = self._raw[self._at]
            stripped = raw.strip()
            if stripped and not stripped.startswith("#"):
                if "\t" in raw[: len(raw) - len(raw.lstrip())]:
                    raise YamlError(self._first + self._at, "is indented by a tab")
                indent = len(raw) - len(raw.lstrip(" "))
                return _Line(self._first + self._at, indent, stripped)
            self._at += 1
        return None

    def _expect(self) -> _Line:
        line = self.peek()
        if line is None:
            raise YamlError(self._first + self._at, "something is missing here")
        return line

    def _block(self, indent: int) -> Any:  # noqa: ANN401 - as above
        line = self._expect()
        if line.text == "-" or line.text.startswith("- "):
            return self._list(indent)
        if _KEY.fullmatch(_bare(line.text)):
            return self._mapping(indent)
        self._at += 1
        return _scalar(line.text, line.number)

    def _list(self, indent: int) -> list[Any]:
        items: list[Any] = []
        while (line := self.peek()) is not None and line.indent == indent:
            if not (line.text == "-" or line.text.startswith("- ")):
                break
            rest = line.text[1:].strip()
            if not rest:
                self._at += 1
                items.append(self._block(self._expect().indent))
                continue
            # What follows the dash stands as if it were on a line of its own, below it.
            inner = indent + len(line.text) - len(rest)
            self._raw[self._at] = " " * inner + rest
            items.append(self._block(inner))
        return items

    def _mapping(self, indent: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        while (line := self.peek()) is not None and line.indent == indent:
            match = _KEY.fullmatch(_bare(line.text))
            if match is None:
                raise YamlError(line.number, "is no `key: value`")
            key = str(_scalar(match[1], line.number, plain_text=True))
            if key in found:
                raise YamlError(line.number, f"{key} is there twice")
            self._at += 1
            found[key] = self._value(match[2] or "", line)
        return found

    def _value(self, rest: str, line: _Line) -> Any:  # noqa: ANN401 - as above
        block = _BLOCK.fullmatch(rest)
        if block:
            return self._text(line.indent, folded=block[1] == ">", chomped=block[2] == "-")
        if rest:
            return _scalar(rest, line.number)
        below = self.peek()
        if below is None or below.indent < line.indent:
            return None
        if below.indent == line.indent and not below.text.startswith("-"):
            return None
        return self._block(below.indent)

    def _text(self, indent: int, *, folded: bool, chomped: bool) -> str:
        taken: list[str] = []
        while self._at < len(self._raw):
            raw = self._raw[self._at]
            if raw.strip() and len(raw) - len(raw.lstrip(" ")) <= indent:
                break
            taken.append(raw)
            self._at += 1
        while taken and not taken[-1].strip():
            taken.pop()
        margin = min((len(raw) - len(raw.lstrip(" ")) for raw in taken if raw.strip()), default=0)
        lines = [raw[margin:] for raw in taken]
        text = " ".join(lines) if folded else "\n".join(lines)
        return text if chomped else text + "\n"


def _bare(text: str) -> str:
    """Return a line without the comment at its end."""
    return text if text.startswith(("'", '"')) else _COMMENT.sub("", text)


def _scalar(text: str, number: int, *, plain_text: bool = False) -> Any:  # noqa: ANN401 - as above
    if text[0] in "\"'":
        return _quoted(text, number)
    text = _COMMENT.sub("", text).strip()
    if text.startswith(_REFUSED):
        raise YamlError(number, f"{text[0]} is not read here")
    if text.startswith(("[", "{")):
        return _flow(text, number)
    if plain_text:
        return text
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _DECIMAL.fullmatch(text) else text


def _quoted(text: str, number: int) -> str:
    end = text.rfind(text[0])
    rest = text[end + 1 :].strip()
    if end == 0 or (rest and not rest.startswith("#")):
        raise YamlError(number, "has a quotation that does not end")
    if text[0] == "'":
        return text[1:end].replace("''", "'")
    value: str = json.loads(text[: end + 1])
    return value


def _flow(text: str, number: int) -> Any:  # noqa: ANN401 - as above
    if text[-1] != {"[": "]", "{": "}"}[text[0]]:
        raise YamlError(number, "has a bracket that does not end on the same line")
    parts = [part.strip() for part in re.findall(r"(?:\"[^\"]*\"|'[^']*'|[^,])+", text[1:-1])]
    if any(part[:1] in {"[", "{"} for part in parts):
        raise YamlError(number, "has brackets in brackets")
    if text[0] == "[":
        return [_scalar(part, number) for part in parts if part]
    pairs = [_KEY.fullmatch(part) for part in parts if part]
    if not all(pairs):
        raise YamlError(number, "has something in braces that is no `key: value`")
    return {pair[1]: _scalar(pair[2] or "null", number) for pair in pairs if pair}
