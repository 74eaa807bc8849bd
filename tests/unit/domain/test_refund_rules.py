"""What may be refunded, and what the PSP's word makes of a refund."""

from __future__ import annotations

from datetime import timedelta
from itertools import product
from typing import Any

import pytest

from gateway.domain.journal import EventType
from gateway.domain.operation import OperationKind, OperationState
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.refund import (
    Refund,
    RefundCause,
    RefundState,
    came_back,
)
from gateway.domain.refund_rules import (
    OPERATION_OF_STATUS,
    STATE_OF_STATUS,
    amount_to_refund,
    begin_refund,
    found_among,
    heard,
    made_elsewhere,
    mismatch,
    never_done,
    refund_of,
    refundable_minor,
    with_refunds,
)
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from psp.errors import NotSentError, RejectedError
from psp.money import Money
from psp.port import FailureCategory, PspFailure, PspRefund, RefundStatus
from tests.support.payments import NOW, operation, payment, refund, refund_word

_P, _R, _W = PaymentState, RefundState, RefundStatus
_LATER = NOW + timedelta(seconds=1)
_FAILURE = PspFailure(FailureCategory.DECLINED, "declined", "It came back.", retryable=True)


def _captured(refunded_minor: int = 0, **changes: Any) -> Payment:
    return payment(_P.CAPTURED, refunded_minor=refunded_minor, **changes)


def _part(minor: int, state: RefundState = _R.SUCCEEDED, number: int = 1) -> Refund:
    return refund(
        state, amount=Money(minor, "EUR"), id=f"ref_{number}", psp_reference=f"re_{number}"
    )


def test_the_tables_are_total() -> None:
    """Every status of a PSP says what it makes of the refund and of its operation."""
    assert set(STATE_OF_STATUS) == set(OPERATION_OF_STATUS) == set(_W)
    assert set(STATE_OF_STATUS.values()) == set(_R)
    for status in _W:
        failed = STATE_OF_STATUS[status] is _R.FAILED
        assert failed is (status is _W.FAILED)  # unknown is never failed
        assert (OPERATION_OF_STATUS[status] is OperationState.FAILED) is failed


@pytest.mark.parametrize("state", _R)
def test_only_a_failed_refund_gives_its_money_back_to_the_sum(state: RefundState) -> None:
    """Whatever may have been paid counts as paid."""
    left = refundable_minor(_captured(), [_part(500, state)])

    assert left == (1999 if state is _R.FAILED else 1499)


@pytest.mark.parametrize(
    "psp_says,known,left",
    [
        (0, [], 1999),
        (500, [500], 1499),
        (700, [500], 1299),  # the PSP is ahead: somebody refunded there
        (0, [500], 1499),  # we are ahead: its word is older than our refund
        (500, [500, 300], 1199),
        (1999, [], 0),
        (0, [1999], 0),
        (0, [1999, 500], 0),
    ],
)
def test_of_two_sums_the_larger_one_counts(psp_says: int, known: list[int], left: int) -> None:
    """Either the PSP's or ours may be behind; never below nothing."""
    refunds = [_part(minor, number=number) for number, minor in enumerate(known)]

    assert refundable_minor(_captured(psp_says), refunds) == left


def test_a_payment_captured_in_part_gives_back_that_part() -> None:
    """Not what was authorised."""
    assert amount_to_refund(_captured(captured_minor=700), [], None) == Money(700, "EUR")


@pytest.mark.parametrize("state", _P)
def test_only_captured_money_is_refunded(state: PaymentState) -> None:
    """What is not known yet is asked for again; all else is refused for good."""
    if state is _P.CAPTURED:
        assert amount_to_refund(payment(state), [], None) == Money(1999, "EUR")
        return
    with pytest.raises(PaygateError) as refused:
        amount_to_refund(payment(state), [], Money(1, "EUR"))
    waits = state is _P.OUTCOME_UNKNOWN
    assert refused.value.reason is (Reason.OPERATION_IN_PROGRESS if waits else Reason.PAYMENT_STATE)
    assert (refused.value.retry_after_s is not None) is waits


