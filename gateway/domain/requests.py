"""Requests that change something, as remembered: who asked what, and what was answered."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

_CANONICAL: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), default=str)

JsonAnswer = Mapping[str, object]
"""What was answered, as JSON; holds no secret."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What makes a request the same one: its caller, its method and the id the caller gave it."""

    caller: str
    method: str
    """The RPC's name, e.g. `CreatePayment`."""
    request_id: str


@dataclass(frozen=True, slots=True)
class StoredRequest:
    """A request that was begun."""

    key: RequestKey
    fingerprint: str
    """Equal for equal requests, see `fingerprint_of`."""
    resource_id: str
    """What it is about: the payment it creates or changes, or the customer."""
    create_time: datetime
    answer: JsonAnswer | None = field(default=None, repr=False)
    """None while its outcome is not settled."""


def fingerprint_of(parts: Mapping[str, object]) -> str:
    """Return a digest that is equal for equal requests, whatever the order of their fields."""
    return hashlib.sha256(_CANONICAL.encode(parts).encode()).hexdigest()
