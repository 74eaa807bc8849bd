"""The topics by name: three that carry what happened, and one beside each for what is wrong."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

_DEAD_LETTERS: Final = ".dlq"


@dataclass(frozen=True, slots=True)
class Topics:
    """The topics of one installation."""

    prefix: str = "paygate"

    @property
    def psp_events(self) -> str:
        """Webhooks to be applied."""
        return f"{self.prefix}.psp-events.v1"

    @property
    def payments(self) -> str:
        """Journal lines of payments."""
        return f"{self.prefix}.payments.v1"

    @property
    def orders(self) -> str:
        """What was done to orders."""
        return f"{self.prefix}.orders.v1"

    @property
    def sources(self) -> tuple[str, ...]:
        """Every topic that is published to."""
        return self.psp_events, self.payments, self.orders

    @property
    def dead_letters(self) -> tuple[str, ...]:
        """Every topic of messages that could not be read."""
        return tuple(dead_letters_of(topic) for topic in self.sources)

    @property
    def psp_events_group(self) -> str:
        """The consumers that apply webhooks."""
        return f"{self.prefix}-psp-events"

    @property
    def orders_group(self) -> str:
        """The consumers that tell orders."""
        return f"{self.prefix}-orders"

    @property
    def replays_group(self) -> str:
        """Where it is kept which dead letters were replayed; nobody is a member."""
        return f"{self.prefix}-dlq"


def dead_letters_of(topic: str) -> str:
    """Name the topic of what could not be read in another."""
    return topic + _DEAD_LETTERS


def source_of(dead_letters: str) -> str:
    """Name the topic that a topic of dead letters stands beside."""
    return dead_letters.removesuffix(_DEAD_LETTERS)
