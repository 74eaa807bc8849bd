"""What is done about a verification: a table over the PSP's words."""

from __future__ import annotations

from datetime import timedelta

import pytest

from gateway.domain.aliases import AliasOperationState
from gateway.domain.verifications import CAPTURED, GIVE_UP, Verdict, judge, verification_amount
from psp.money import Money
from psp.port import PendingChange, PspPayment, PspStatus

_S, _P = PspStatus, PendingChange
_YOUNG, _OLD = timedelta(minutes=5), GIVE_UP
_END = AliasOperationState


def _word(
    status: PspStatus, pending: PendingChange = _P.NONE, *, authorized_minor: int = 100
) -> PspPayment:
    return PspPayment(
        "alo_1", status, "5", "EUR", 100, authorized_minor=authorized_minor, pending=pending
    )


@pytest.mark.parametrize("age", [_YOUNG, _OLD])
@pytest.mark.parametrize("told", [False, True])
@pytest.mark.parametrize(
    "status,pending,save,release,end",
    [
        (_S.AUTHORIZED, _P.NONE, True, True, None),
        (_S.PROCESSING, _P.CANCEL, True, False, None),
        (_S.PROCESSING, _P.NONE, False, False, None),
        (_S.UNKNOWN, _P.NONE, False, False, None),
        (_S.FAILED, _P.NONE, False, False, _END.FAILED),
        (_S.CAPTURED, _P.NONE, True, False, _END.FAILED),
        (_S.PROCESSING, _P.CAPTURE, True, False, _END.FAILED),
    ],
)
def test_what_is_at_the_psp_decides(
    age: timedelta,
    told: bool,
    status: PspStatus,
    pending: PendingChange,
    save: bool,
    release: bool,
    end: AliasOperationState | None,
) -> None:
    """Whatever its age; and only a card that the PSP told of is kept."""
    verdict = judge(_word(status, pending), age, told=told)

    assert (verdict.save, verdict.release, verdict.end) == (save and told, release, end)
    assert not verdict.quiet


def test_every_status_is_decided() -> None:
    """None raises, and money that stands is let go in every case that shows it."""
    for status in PspStatus:
        for pending in PendingChange:
            verdict = judge(_word(status, pending), _YOUNG, told=True)
            stands = status is _S.AUTHORIZED and pending is not _P.CAPTURE
            assert verdict.release == stands


@pytest.mark.parametrize("word", [None, _word(_S.AWAITING_CUSTOMER, authorized_minor=0)])
@pytest.mark.parametrize("told", [False, True])
def test_a_shopper_has_a_day(word: PspPayment | None, told: bool) -> None:
    """Meanwhile the PSP is left alone."""
    assert judge(word, _YOUNG, told=told).quiet
    assert judge(word, _OLD, told=told).end is _END.FAILED


def test_a_released_verification_is_over_once_its_card_is_known() -> None:
    """The word on the card may come after the release; without it there is nothing to keep."""
    assert judge(_word(_S.CANCELED), _YOUNG, told=True) == Verdict(save=True, end=_END.DONE)
    assert judge(_word(_S.CANCELED), _YOUNG, told=False).end is None
    assert judge(_word(_S.CANCELED), _OLD, told=False).end is _END.FAILED


def test_who_leaves_the_page_saves_nothing() -> None:
    """Nothing was authorised, so there is no card."""
    verdict = judge(_word(_S.CANCELED, authorized_minor=0), _YOUNG, told=False)

    assert (verdict.save, verdict.end) == (False, _END.FAILED)


def test_money_that_somebody_took_is_told() -> None:
    """Nobody here captures a verification: a person has to give it back."""
    assert judge(_word(_S.CAPTURED), _YOUNG, told=True).detail == CAPTURED


@pytest.mark.parametrize("currency,minor", [("EUR", 100), ("JPY", 1), ("KWD", 1000)])
def test_one_whole_unit_is_authorised(currency: str, minor: int) -> None:
    """In any currency."""
    assert verification_amount(currency) == Money(minor, currency)
