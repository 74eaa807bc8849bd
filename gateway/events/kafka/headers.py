"""Headers of a message: CloudEvents attributes in binary mode, and the trace it belongs to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from gateway.events.kafka.poison import PoisonError, PoisonReason
from gateway.traces import TRACEPARENT

Headers = tuple[tuple[str, bytes], ...]

CONTENT_TYPE: Final = "application/protobuf"
_SPEC_VERSION: Final = "1.0"
_SOURCE: Final = "/paygate"
_ATTEMPT: Final = "paygate_attempt"


@dataclass(frozen=True, slots=True)
class Envelope:
    """What the headers say of a message."""

    id: str
    type: str
    """Full name of the message in its value."""
    time: str
    """RFC 3339."""
    trace_context: str = ""
    attempt: int = 0
    """How often the row had been put off when this was published."""


def write_headers(envelope: Envelope) -> Headers:
    """Write an envelope (CloudEvents, Kafka Protocol Binding 1.0.2, section 3.2)."""
    named = {
        "ce_specversion": _SPEC_VERSION,
        "ce_id": envelope.id,
        "ce_type": envelope.type,
        "ce_source": _SOURCE,
        "ce_time": envelope.time,
        "content-type": CONTENT_TYPE,
        _ATTEMPT: str(envelope.attempt),
    }
    if envelope.trace_context:
        named[TRACEPARENT] = envelope.trace_context
    return tuple((name, value.encode()) for name, value in named.items())


def read_headers(headers: Iterable[tuple[str, bytes | None]], expected_type: str) -> Envelope:
    """Return the envelope of a message of ours; raises `PoisonError` if it is somebody else's."""
    named = _texts(headers)
    for name, wanted in (
        ("ce_specversion", _SPEC_VERSION),
        ("ce_source", _SOURCE),
        ("ce_type", expected_type),
        ("content-type", CONTENT_TYPE),
    ):
        if named.get(name) != wanted:
            raise PoisonError(
                PoisonReason.FOREIGN, f"its {name} is {named.get(name)!r}, not {wanted!r}"
            )
    attempt = named.get(_ATTEMPT, "0")
    if not (attempt.isascii() and attempt.isdigit()):
        raise PoisonError(PoisonReason.FOREIGN, f"its {_ATTEMPT} is no number")
    return Envelope(
        id=named.get("ce_id", ""),
        type=expected_type,
        time=named.get("ce_time", ""),
        trace_context=named.get(TRACEPARENT, ""),
        attempt=int(attempt),
    )


def time_text(moment: datetime) -> str:
    """Write a time for a header."""
    return moment.isoformat()


def _texts(headers: Iterable[tuple[str, bytes | None]]) -> Mapping[str, str]:
    return {name: (value or b"").decode("utf-8", errors="replace") for name, value in headers}
