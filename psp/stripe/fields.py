"""Reading Stripe's JSON without trusting its shape.

A field that is missing, null or of another type reads as empty where the caller can do without
it, and raises `UnreadableAnswerError` where it cannot.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Final

from psp.redaction import printable

JsonObject = Mapping[str, object]

_EMPTY: Final[JsonObject] = MappingProxyType({})


class UnreadableAnswerError(ValueError):
    """An answer that lacks what it must hold: it proves nothing about what happened."""


def text(source: JsonObject, name: str) -> str:
    """Return a string that can be shown and stored, or an empty one."""
    value = source.get(name)
    return printable(value) if isinstance(value, str) else ""


def number(source: JsonObject, name: str) -> int:
    """Return an integer, or 0."""
    value = source.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def nested(source: JsonObject, name: str) -> JsonObject:
    """Return an object, or an empty one."""
    value = source.get(name)
    return value if isinstance(value, Mapping) else _EMPTY


def items(source: JsonObject, name: str) -> Sequence[JsonObject]:
    """Return the objects of an array, or none."""
    value = source.get(name)
    return [item for item in value if isinstance(item, Mapping)] if isinstance(value, list) else ()


def reference(source: JsonObject, name: str) -> str:
    """Return the id of a related object, expanded or not, or an empty string."""
    return text(source, name) or text(nested(source, name), "id")


def moment(source: JsonObject, name: str) -> datetime | None:
    """Return a Unix time as a moment in UTC; None if there is none or it is out of range."""
    seconds = number(source, name)
    try:
        return datetime.fromtimestamp(seconds, UTC) if seconds > 0 else None
    except (OverflowError, OSError, ValueError):
        return None


def required_text(source: JsonObject, name: str) -> str:
    """Return a string that is not empty; raises `UnreadableAnswerError`."""
    value = text(source, name)
    if not value:
        raise UnreadableAnswerError(f"the answer has no {name}")
    return value


def required_number(source: JsonObject, name: str) -> int:
    """Return an integer; raises `UnreadableAnswerError`."""
    value = source.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise UnreadableAnswerError(f"the answer has no {name}")
    return value


def require_object(source: object, kind: str) -> JsonObject:
    """Return the object if it is one of this kind; raises `UnreadableAnswerError`."""
    if not isinstance(source, Mapping) or source.get("object") != kind:
        raise UnreadableAnswerError(f"the answer is no {kind}")
    return source
