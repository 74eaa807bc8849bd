"""What all accounts of one sandbox share: time, ids, and who hears of events."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass, field
from typing import Final, Protocol

from psp.sandboxing.clock import Clock as AnyClock
from psp.stripe.sandbox.drifting import Drift
from psp.stripe.sandbox.model import Event

_ALPHABET: Final = string.ascii_letters + string.digits
_RANDOM_CHARACTERS: Final = 24


class Ids:
    """Ids as Stripe writes them, the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing

    def new(self, prefix: str) -> str:
        """Return `prefix_` and 24 letters and digits."""
        return f"{prefix}_{self.characters(_RANDOM_CHARACTERS)}"

    def characters(self, count: int) -> str:
        """Return letters and digits."""
        return "".join(self._random.choices(_ALPHABET, k=count))


class Clock(AnyClock):
    """The sandbox's time in whole seconds, as Stripe tells it."""

    def seconds(self) -> int:
        """Return the Unix time in the books."""
        return int(super().seconds())


CLOSED_REVIEW_LEAVES: Final = ("nothing", "payment_intent", "payment_intent_and_charge")


@dataclass(frozen=True, slots=True)
class Circumstances:
    """How things stand with every account; the control endpoints change them."""

    balance_too_low: bool = False
    """Refunds to cards wait for money, others fail (Stripe, refunds: insufficient balance)."""
    closed_review_leaves: str = "nothing"
    """What a review is no longer named by once it is closed: one of `CLOSED_REVIEW_LEAVES`.

    Stripe does not document whether `PaymentIntent.review` empties: both can be played.
    """
    has_reports: bool = True
    """Without it the Reporting API answers as it does to a test key."""
    report_takes_s: int = 0
    """How long a report run stays pending; it is never finished in the answer that creates it."""
    synthetic_rows: int = 0
    """Invented lines that each report of activity has besides (`synthetic`)."""


class Listener(Protocol):
    """Who hears of every event as it happens."""

    def interested(self, account: str, event_type: str) -> int:
        """Return how many endpoints want such an event."""

    def publish(self, account: str, event: Event) -> None:
        """Take an event to deliver."""


@dataclass(frozen=True, slots=True)
class Cause:
    """The request that is being carried out; events name it."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(slots=True)
class World:
    """Shared by all accounts of a sandbox."""

    clock: Clock
    ids: Ids
    listener: Listener
    address: str = ""
    """Where the sandbox listens; redirects lead there."""
    cause: Cause = field(default_factory=Cause)
    circumstances: Circumstances = field(default_factory=Circumstances)
    drift: Drift | None = None
    """What the balance's lines are told wrongly by."""
