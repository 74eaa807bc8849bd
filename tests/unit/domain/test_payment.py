"""What a payment knows of itself, and which states may follow which."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.domain.payment import (
    ALLOWED_TRANSITIONS,
    FINAL_STATES,
    STATE_OF_PSP_STATUS,
    PaymentState,
)
from psp.port import PspStatus, ReviewStatus
from tests.support.payments import TOTAL, payment

_P = PaymentState


def test_the_tables_are_total() -> None:
    """Every state says what may follow it, and every word of a PSP which state it means."""
    assert set(ALLOWED_TRANSITIONS) == set(PaymentState)
    assert set(STATE_OF_PSP_STATUS) == set(PspStatus)


def test_every_state_but_unknown_is_a_word_of_the_psp() -> None:
    """A state is known only by the PSP's word; a word that cannot be read is none."""
    meant = {state for state in STATE_OF_PSP_STATUS.values() if state}

    assert meant == set(PaymentState) - {_P.OUTCOME_UNKNOWN}
    assert STATE_OF_PSP_STATUS[PspStatus.UNKNOWN] is None


@pytest.mark.parametrize("state", PaymentState)
def test_no_state_follows_itself(state: PaymentState) -> None:
    """Staying is not a transition."""
    assert state not in ALLOWED_TRANSITIONS[state]


@pytest.mark.parametrize("state", sorted(FINAL_STATES))
def test_nothing_follows_a_final_state(state: PaymentState) -> None:
    """Whatever comes after it is a correction."""
    assert ALLOWED_TRANSITIONS[state] == frozenset()


def test_an_authorisation_never_goes_back_to_the_shopper() -> None:
    """It is captured, at once or later, given up, or lapses."""
    assert _P.AWAITING_CUSTOMER not in ALLOWED_TRANSITIONS[_P.AUTHORIZED]


@pytest.mark.parametrize("state", PaymentState)
def test_only_an_authorised_payment_can_be_captured(state: PaymentState) -> None:
    """All that is authorised, once."""
    expected = TOTAL.amount_minor if state is _P.AUTHORIZED else 0

    assert payment(state).capturable_minor == expected


def test_a_payment_is_captured_once() -> None:
    """A part that was taken leaves nothing to take: the rest is released."""
    assert payment(captured_minor=1).capturable_minor == 0


@pytest.mark.parametrize("state,review", list(product(PaymentState, ReviewStatus)))
def test_a_payment_under_review_is_not_over(state: PaymentState, review: ReviewStatus) -> None:
    """It is final when its state is and no review is open."""
    expected = state in {_P.CAPTURED, _P.CANCELED, _P.FAILED} and review is not ReviewStatus.OPEN

    assert payment(state, review=review).is_final is expected


def test_every_sum_is_in_the_currency_of_the_amount() -> None:
    """A payment has one currency."""
    assert payment().currency == TOTAL.currency
