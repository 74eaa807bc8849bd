"""DirectLink's XML answers, read without trusting them.

A reply is one `ncresponse` element whose attributes say everything. Their case and order vary, and
new ones come (DirectLink guide, "Order response").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NoReturn
from xml.parsers import expat

_ROOT: Final = "ncresponse"
MAX_BYTES: Final = 1024 * 1024
"""Far more than any answer has: a 3-D Secure page is the largest part of one."""


class UnreadableAnswerError(ValueError):
    """An answer that lacks what it must hold: it proves nothing about what happened."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One reply of DirectLink; an attribute that is missing reads as empty."""

    attributes: Mapping[str, str] = field(repr=False)
    """By name in upper case."""

    def text(self, name: str) -> str:
        """Return an attribute without the spaces around it."""
        return self.attributes.get(name.upper(), "").strip()

    @property
    def status(self) -> str:
        """Where the order, or one operation of it, stands."""
        return self.text("STATUS")

    @property
    def error_code(self) -> str:
        """NCERROR; empty for "no error", which Ogone also writes as 0."""
        code = self.text("NCERROR")
        return code if code.strip("0") else ""

    @property
    def error_text(self) -> str:
        """NCERRORPLUS; empty for Ogone's own "nothing to say", an exclamation mark."""
        said = self.text("NCERRORPLUS").strip("|!").strip()
        return "" if said in {"", "!"} else said


def parse_answer(body: bytes) -> Answer:
    """Read a reply in the encoding it declares, or else in ISO-8859-1, which Ogone often uses.

    Raises `UnreadableAnswerError` for anything but one complete `ncresponse`, and for any document
    type or entity: no reply has one, so one that does is an attack.
    """
    if len(body) > MAX_BYTES:
        raise UnreadableAnswerError("the answer is too large")
    try:
        return _parse(body, None)
    except (expat.ExpatError, LookupError, ValueError) as error:
        if isinstance(error, UnreadableAnswerError):
            raise
    try:
        return _parse(body, "iso-8859-1")
    except expat.ExpatError:
        raise UnreadableAnswerError("the answer is not complete XML") from None


def _parse(body: bytes, encoding: str | None) -> Answer:
    elements: list[tuple[str, dict[str, str]]] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        # What is inside the root is passed over: HTML_ANSWER, which we never ask for.
        if not elements:
            elements.append((name, attributes))

    def refuse(*_: object) -> NoReturn:
        raise UnreadableAnswerError("the answer declares a document type or an entity")

    parser = expat.ParserCreate(encoding)
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    parser.ExternalEntityRefHandler = refuse
    parser.Parse(body, True)  # noqa: FBT003 - expat's own signature: this is the end
    (root,) = elements
    return Answer(_attributes(*root))


def _attributes(name: str, attributes: dict[str, str]) -> Mapping[str, str]:
    if name.lower() != _ROOT:
        raise UnreadableAnswerError("the answer is no ncresponse")
    by_name: dict[str, str] = {}
    for attribute, value in attributes.items():
        if by_name.setdefault(attribute.upper(), value) != value:
            raise UnreadableAnswerError("the answer says one thing in two ways")
    return MappingProxyType(by_name)
