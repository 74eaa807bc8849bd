"""How an attempt at a refund ends, and what the PSP's list says of those that are known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from gateway.domain.journal import EventType
from gateway.domain.operation import Operation, OperationKind, OperationState
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.refund import Refund, RefundCause, RefundState
from gateway.domain.refund_outcome import (
    RefundAnswered,
    RefundNotDone,
    RefundOutcome,
    RefundSettlement,
    RefundUnknown,
    refund_news,
    refund_settlement,
)
from gateway.domain.refund_rules import OPERATION_OF_STATUS, STATE_OF_STATUS
from gateway.payments.books import is_delivered
from psp.errors import NotSentError, RejectedError
from psp.money import Money
from psp.port import FailureCategory, PspFailure, RefundStatus
from tests.support.payments import NOW, operation, payment, refund, refund_word

_E, _R, _S, _W = EventType, RefundState, OperationState, RefundStatus
_MINE = refund(_R.OUTCOME_UNKNOWN, psp_reference="")
_FAILURE = PspFailure(FailureCategory.DECLINED, "declined", "It came back.", retryable=False)


def _captured(refunded_minor: int = 0) -> Payment:
    return payment(PaymentState.CAPTURED, refunded_minor=refunded_minor)


def _judged(outcome: RefundOutcome, *others: Refund, error: str = "") -> RefundSettlement:
    asked: Operation = operation(
        OperationKind.REFUND, amount_minor=500, error=error, parameters={"refund_id": _MINE.id}
    )
    return refund_settlement(_captured(), _MINE, others, asked, outcome, NOW)


def _types(judged: RefundSettlement) -> list[EventType]:
    return [entry.type for entry in judged.change.entries]


@pytest.mark.parametrize("status", _W)
def test_every_answer_is_stored(status: RefundStatus) -> None:
    """State, operation and sum follow the PSP's word; only unknown leaves it open."""
    failure = _FAILURE if status is _W.FAILED else None
    judged = _judged(RefundAnswered(refund_word(status, failure=failure)))

    assert judged.refund.state is STATE_OF_STATUS[status]
    assert judged.state is OPERATION_OF_STATUS[status]
    assert judged.is_settled is (status is not _W.UNKNOWN)
    assert judged.refund.psp_reference == "re_1"
    assert judged.change.payment.refunded_minor == (0 if status is _W.FAILED else 500)
    assert _types(judged) == [_E.REFUND_CHANGED]
    assert bool(judged.error) is (judged.state is not _S.SUCCEEDED)


def test_the_sum_counts_the_other_refunds() -> None:
    """Of which one failed."""
    others = [
        refund(id="ref_2", psp_reference="re_2"),
        refund(_R.FAILED, id="ref_3", psp_reference="re_3", amount=Money(1, "EUR")),
    ]
    assert _judged(RefundAnswered(refund_word()), *others).change.payment.refunded_minor == 1000


@pytest.mark.parametrize("elsewhere", [0, 300])
def test_a_failed_refund_that_was_counted_already_gives_its_sum_back(elsewhere: int) -> None:
    """The PSP's whole list says what is gone; what others gave back stays."""
    word = refund_word(_W.FAILED, failure=_FAILURE)
    other = refund_word(psp_reference="re_2", amount_minor=elsewhere)
    asked = operation(OperationKind.REFUND, amount_minor=500, parameters={"refund_id": _MINE.id})
    judged = refund_settlement(
        _captured(500 + elsewhere), _MINE, [], asked, RefundAnswered(word, [word, other]), NOW
    )

    assert judged.refund.state is _R.FAILED
    assert judged.change.payment.refunded_minor == elsewhere
    (line,) = judged.change.entries
    assert (line.type, line.refunded_minor) == (_E.REFUND_CHANGED, elsewhere)


@pytest.mark.parametrize("refused", [True, False])
def test_what_surely_did_not_happen(refused: bool) -> None:
    """The refund failed, the operation is over, and the journal tells."""
    error = RejectedError("a", "no", "code_1") if refused else NotSentError("a", "no way")
    judged = _judged(RefundNotDone(error, refused=refused))

    assert (judged.state, judged.refund.state) == (_S.FAILED, _R.FAILED)
    assert judged.refund.failure is not None
    assert judged.refund.failure.retryable is not refused
    assert judged.change.payment.refunded_minor == 0
    (line,) = judged.change.entries
    assert (line.type, line.details["refund_id"]) == (_E.OPERATION_FAILED, _MINE.id)
    assert line.details["detail"] == str(error)
    assert not is_delivered(line)  # else an order would be told to try again at once


