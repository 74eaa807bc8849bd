"""An order as callers see it: the back office's word, our payments, and what it waits for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gateway.domain.payment import Payment
from legacy_bridge.port import DraftOrder


@dataclass(frozen=True, slots=True)
class OrderView:
    """One order."""

    order: DraftOrder
    payments: Sequence[Payment]
    """Newest first."""
    waiting_for: str
    """What it waits for, or why it ended, in one sentence."""
