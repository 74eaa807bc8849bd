"""What an attempt at an operation makes of its payment."""

from __future__ import annotations

from itertools import product

import pytest

from gateway.domain.journal import EventType
from gateway.domain.operation import OperationKind, OperationState
from gateway.domain.operation_rules import settled_by_state
from gateway.domain.outcome import Answered, NotDone, Outcome, Unknown, settlement
from gateway.domain.payment import PaymentState
from psp.errors import NotSentError, RejectedError
from psp.port import FailureCategory, PspStatus
from tests.support.payments import NOW, operation, payment, word

_K, _S, _P = OperationKind, OperationState, PaymentState
_NOT_SENT = NotDone(NotSentError("stripe_eu", "no connection"), refused=False)
_REFUSED = NotDone(RejectedError("stripe_eu", "no such thing", "code_1"), refused=True)


def test_a_creation_that_was_answered() -> None:
    """The payment takes the PSP's word and its reference."""
    before = payment(_P.OUTCOME_UNKNOWN, psp_reference="")

    judged = settlement(before, operation(_K.CREATE), Answered(word(PspStatus.AUTHORIZED)), NOW)

    after = judged.change.payment
    assert (judged.state, after.state, after.psp_reference) == (_S.SUCCEEDED, _P.AUTHORIZED, "pi_1")


@pytest.mark.parametrize("outcome", [_NOT_SENT, _REFUSED])
def test_a_creation_that_surely_did_not_happen(outcome: NotDone) -> None:
    """The payment failed, and says that it never came to be."""
    before = payment(_P.OUTCOME_UNKNOWN, psp_reference="")

    judged = settlement(before, operation(_K.CREATE), outcome, NOW)

    after = judged.change.payment
    assert (judged.state, after.state) == (_S.FAILED, _P.FAILED)
    assert after.failure is not None
    assert after.failure.category is FailureCategory.NEVER_CREATED


@pytest.mark.parametrize("kind, state", list(product((_K.CREATE, _K.CAPTURE, _K.CANCEL), _P)))
def test_unknown_never_becomes_failed(kind: OperationKind, state: PaymentState) -> None:
    """Without the PSP's word a payment waits; with it, heard meanwhile, it stays as it is."""
    judged = settlement(payment(state), operation(kind), Unknown("no answer"), NOW)

    heard = settled_by_state(kind, state)
    assert judged.state is (heard or _S.UNKNOWN)
    assert judged.change.payment.state is (_P.OUTCOME_UNKNOWN if heard is None else state)


def test_unknown_is_told_once() -> None:
    """Each further silence changes nothing, so that the journal does not grow."""
    asked = operation(_K.CREATE, error="no answer", state=_S.UNKNOWN, attempts=3)

    judged = settlement(payment(_P.OUTCOME_UNKNOWN), asked, Unknown("no answer"), NOW)

    assert judged.change.is_empty


def test_a_status_that_cannot_be_read_leaves_the_operation_open() -> None:
    """The reference is kept, so that the PSP can be asked about it."""
    before = payment(_P.OUTCOME_UNKNOWN, psp_reference="")
    said = word(PspStatus.UNKNOWN, raw_status="requires_reauthorization")

    judged = settlement(before, operation(_K.CREATE), Answered(said), NOW)

    after = judged.change.payment
    assert (judged.state, after.state, after.psp_reference) == (
        _S.UNKNOWN,
        _P.OUTCOME_UNKNOWN,
        "pi_1",
    )


def test_a_refused_capture_takes_over_the_truth() -> None:
    """The PSP refused because the payment was canceled there: now it is here too."""
    refused = NotDone(_REFUSED.error, refused=True, word=word(PspStatus.CANCELED))

    judged = settlement(payment(), operation(), refused, NOW)

    assert (judged.state, judged.change.payment.state) == (_S.FAILED, _P.CANCELED)
    assert [entry.type for entry in judged.change.entries] == [
        EventType.OPERATION_FAILED,
        EventType.STATE_CHANGED,
    ]
    assert [entry.sequence for entry in judged.change.entries] == [2, 3]


def test_a_refused_capture_that_was_done_before_is_done() -> None:
    """The refusal was an echo of our own success."""
    refused = NotDone(_REFUSED.error, refused=True, word=word(PspStatus.CAPTURED))

    judged = settlement(payment(), operation(), refused, NOW)

    assert (judged.state, judged.change.payment.state) == (_S.SUCCEEDED, _P.CAPTURED)


def test_a_capture_that_was_not_sent_leaves_the_payment_as_it_is() -> None:
    """It can be captured again."""
    judged = settlement(payment(), operation(), _NOT_SENT, NOW)

    assert (judged.state, judged.change.payment.state) == (_S.FAILED, _P.AUTHORIZED)


def test_only_the_psps_word_brings_a_payment_back_from_unknown() -> None:
    """A later attempt that was not sent says nothing of the earlier one."""
    judged = settlement(payment(_P.OUTCOME_UNKNOWN), operation(), _NOT_SENT, NOW)

    assert (judged.state, judged.change.payment.state) == (_S.UNKNOWN, _P.OUTCOME_UNKNOWN)


@pytest.mark.parametrize(
    "strange",
    [
        word(PspStatus.CAPTURED, amount_minor=2000),
        word(PspStatus.CAPTURED, currency="USD"),
        word(PspStatus.CAPTURED, payment_id="pay_00000000000000000000000002"),
        word(PspStatus.CAPTURED, psp_reference="pi_2"),
    ],
)
def test_a_payment_that_is_not_ours_raises_the_alarm_once(strange: object) -> None:
    """Nothing is taken over, the operation stays open, and the journal says so once."""
    outcome: Outcome = Answered(strange)  # type: ignore[arg-type]  # a PspPayment, parametrised
    first = settlement(payment(), operation(), outcome, NOW)
    again = settlement(payment(), operation(error=first.error, attempts=1), outcome, NOW)

    assert [entry.type for entry in first.change.entries] == [EventType.PSP_MISMATCH]
    assert first.state is again.state is _S.UNKNOWN
    assert first.change.payment.state is _P.AUTHORIZED
    assert again.change.is_empty
