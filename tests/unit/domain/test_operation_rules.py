"""What a PSP's word means for an operation, and how its outcome is found out."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest

from gateway.domain.operation import OperationKind, OperationState
from gateway.domain.operation_rules import (
    SETTLING_TIME,
    Step,
    cancel_of,
    capture_of,
    creation_of,
    next_step,
    search_window,
    settled_by,
    settled_by_state,
)
from gateway.domain.payment import FINAL_STATES, PaymentState
from psp.money import Money
from psp.port import PendingChange, PspStatus
from tests.support.payments import NOW, operation, payment, word

_K, _S, _P = OperationKind, OperationState, PspStatus
_CHANGES = [kind for kind in _K if kind is not _K.REFUND]
"""What the payment's own status tells about; a refund has one of its own."""
_DAY = timedelta(hours=23)


@pytest.mark.parametrize("kind, status", list(product(_CHANGES, _P)))
def test_the_table_is_total(kind: OperationKind, status: PspStatus) -> None:
    """Every status says succeeded, failed or nothing about every kind; unknown says nothing."""
    settled = settled_by(operation(kind), word(status))

    assert settled in {_S.SUCCEEDED, _S.FAILED, None}
    if status is _P.UNKNOWN:
        assert settled is None


@pytest.mark.parametrize("kind", [_K.CAPTURE, _K.CANCEL])
def test_a_standing_authorisation_proves_nothing(kind: OperationKind) -> None:
    """The request may still be on its way."""
    assert settled_by(operation(kind), word(_P.AUTHORIZED)) is None


@pytest.mark.parametrize(
    "kind,pending", [(_K.CAPTURE, PendingChange.CAPTURE), (_K.CANCEL, PendingChange.CANCEL)]
)
@pytest.mark.parametrize("status", _P)
def test_what_a_psp_accepted_for_later_is_settled(
    kind: OperationKind, pending: PendingChange, status: PspStatus
) -> None:
    """The operation is over; how the change ends is told by an event."""
    assert settled_by(operation(kind), word(status, pending=pending)) is _S.SUCCEEDED


def test_another_change_that_is_pending_says_nothing() -> None:
    """A pending cancel does not make a capture succeed."""
    said = word(_P.AUTHORIZED, pending=PendingChange.CANCEL)

    assert settled_by(operation(_K.CAPTURE), said) is None
    assert settled_by(operation(_K.CREATE), word(_P.UNKNOWN)) is None


@pytest.mark.parametrize(
    "age, lifetime, expected",
    [
        (timedelta(0), _DAY, Step.RESEND),
        (_DAY - timedelta(seconds=1), _DAY, Step.RESEND),
        (_DAY, _DAY, Step.LOOK),
        (_DAY + SETTLING_TIME, _DAY, Step.LOOK),
        (_DAY + SETTLING_TIME + timedelta(seconds=1), _DAY, Step.CONCLUDE),
        (timedelta(0), timedelta(0), Step.LOOK),
        (SETTLING_TIME + timedelta(seconds=1), timedelta(0), Step.CONCLUDE),
    ],
)
def test_a_lapsed_key_is_never_sent_again(
    age: timedelta, lifetime: timedelta, expected: Step
) -> None:
    """Inside its lifetime a key repeats; after it we look, and conclude only when all is quiet."""
    assert next_step(operation(), lifetime, NOW + age) is expected


@pytest.mark.parametrize(
    "minutes,expected", [(9, Step.RESEND), (10, Step.LOOK), (25, Step.LOOK), (26, Step.CONCLUDE)]
)
def test_a_creation_is_not_sent_again_for_long(minutes: int, expected: Step) -> None:
    """The shopper may have paid otherwise meanwhile: the PSP's list tells what became of it."""
    age = timedelta(minutes=minutes)

    assert next_step(operation(_K.CREATE), _DAY, NOW + age) is expected


def test_a_capture_of_another_sum_is_not_ours() -> None:
    """Somebody captured in the PSP's dashboard: our capture of a part was not done."""
    said = word(_P.CAPTURED, captured_minor=1999)

    assert settled_by(operation(amount_minor=500), said) is _S.FAILED
    assert settled_by(operation(amount_minor=1999), said) is _S.SUCCEEDED


@pytest.mark.parametrize("kind,state", list(product(_CHANGES, PaymentState)))
def test_what_was_heard_meanwhile_settles_an_operation(
    kind: OperationKind, state: PaymentState
) -> None:
    """A final state is final; for a creation it is enough that the payment is there."""
    settled = settled_by_state(kind, state)

    if kind is _K.CREATE:
        assert (settled is None) is (state is PaymentState.OUTCOME_UNKNOWN)
    else:
        assert (settled is None) is (state not in FINAL_STATES)
    done = {_K.CAPTURE: PaymentState.CAPTURED, _K.CANCEL: PaymentState.CANCELED}.get(kind)
    if state is done:
        assert settled is _S.SUCCEEDED


def test_the_search_window_holds_both_clocks() -> None:
    """From before it was written down until after now, whatever the clocks' difference."""
    start, end = search_window(operation(), NOW + timedelta(hours=1))

    assert start < NOW
    assert end > NOW + timedelta(hours=1)


def test_the_same_request_is_made_each_time() -> None:
    """What is sent again is what was written down, key included."""
    made = operation(
        _K.CREATE,
        parameters={
            "psp_customer": "cus_1",
            "psp_alias": "pm_1",
            "off_session": "yes",
            "return_url": "https://shop.example/back",
        },
    )

    request = creation_of(payment(PaymentState.OUTCOME_UNKNOWN), made)

    assert request == creation_of(payment(PaymentState.OUTCOME_UNKNOWN), made)
    assert (
        request.idempotency_key,
        request.psp_customer,
        request.psp_alias,
        request.shopper_present,
        request.save_alias,
        request.return_url,
        request.amount,
    ) == ("paygate-op_1", "cus_1", "pm_1", False, False, "https://shop.example/back",
          Money(1999, "EUR"))  # fmt: skip


def test_a_capture_takes_the_operations_amount() -> None:
    """A partial capture stays partial when it is sent again."""
    request = capture_of(payment(), operation(amount_minor=500))

    assert (request.psp_reference, request.amount) == ("pi_1", Money(500, "EUR"))


def test_a_cancel_keeps_its_reason() -> None:
    """The PSP hears the same reason each time."""
    made = operation(_K.CANCEL, parameters={"reason": "fraudulent"})

    assert cancel_of(payment(), made).reason == "fraudulent"
