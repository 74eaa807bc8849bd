"""Card details as they are typed or sent: checked, then kept masked."""

from __future__ import annotations

import re
from typing import Final

from psp.ogone.sandbox.cards import TEST_CARDS, masked
from psp.ogone.sandbox.model import Card
from psp.ogone.sandbox.refusals import invalid
from psp.ogone.sandbox.world import moment

_EXPIRY: Final = re.compile(r"(0[1-9]|1[0-2])/?([0-9]{2})", re.ASCII)
_CVC: Final = re.compile(r"[0-9]{3,4}", re.ASCII)


def read_card(number: str, expiry: str, cvc: str, holder: str) -> Card:
    """Return the card behind the details; raises `Refusal`, which never quotes them."""
    digits = re.sub(r"[ -]", "", number)
    card = TEST_CARDS.get(digits)
    if card is None:
        # A real number has no business here, and is not looked at any further.
        raise invalid("CARDNO is none of the sandbox's test cards")
    check_cvc(cvc)
    return Card(masked(digits), read_expiry(expiry), holder, card.behaviour)


def check_cvc(cvc: str) -> None:
    """Raise `Refusal` unless it looks like one."""
    if not _CVC.fullmatch(cvc):
        raise invalid("CVC is 3 or 4 digits")


def read_expiry(expiry: str) -> str:
    """Return MMYY of MMYY or MM/YY; raises `Refusal`."""
    found = _EXPIRY.fullmatch(expiry.replace(" ", ""))
    if found is None:
        raise invalid("ED is MMYY or MM/YY")
    return found[1] + found[2]


def is_expired(card: Card, now: float) -> bool:
    """Return whether the month that is printed on the card is over."""
    today = moment(now)
    return (2000 + int(card.expiry[2:]), int(card.expiry[:2])) < (today.year, today.month)
