"""What a request says: names in any case, values decoded as its page's encoding."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

UTF8 = "utf-8"
LATIN1 = "iso-8859-1"
"""The plain pages. Every byte has a character in it, so that what is hashed is what came."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of one request, by upper-case name."""

    values: Mapping[str, str]
    encoding: str = UTF8
    ip: str = ""

    def text(self, name: str) -> str:
        """Return a value; empty if it was not sent."""
        return self.values.get(name, "")


def parse_parameters(body: bytes, encoding: str, ip: str) -> Parameters:
    """Return the parameters of a form-encoded body."""
    pairs = parse_qsl(
        body.decode("ascii", errors="replace"),
        keep_blank_values=True,
        encoding=encoding,
        errors="replace",
    )
    return Parameters({name.upper(): value for name, value in pairs}, encoding, ip)