def test_unknown_never_becomes_failed() -> None:
    """Without the PSP's word the refund waits, and the journal says so once."""
    judged = _judged(RefundUnknown("no answer"))
    again = _judged(RefundUnknown("no answer"), error=judged.error)

    assert judged.state is again.state is _S.UNKNOWN
    assert judged.refund == again.refund == _MINE
    assert (_types(judged), _types(again)) == ([_E.OPERATION_UNKNOWN], [])


@pytest.mark.parametrize(
    "changes", [{"amount_minor": 501}, {"currency": "USD"}, {"payment_reference": "pi_2"}]
)
def test_another_refund_raises_the_alarm_once(changes: dict[str, Any]) -> None:
    """Nothing is taken over, and the operation stays open so that nothing else is sent."""
    outcome = RefundAnswered(refund_word(**changes))
    judged = _judged(outcome)
    again = _judged(outcome, error=judged.error)

    assert judged.state is again.state is _S.UNKNOWN
    assert judged.refund == _MINE
    assert (_types(judged), _types(again)) == ([_E.PSP_MISMATCH], [])


def test_what_was_heard_before_changes_nothing() -> None:
    """An event told of it before the answer came."""
    asked = operation(OperationKind.REFUND, amount_minor=500)
    judged = refund_settlement(
        _captured(500), refund(), [], asked, RefundAnswered(refund_word()), NOW
    )

    assert (judged.state, judged.refund, judged.change.is_empty) == (_S.SUCCEEDED, refund(), True)


# ------------------------------------------------------------ the PSP's list


def test_news_of_nothing_is_none() -> None:
    """What is known and shown as it is known; also what is known and not shown."""
    news = refund_news(_captured(500), [refund(), refund(id="ref_2", psp_reference="")],
                       [refund_word()], NOW)  # fmt: skip

    assert (news.changed, news.found, news.change.is_empty) == ((), (), True)


def test_a_foreign_refund_is_found() -> None:
    """It becomes a row and a line."""
    news = refund_news(_captured(500), [], [refund_word(refund_id="")], NOW)

    (found,) = news.found
    assert (found.cause, found.psp_reference) == (RefundCause.PSP, "re_1")
    (line,) = news.change.entries
    assert (line.type, line.details["refund_id"], line.details["cause"]) == (
        _E.REFUND_CHANGED,
        found.id,
        "psp",
    )


@pytest.mark.parametrize("read, listed", [(0, 500), (500, 0)])
def test_the_list_says_what_was_refunded_in_all(read: int, listed: int) -> None:
    """A payment that was read some time ago: its sum follows the list up and down."""
    status = RefundStatus.SUCCEEDED if listed else RefundStatus.FAILED
    known = refund(state=RefundState.SUCCEEDED if listed else RefundState.FAILED)

    news = refund_news(_captured(read), [known], [refund_word(status=status)], NOW)

    assert news.change.payment.refunded_minor == listed
    assert [entry.type for entry in news.change.entries] == [EventType.AMOUNTS_CHANGED]


@pytest.mark.parametrize("nameless", [True, False])
def test_a_known_refund_goes_on(nameless: bool) -> None:
    """By its reference, or by our id if the answer never came; also backwards."""
    known = refund(_R.SUCCEEDED) if nameless else refund(_R.SUCCEEDED, psp_reference="")
    word = refund_word(_W.FAILED, failure=_FAILURE, refund_id="" if nameless else known.id)

    news = refund_news(_captured(), [known], [word], NOW)

    ((before, after),) = news.changed
    assert (before, after.state, after.failure) == (known, _R.FAILED, _FAILURE)
    (line,) = news.change.entries
    assert line.details["from"] == "succeeded"
    assert line.details["psp_code"] == "declined"


def test_each_refund_has_its_own_news() -> None:
    """One of three changed, one is foreign; in one change with lines in the PSP's order."""
    known = [refund(_R.PENDING, id=f"ref_{n}", psp_reference=f"re_{n}") for n in (1, 2)]
    words = [
        refund_word(_W.PENDING, refund_id="ref_1", psp_reference="re_1"),
        refund_word(refund_id="ref_2", psp_reference="re_2"),
        refund_word(refund_id="", psp_reference="re_3"),
    ]

    news = refund_news(_captured(1500), known, words, NOW)

    assert [after.id for _, after in news.changed] == ["ref_2"]
    assert [each.psp_reference for each in news.found] == ["re_3"]
    assert [entry.sequence for entry in news.change.entries] == [2, 3]


def test_a_refund_of_another_amount_is_not_taken_over() -> None:
    """The row stays as it is, and the alarm is journaled once."""
    word = replace(refund_word(_W.FAILED), amount_minor=1)

    news = refund_news(_captured(500), [refund()], [word], NOW)

    assert (news.changed, news.found) == ((), ())
    (line,) = news.change.entries
    assert line.type is _E.PSP_MISMATCH
    again = refund_news(_captured(500), [refund()], [word], NOW, [line.details])
    assert again.change.is_empty
