"""The test cards and how each behaves: data."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from psp.ogone.sandbox.refusals import (
    DECLINED,
    EXPIRED,
    INSUFFICIENT_FUNDS,
    REFUSED,
    UNKNOWN_OUTCOME,
)


@dataclass(frozen=True, slots=True)
class Behaviour:
    """What a card does. It does not know its number, so that it can be kept."""

    brand: str = "VISA"
    decline: str = ""
    """The NCERROR of its refusal; empty for a card that is authorised."""
    three_d_secure: bool = False
    """Its bank asks the shopper first."""
    uncertain: bool = False
    """The acquirer's answer is lost: 52 or 92, until the clock has passed a working day."""
    waiting: bool = False
    """The acquirer answers offline: 51 or 91, until the clock has passed the delay."""
    capture_refused: bool = False
    refund_refused: bool = False


@dataclass(frozen=True, slots=True)
class TestCard:
    """A number and its behaviour."""

    number: str = field(repr=False)
    means: str
    behaviour: Behaviour = field(default_factory=Behaviour)


_TABLE: Final = (
    TestCard("4111111111111111", "pays"),
    TestCard("5399999999999999", "pays", Behaviour("MasterCard")),
    TestCard("374111111111111", "pays", Behaviour("American Express")),
    TestCard("6703444444444449", "pays", Behaviour("BCMC")),
    TestCard("4000000000009987", "is refused", Behaviour(decline=REFUSED)),
    TestCard("4000000000000119", "is declined", Behaviour(decline=DECLINED)),
    TestCard("4000000000009995", "has not enough on it", Behaviour(decline=INSUFFICIENT_FUNDS)),
    TestCard("4000000000000069", "is expired", Behaviour(decline=EXPIRED)),
    TestCard("4000000000000002", "needs 3-D Secure", Behaviour(three_d_secure=True)),
    TestCard(
        "4000008260003178",
        "needs 3-D Secure, and has not enough on it",
        Behaviour(three_d_secure=True, decline=INSUFFICIENT_FUNDS),
    ),
    TestCard("4000000000000341", "ends uncertain, and was paid", Behaviour(uncertain=True)),
    TestCard(
        "4000000000000259",
        "ends uncertain, and was refused",
        Behaviour(uncertain=True, decline=UNKNOWN_OUTCOME),
    ),
    TestCard("4000000000007726", "is authorised later", Behaviour(waiting=True)),
    TestCard("4000000000000077", "refuses its capture", Behaviour(capture_refused=True)),
    TestCard("4000000000005126", "refuses its refund", Behaviour(refund_refused=True)),
)

TEST_CARDS: Final[Mapping[str, TestCard]] = MappingProxyType({card.number: card for card in _TABLE})
"""By number. Numbers that card networks and PSPs publish for tests, so that nobody types their own;
what each means is this sandbox's choice."""


def masked(number: str) -> str:
    """Return a number as Ogone shows it: XXXXXXXXXXXX1111."""
    return "X" * (len(number) - 4) + number[-4:]
