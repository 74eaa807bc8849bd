"""Deliveries: journal lines that somebody is still to be told of."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Delivery:
    """One journal line to deliver."""

    journal_id: str
    order_id: str
    payment_id: str
    attempts: int = 0
    """How often it was tried and put off."""
    last_error: str = ""
    trace_context: str = ""
    """The trace that it belongs to, as a W3C `traceparent`; empty if to none."""
