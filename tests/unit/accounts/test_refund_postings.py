"""What a refund moves on the shopper's account, state by state."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import pytest

from gateway.domain.posting import Posting
from gateway.domain.refund import Refund, RefundState
from gateway.domain.refund_postings import (
    posting_for_due_refund,
    posting_for_lapsed_refund,
    posting_for_returned_refund,
    posting_for_settled_refund,
    postings_of_change,
)
from legacy_bridge.port import MovementKind
from tests.support.payments import NOW, refund

_UNKNOWN, _FAILED = RefundState.OUTCOME_UNKNOWN, RefundState.FAILED
_ACCEPTED = (RefundState.PENDING, RefundState.REQUIRES_ACTION, RefundState.SUCCEEDED)


def _kinds(before: RefundState | None, after: RefundState) -> list[MovementKind]:
    read = None if before is None else refund(before)
    return [each.kind for each in postings_of_change(read, refund(after), "shopper-1", NOW)]


def test_every_change_of_state_moves_what_it_should() -> None:
    """A table of all of them: accepted is due, failed after that is due no more."""
    for before, after in product((None, *RefundState), RefundState):
        expected = []
        if after in _ACCEPTED:
            expected = [MovementKind.REFUND_CREDIT]
        elif after is _FAILED and before in _ACCEPTED:
            expected = [MovementKind.REFUND_LAPSE]
        assert _kinds(before, after) == expected, (before, after)


def test_the_keys_are_what_others_know_them_by() -> None:
    """Due and lapsed by our id, settled and returned by the PSP's: its report says so."""
    made = refund()
    postings = [
        make(made, "shopper-1", NOW)
        for make in (
            posting_for_due_refund,
            posting_for_settled_refund,
            posting_for_returned_refund,
            posting_for_lapsed_refund,
        )
    ]

    assert [each.key for each in postings] == [
        f"refund-due:{made.id}",
        "refund-settled:stripe_eu:re_1",
        "refund-failed:stripe_eu:re_1",
        f"refund-lapsed:{made.id}",
    ]
    assert {(each.order_id, each.amount, each.reference) for each in postings} == {
        ("order-1", made.amount, made.id)
    }


def test_a_refund_without_the_psps_reference_cannot_be_settled() -> None:
    """The key would be another refund's as well."""
    with pytest.raises(ValueError, match="no reference"):
        posting_for_settled_refund(refund(psp_reference=""), "shopper-1", NOW)


@pytest.mark.parametrize("settled", [False, True])
@pytest.mark.parametrize(
    "states",
    [
        (_UNKNOWN, _FAILED),
        (_UNKNOWN, RefundState.PENDING, _FAILED),
        (_UNKNOWN, RefundState.PENDING, RefundState.SUCCEEDED, _FAILED),
        (_UNKNOWN, RefundState.REQUIRES_ACTION, RefundState.PENDING, RefundState.SUCCEEDED),
    ],
)
def test_an_ended_refund_leaves_nothing_on_the_account(
    states: tuple[RefundState, ...], *, settled: bool
) -> None:
    """Whether it failed at once, later, or was paid; and whatever the report shows of it."""
    ends_well = states[-1] is RefundState.SUCCEEDED
    refunds: list[Refund] = [refund(state) for state in states]
    postings: dict[str, Posting] = {}
    for before, after in pairwise(refunds):
        for each in postings_of_change(before, after, "shopper-1", NOW):
            postings.setdefault(each.key, each)
    if settled or ends_well:
        told = [posting_for_settled_refund(refunds[-1], "shopper-1", NOW)]
        if not ends_well:
            told.append(posting_for_returned_refund(refunds[-1], "shopper-1", NOW))
        postings |= {each.key: each for each in told}

    balance: Counter[str] = Counter()
    for each in postings.values():
        balance[each.amount.currency] += each.movement.signed_minor
    assert balance["EUR"] == 0
