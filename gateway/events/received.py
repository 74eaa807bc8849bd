"""What the inbox says of a webhook that it has taken."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReceiveResult:
    """One webhook, verified and durable."""

    event_id: str
    duplicate: bool
    """The inbox had it already; nothing was written."""
    event_type: str = ""
    """The PSP's name of what happened, for the log."""
