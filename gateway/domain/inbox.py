"""Webhooks that were received: durable before they are answered, dealt with afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from psp.port import PspEvent


class InboxOutcome(StrEnum):
    """What became of a webhook."""

    WAITING = "waiting"
    """Not dealt with yet, or to be tried again."""
    APPLIED = "applied"
    """The PSP was asked, and its word taken over."""
    IGNORED = "ignored"
    """It is about nothing that the gateway keeps."""
    UNMATCHED = "unmatched"
    """Its payment never turned up here, or stayed unreadable: given up, an operator looks."""


@dataclass(frozen=True, slots=True)
class InboxEvent:
    """One webhook in the inbox."""

    psp_account: str
    event: PspEvent
    receive_time: datetime
    attempts: int = 0
    """How often it was tried and put off."""
    outcome: InboxOutcome = InboxOutcome.WAITING
    trace_context: str = ""
    """The trace that it belongs to, as a W3C `traceparent`; empty if to none."""