@pytest.mark.parametrize(
    "wanted,reason",
    [
        (Money(1499, "EUR"), None),
        (Money(1500, "EUR"), Reason.AMOUNT_EXCEEDS_REMAINING),
        (Money(1, "USD"), Reason.AMOUNT_EXCEEDS_REMAINING),
    ],
)
def test_no_more_than_is_left(wanted: Money, reason: Reason | None) -> None:
    """The refusal says how much that is."""
    if reason is None:
        assert amount_to_refund(_captured(), [_part(500)], wanted) == wanted
        return
    with pytest.raises(PaygateError) as refused:
        amount_to_refund(_captured(), [_part(500)], wanted)
    assert refused.value.reason is reason
    assert refused.value.metadata["remaining_minor"] == "1499"


def test_where_nothing_is_left_nothing_is_refunded() -> None:
    """Not even nothing: Stripe would take a missing amount for all."""
    for wanted in (None, Money(1, "EUR")):
        with pytest.raises(PaygateError) as refused:
            amount_to_refund(_captured(), [_part(1999)], wanted)
        assert refused.value.reason is Reason.PAYMENT_STATE


def test_a_refund_begins_unknown_and_written_down() -> None:
    """Refund, operation and journal name each other, and the payment is one version on."""
    key = RequestKey("care", "CreateRefund", "r")
    begun = begin_refund(
        _captured(), Money(500, "EUR"), RefundCause.REQUESTED, "duplicate", key, NOW, timedelta(1)
    )

    made, asked = begun.refund, begun.operation
    assert (made.state, made.psp_reference, made.is_unanswered) == (_R.OUTCOME_UNKNOWN, "", True)
    assert (asked.kind, asked.amount_minor, asked.request) == (OperationKind.REFUND, 500, key)
    assert begun.change.payment.version == 2
    (line,) = begun.change.entries
    assert line.type is EventType.REFUND_REQUESTED
    assert (line.details["refund_id"], line.details["operation"]) == (made.id, asked.id)
    request = refund_of(begun.change.payment, asked, [made, _part(1), _part(2, number=2)])
    assert (request.refund_id, request.amount, request.reason, request.psp_reference) == (
        made.id,
        Money(500, "EUR"),
        "duplicate",
        "pi_1",
    )
    assert request.idempotency_key == asked.idempotency_key
    assert request.known_references == {"re_1", "re_2"}


_MINE = refund(_R.OUTCOME_UNKNOWN, psp_reference="")
_NAMED = refund_word()
_NAMELESS = refund_word(refund_id="")
_OTHERS = [refund(id="ref_2", psp_reference="re_2")]


@pytest.mark.parametrize(
    "wanted,words,others,found",
    [
        pytest.param(_MINE, [], [], None, id="nothing there"),
        pytest.param(_MINE, [_NAMED], [], _NAMED, id="by our id"),
        pytest.param(refund(), [_NAMELESS], [], _NAMELESS, id="by its reference"),
        pytest.param(
            _MINE, [refund_word(refund_id="ref_9", psp_reference="re_9")], [], None, id="another's"
        ),
        pytest.param(_MINE, [_NAMELESS], [], _NAMELESS, id="nameless, of its amount"),
        pytest.param(
            _MINE, [refund_word(refund_id="", amount_minor=501)], [], None, id="of another amount"
        ),
        pytest.param(
            _MINE, [refund_word(refund_id="", currency="USD")], [], None, id="in another currency"
        ),
        pytest.param(
            _MINE,
            [refund_word(refund_id="", psp_reference="re_2")],
            _OTHERS,
            None,
            id="an equal one that is known",
        ),
        pytest.param(
            _MINE,
            [refund_word(refund_id="", psp_reference="re_2"), _NAMELESS],
            _OTHERS,
            _NAMELESS,
            id="two equal ones, one known",
        ),
        pytest.param(
            _MINE,
            [refund_word(_W.FAILED, refund_id="", psp_reference="re_7"), _NAMELESS],
            [],
            _NAMELESS,
            id="money that moves before money that does not",
        ),
        pytest.param(
            refund(psp_reference="re_8"), [_NAMELESS], [], None, id="known by another reference"
        ),
        pytest.param(_MINE, [_NAMELESS, _NAMED], [], _NAMED, id="its name before its amount"),
    ],
)
def test_a_refund_is_found_among_the_psps(
    wanted: Refund, words: list[PspRefund], others: list[Refund], found: PspRefund | None
) -> None:
    """By reference or id; else by what nobody else is."""
    assert found_among(wanted, words, others) == found


