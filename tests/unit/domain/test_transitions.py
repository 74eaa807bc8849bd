"""How a PSP's word changes a payment: every combination, and long random histories."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from itertools import product
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.payment import (
    ALLOWED_TRANSITIONS,
    STATE_OF_PSP_STATUS,
    Payment,
    PaymentState,
)
from gateway.domain.transitions import (
    Change,
    Event,
    apply_psp_payment,
    mark_operation_failed,
    mark_unknown,
    record,
)
from psp.port import FailureCategory, PspFailure, PspPayment, PspStatus, ReviewStatus
from tests.support.payments import NOW, TOTAL, payment, word

_E, _P, _R, _W = EventType, PaymentState, ReviewStatus, PspStatus
_LATER = NOW + timedelta(minutes=1)
_FULL: Final = TOTAL.amount_minor
_DECLINE = PspFailure(FailureCategory.DECLINED, "card_declined", "No.", retryable=True)
_ALL: Final = list(product(PaymentState, PspStatus, ReviewStatus, ReviewStatus))


def _types(change: Change) -> list[EventType]:
    return [entry.type for entry in change.entries]


@pytest.mark.parametrize("state,status,held,shown", _ALL)
def test_the_psps_word_is_taken_in_every_state(
    state: PaymentState, status: PspStatus, held: ReviewStatus, shown: ReviewStatus
) -> None:
    """Every word has an effect in every state, and each change of state is journaled as one."""
    before = payment(state, review=held)

    change = apply_psp_payment(before, word(status, review=shown), _LATER)

    after, types = change.payment, _types(change)
    assert after.state is (STATE_OF_PSP_STATUS[status] or state)
    assert after.review is (held if shown is _R.NONE else shown)
    moved = after.state is not state
    allowed = after.state in ALLOWED_TRANSITIONS[state]
    assert (_E.STATE_CHANGED in types) is (moved and allowed)
    assert (_E.STATUS_CORRECTED in types) is (moved and not allowed)
    assert (_E.REVIEW_CHANGED in types) is (after.review is not held)


@pytest.mark.parametrize("state,status", list(product(PaymentState, PspStatus)))
def test_a_correction_says_from_what_and_by_which_word(
    state: PaymentState, status: PspStatus
) -> None:
    """Whoever reads the journal sees both sides, the PSP's in its own spelling."""
    said = word(status, raw_status="their_word")

    change = apply_psp_payment(payment(state), said, _LATER)

    if change.payment.state is not state:
        assert change.entries[0].details == {"from": state, "psp_status": "their_word"}
        assert change.entries[0].state is change.payment.state


@pytest.mark.parametrize("state", PaymentState)
def test_the_same_word_twice_is_told_once(state: PaymentState) -> None:
    """A repeated webhook does not grow the journal."""
    said = word(_W.AUTHORIZED, review=_R.OPEN, failure=_DECLINE)
    first = apply_psp_payment(payment(state), said, _LATER)

    second = apply_psp_payment(first.payment, said, _LATER)

    assert second.is_empty
    assert second.payment == first.payment


def test_a_review_that_is_no_longer_shown_is_not_forgotten() -> None:
    """A PSP that closes a review may show none: what we knew stands."""
    before = payment(review=_R.OPEN)

    assert apply_psp_payment(before, word(), _LATER).payment.review is _R.OPEN


@pytest.mark.parametrize("held", [_R.APPROVED, _R.REJECTED])
def test_an_open_review_without_a_name_undoes_no_end_that_is_known(held: ReviewStatus) -> None:
    """A charge at Stripe says for ever that it went to review; only a named one opens anew."""
    before = payment(review=held, review_reference="prv_1")

    nameless = apply_psp_payment(before, word(review=_R.OPEN), _LATER)
    named = apply_psp_payment(before, word(review=_R.OPEN, review_reference="prv_2"), _LATER)

    assert nameless.payment.review is held
    assert (named.payment.review, named.payment.review_reference) == (_R.OPEN, "prv_2")


def test_a_decline_leaves_the_state_and_is_told() -> None:
    """The shopper may try again; the journal says why the first attempt failed."""
    said = word(_W.AWAITING_CUSTOMER, failure=_DECLINE)

    change = apply_psp_payment(payment(_P.AWAITING_CUSTOMER), said, _LATER)

    assert _types(change) == [_E.FAILURE_RECORDED]
    assert change.entries[0].details == {"category": "declined", "psp_code": "card_declined"}
    assert change.payment.failure == _DECLINE


