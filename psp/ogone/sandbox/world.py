"""What all accounts of one sandbox share: time, ids, delays, and who hears of changes."""

from __future__ import annotations

import random
import string
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, Protocol

from psp.ogone.sandbox.drifting import Drift
from psp.ogone.sandbox.model import Account, Operation, Payment
from psp.sandboxing.clock import Clock

PROCESSING_DELAY_S: Final = 3600.0
"""How long the books' clock runs between 91 and 9."""
WORKING_DAY_S: Final = 86_400.0
"""When an uncertain outcome becomes known (Ogone: updated within one working day)."""
AUTHORISATION_LASTS_S: Final = 30 * 86_400.0
_FIRST_PAYID: Final = 3_014_644_340
_TOKEN_CHARACTERS: Final = 32
_ALPHABET: Final = string.ascii_letters + string.digits


class Ids:
    """PAYIDs counted up, and tokens that are the same for the same seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - repeatable on purpose, guards nothing
        self._payid = _FIRST_PAYID + 100_000 * (seed - 1)

    def payid(self) -> str:
        """Return the next PAYID."""
        self._payid += 1
        return str(self._payid)

    def token(self) -> str:
        """Return what an address of a shopper's page ends in."""
        return "".join(self._random.choices(_ALPHABET, k=_TOKEN_CHARACTERS))


def moment(seconds: float) -> datetime:
    """Return a time of the books as a date can be read from it."""
    return datetime.fromtimestamp(seconds, UTC)


class Listener(Protocol):
    """Who hears of every step of an operation as it happens."""

    def publish(self, account: Account, payment: Payment, operation: Operation) -> None:
        """Take a step to notify."""


@dataclass(slots=True)
class World:
    """Shared by all accounts of a sandbox."""

    clock: Clock
    ids: Ids
    listener: Listener
    processing_delay_s: float = PROCESSING_DELAY_S
    """0 processes as soon as the pending status was answered."""
    drift: Drift | None = None
    """What is told wrongly in downloads."""
    synthetic_rows: int = 0
    """Invented rows that every download between two payment dates has besides its own."""
    address: str = ""
    """Where the sandbox listens; pages lead there."""