@pytest.mark.parametrize("state, status", list(product(_R, _W)))
def test_the_psps_word_is_taken_over(state: RefundState, status: RefundStatus) -> None:
    """Also backwards; only a status that cannot be read teaches nothing."""
    before = refund(state, failure=_FAILURE if state is _R.FAILED else None)
    failure = _FAILURE if status is _W.FAILED else None
    after = heard(before, refund_word(status, failure=failure), _LATER)

    expected = state if status is _W.UNKNOWN else STATE_OF_STATUS[status]
    assert after.state is expected
    assert after.version == before.version + (after != before)
    assert after.update_time == (_LATER if after != before else NOW)


def test_the_first_word_brings_the_reference() -> None:
    """Also one that cannot be read: it is there, and can be asked about."""
    after = heard(_MINE, refund_word(_W.UNKNOWN), _LATER)

    assert (after.state, after.psp_reference) == (_R.OUTCOME_UNKNOWN, "re_1")
    assert not after.is_unanswered


def test_a_foreign_refund_becomes_one_of_the_payments() -> None:
    """With the PSP's amount, and without a reason of ours."""
    taken_in = made_elsewhere(_captured(), refund_word(_W.PENDING, amount_minor=7), NOW)

    assert (taken_in.cause, taken_in.state, taken_in.amount) == (
        RefundCause.PSP,
        _R.PENDING,
        Money(7, "EUR"),
    )
    assert (taken_in.payment_id, taken_in.order_id) == (payment().id, "order-1")


@pytest.mark.parametrize(
    "changes,fields",
    [
        ({}, set()),
        ({"amount_minor": 501}, {"amount_minor"}),
        ({"currency": "USD"}, {"currency"}),
        ({"payment_reference": "pi_2"}, {"payment_reference"}),
    ],
)
def test_a_refund_that_is_not_the_one_asked_for_says_in_what(
    changes: dict[str, Any], fields: set[str]
) -> None:
    """Ours and the PSP's side of each difference."""
    wrong = mismatch(refund(), _captured(), refund_word(**changes))

    assert set(wrong) - {"refund_id", "psp_reference"} == fields
    assert bool(wrong) is bool(fields)


@pytest.mark.parametrize("refused", [True, False])
def test_what_surely_did_not_happen_has_failed(refused: bool) -> None:
    """What never got there may be asked for anew; what was refused comes back."""
    error = RejectedError("a", "no", "code") if refused else NotSentError("a", "no")
    failed = never_done(_MINE, error, refused=refused, now=_LATER)

    assert (failed.state, failed.counts, failed.came_back) == (_R.FAILED, False, refused)
    assert failed.failure is not None
    assert failed.failure.category is FailureCategory.NEVER_CREATED


@pytest.mark.parametrize("retryable", [True, False])
def test_a_refund_that_the_psp_made_has_had_its_try(retryable: bool) -> None:
    """It came back, whatever its failure says of another one; nothing is tried for ever."""
    failure = PspFailure(FailureCategory.DECLINED, "c", "m", retryable=retryable)

    assert refund(_R.FAILED, failure=failure).came_back
    assert not refund(_R.PENDING, failure=failure).came_back


def test_only_the_gateways_own_refunds_came_back() -> None:
    """What a caller or the PSP gave back is not the gateway's to give back again or not."""
    rows = [refund(_R.FAILED, cause=cause, payment_id=f"pay_{cause}") for cause in RefundCause]

    assert came_back([*rows, refund(cause=RefundCause.ORDER)]) == {"pay_order"}


@pytest.mark.parametrize(
    "psp_says,known,counted", [(0, 500, 500), (700, 500, 700), (0, 2500, 1999), (0, 0, 0)]
)
def test_refunds_count_before_the_psps_next_word(psp_says: int, known: int, counted: int) -> None:
    """And never beyond what was captured."""
    refunds = [_part(known)] if known else []

    assert with_refunds(_captured(psp_says), refunds).refunded_minor == counted


def test_the_request_is_the_operations() -> None:
    """What is sent again is what was written down."""
    asked = operation(
        OperationKind.REFUND,
        amount_minor=500,
        parameters={"refund_id": refund().id, "reason": "fraudulent"},
    )

    request = refund_of(_captured(), asked, [refund()])

    assert request == refund_of(_captured(), asked, [refund()])
    assert (request.reason, request.known_references) == ("fraudulent", frozenset())