def test_a_failure_that_was_made_good_is_cleared() -> None:
    """A payment that succeeded at the second attempt does not look declined."""
    before = payment(_P.AWAITING_CUSTOMER, failure=_DECLINE)

    assert apply_psp_payment(before, word(_W.AUTHORIZED), _LATER).payment.failure is None


def test_sums_that_change_alone_are_told() -> None:
    """A refund made in the PSP's dashboard is seen."""
    change = apply_psp_payment(payment(_P.CAPTURED), word(_W.CAPTURED, refunded_minor=5), _LATER)

    assert _types(change) == [_E.AMOUNTS_CHANGED]
    assert change.entries[0].refunded_minor == 5


@pytest.mark.parametrize("sums", [{"captured_minor": 1}, {"refunded_minor": 0}])
def test_money_that_was_not_taken_after_all_is_a_correction(sums: dict[str, int]) -> None:
    """A sum that shrinks is never a mere change of amounts."""
    before = payment(_P.CAPTURED, refunded_minor=1)
    said = word(_W.CAPTURED, **{"refunded_minor": 1, **sums})

    change = apply_psp_payment(before, said, _LATER)

    assert _types(change) == [_E.STATUS_CORRECTED]


@pytest.mark.parametrize("state", _P)
def test_a_status_that_cannot_be_read_takes_no_money_back(state: PaymentState) -> None:
    """State, sums and failure stay as they are; only the reference and a review are heard."""
    before = payment(state, failure=_DECLINE)

    after = apply_psp_payment(before, word(_W.UNKNOWN), _LATER).payment

    assert (after.state, after.captured_minor, after.authorized_minor, after.failure) == (
        before.state,
        before.captured_minor,
        before.authorized_minor,
        before.failure,
    )


def test_an_authorisation_that_lasts_longer_is_told() -> None:
    """PayPal's is prolonged once: the new end is stored."""
    said = word(_W.AUTHORIZED, capture_before=NOW + timedelta(days=20))

    change = apply_psp_payment(payment(), said, _LATER)

    assert _types(change) == [_E.STATE_CHANGED]
    assert change.payment.capture_before == NOW + timedelta(days=20)


def test_what_was_authorised_stays_when_it_is_released() -> None:
    """A canceled authorisation was one once."""
    change = apply_psp_payment(payment(), word(_W.CANCELED), _LATER)

    assert change.payment.authorized_minor == _FULL


def test_a_reference_that_arrives_alone_is_kept_and_told() -> None:
    """From then on the PSP can be asked by it."""
    before = payment(_P.AWAITING_CUSTOMER, psp_reference="")

    change = apply_psp_payment(before, word(_W.AWAITING_CUSTOMER), _LATER)

    assert (change.payment.psp_reference, _types(change)) == ("pi_1", [_E.STATE_CHANGED])


def test_a_window_that_is_no_longer_told_is_kept() -> None:
    """When an authorisation lapses stays known, as long as nothing newer is said."""
    before = payment(_P.PROCESSING, capture_before=_LATER)

    assert apply_psp_payment(before, word(), _LATER).payment.capture_before == _LATER


@pytest.mark.parametrize(
    "name,changes",
    [
        ("psp_reference", {"psp_reference": "pi_2"}),
        ("currency", {"currency": "USD"}),
        ("amount_minor", {"amount_minor": _FULL + 1}),
        ("payment_id", {"payment_id": "pay_another"}),
        ("sums", {"captured_minor": 1, "refunded_minor": 2}),
        ("sums", {"captured_minor": _FULL + 1}),
        ("sums", {"authorized_minor": _FULL + 1}),
        ("sums", {"refunded_minor": -1}),
    ],
)
@pytest.mark.parametrize("state", PaymentState)
def test_a_word_on_something_else_is_an_alarm(
    state: PaymentState, name: str, changes: Mapping[str, Any]
) -> None:
    """Nothing is taken over but that it was said, and the alarm names what does not fit."""
    before = payment(state)

    change = apply_psp_payment(before, word(_W.CANCELED, review=_R.OPEN, **changes), _LATER)

    assert _types(change) == [_E.PSP_MISMATCH]
    assert set(change.entries[0].details) == {name}
    assert change.payment == replace(before, version=2, last_sequence=2, update_time=_LATER)


@pytest.mark.parametrize("state", PaymentState)
def test_an_unknown_outcome_waits_for_the_psp(state: PaymentState) -> None:
    """Only the state changes, and the operation is named."""
    change = mark_unknown(payment(state), "op_1", "no answer", _LATER)

    assert change.payment.state is _P.OUTCOME_UNKNOWN
    assert change.payment.captured_minor == payment(state).captured_minor
    assert _types(change) == [_E.OPERATION_UNKNOWN]
    assert change.entries[0].details == {"operation": "op_1", "detail": "no answer"}


