"""Verifications: authorisations that a shopper gives only to save her card, and that are released.

Some PSPs save a card with a first payment only. To save one without buying anything, she pays a
small amount on the PSP's page; it is never captured. What to do about one is decided here, from
the PSP's word alone: pure and total.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from gateway.domain.aliases import AliasOperationState
from gateway.domain.pauses import Pauses
from psp.money import CURRENCY_DECIMALS, Money
from psp.port import PendingChange, PspPayment, PspStatus

FIRST_LOOK: Final = timedelta(hours=1)
"""When the PSP is asked about a shopper of whom it told nothing: its word may have been lost."""
GIVE_UP: Final = timedelta(days=1)
"""When a shopper who never paid is given up. If the PSP tells of her later, it is taken up anew."""
CHECKS: Final = Pauses(first=timedelta(minutes=1), longest=timedelta(hours=6))
"""How often the PSP is asked while something is under way there."""

CAPTURED: Final = "captured at the PSP by somebody else: give the money back there"

_S = PspStatus


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to do about a verification, and whether it is over."""

    save: bool = False
    """Her card is known and stands: keep it."""
    release: bool = False
    """The authorisation stands: cancel it."""
    end: AliasOperationState | None = None
    detail: str = ""
    quiet: bool = False
    """Nothing is under way at the PSP, and whatever comes next is told by an event."""


def verification_amount(currency: str) -> Money:
    """Return what is authorised to verify a card: one whole unit, which no card refuses."""
    return Money(10 ** CURRENCY_DECIMALS[currency], currency)


def judge(word: PspPayment | None, age: timedelta, *, told: bool) -> Verdict:
    """Decide from the PSP's word; `told` is whether it has said what card was saved.

    None means that the PSP knows no such order: she did not open the page, or not yet.
    """
    if word is None or word.status is _S.AWAITING_CUSTOMER:
        return _unpaid(age)
    if word.pending is PendingChange.CAPTURE or word.status is _S.CAPTURED:
        return Verdict(save=told, end=AliasOperationState.FAILED, detail=CAPTURED)
    if word.status is _S.FAILED:
        return Verdict(end=AliasOperationState.FAILED, detail="her card was declined")
    if word.status is _S.CANCELED:
        return _canceled(word, age, told=told)
    is_authorized = word.status is _S.AUTHORIZED
    kept = told and (is_authorized or word.pending is PendingChange.CANCEL)
    return Verdict(save=kept, release=is_authorized, detail=f"the PSP shows {word.raw_status}")


def _unpaid(age: timedelta) -> Verdict:
    if age >= GIVE_UP:
        return Verdict(end=AliasOperationState.FAILED, detail="she never gave her card")
    return Verdict(detail="she has not given her card yet", quiet=True)


def _canceled(word: PspPayment, age: timedelta, *, told: bool) -> Verdict:
    if told:
        return Verdict(save=True, end=AliasOperationState.DONE)
    if not word.authorized_minor:
        return Verdict(end=AliasOperationState.FAILED, detail="she left the page")
    # Released before anybody said which card it was: that may still be on its way.
    return _unpaid(age)
