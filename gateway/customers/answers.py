"""What EnsureCustomer answered, kept as JSON so that the same request gets the same answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pydantic import TypeAdapter

from gateway.customers.commands import EnsuredLink
from gateway.domain.requests import JsonAnswer

_LINKS: Final = TypeAdapter(tuple[EnsuredLink, ...])
_LINKS_KEY: Final = "links"


def links_answer(links: Sequence[EnsuredLink]) -> JsonAnswer:
    """Write the links as they were answered."""
    return {_LINKS_KEY: _LINKS.dump_python(tuple(links), mode="json")}


def answered_links(answer: JsonAnswer) -> tuple[EnsuredLink, ...]:
    """Read what `links_answer` wrote."""
    return _LINKS.validate_python(answer[_LINKS_KEY])