@pytest.mark.parametrize("state", PaymentState)
def test_an_operation_that_did_not_happen_changes_nothing_else(state: PaymentState) -> None:
    """The payment is as it was, one version on, and the journal says what failed."""
    before = payment(state)

    change = mark_operation_failed(before, "op_1", "refused", _LATER)

    assert change.payment == replace(before, version=2, last_sequence=2, update_time=_LATER)
    assert _types(change) == [_E.OPERATION_FAILED]


def test_nothing_to_tell_is_nothing_to_store() -> None:
    """Without events there is neither a version nor a line."""
    change = record(payment(), [], _LATER)

    assert change.is_empty
    assert change.payment == payment()


def test_lines_follow_the_payments_last_one() -> None:
    """Several lines of one change share its version and its moment."""
    events = [Event(_E.CAPTURE_REQUESTED), Event(_E.OPERATION_FAILED)]

    change = record(payment(last_sequence=7, version=4), events, _LATER)

    assert [entry.sequence for entry in change.entries] == [8, 9]
    assert (change.payment.last_sequence, change.payment.version) == (9, 5)
    assert {entry.create_time for entry in change.entries} == {_LATER}
    assert len({entry.id for entry in change.entries}) == 2


_MINOR = st.integers(0, _FULL) | st.sampled_from([0, _FULL, _FULL + 1])
_WORDS = st.builds(
    PspPayment,
    psp_reference=st.sampled_from(["pi_1", "pi_1", "pi_1", "pi_2"]),
    status=st.sampled_from(PspStatus),
    raw_status=st.just("raw"),
    currency=st.sampled_from(["EUR", "EUR", "EUR", "USD"]),
    amount_minor=st.sampled_from([_FULL, _FULL, _FULL, 1]),
    authorized_minor=_MINOR,
    captured_minor=_MINOR,
    refunded_minor=_MINOR,
    review=st.sampled_from(ReviewStatus),
    failure=st.sampled_from([None, _DECLINE]),
    payment_id=st.sampled_from(["", payment().id]),
)
_STEPS = st.lists(_WORDS | st.sampled_from(["unknown", "failed"]), max_size=30)


def _stepped(held: Payment, step: PspPayment | str) -> Change:
    if isinstance(step, PspPayment):
        return apply_psp_payment(held, step, _LATER)
    mark = mark_unknown if step == "unknown" else mark_operation_failed
    return mark(held, "op_1", "detail", _LATER)


@given(_STEPS)
def test_no_history_breaks_the_rules(steps: list[PspPayment | str]) -> None:
    """Whatever a PSP says in whatever order: see each rule below."""
    held = payment(_P.OUTCOME_UNKNOWN, psp_reference="")
    journal: list[JournalEntry] = []
    for step in steps:
        change = _stepped(held, step)
        after = change.payment

        assert 0 <= after.refunded_minor <= after.captured_minor
        assert after.captured_minor <= after.authorized_minor <= after.amount.amount_minor
        assert after.authorized_minor >= held.authorized_minor
        assert after.version == held.version + (not change.is_empty)
        assert after.psp_reference == (held.psp_reference or after.psp_reference)
        assert _made_of(after) == _made_of(held)
        _require_forward(held, change)
        journal += change.entries
        held = after
    assert [entry.sequence for entry in journal] == list(range(2, len(journal) + 2))
    assert held.last_sequence == len(journal) + 1


def _made_of(held: Payment) -> tuple[object, ...]:
    """Return what a payment is made of, which never changes: its PSP account above all."""
    return (
        held.id,
        held.psp_account,
        held.order_id,
        held.customer_id,
        held.country_code,
        held.method,
        held.amount,
        held.capture_policy,
        held.config_digest,
        held.create_time,
    )


def _require_forward(before: Payment, change: Change) -> None:
    """Expect that what may not follow was journaled as a correction or as an unknown outcome."""
    after = change.payment
    if after.state is before.state:
        # Money that was taken or given back, and is said not to have been, is a correction too.
        falls = (
            after.captured_minor < before.captured_minor
            or after.refunded_minor < before.refunded_minor
        )
        assert (_E.STATUS_CORRECTED in _types(change)) == falls
    elif after.state in ALLOWED_TRANSITIONS[before.state]:
        assert _E.STATUS_CORRECTED not in _types(change)
    else:
        assert {_E.STATUS_CORRECTED, _E.OPERATION_UNKNOWN} & set(_types(change))
