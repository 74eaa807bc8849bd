"""An order's operations as the port's payment."""

from __future__ import annotations

import pytest

from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.money import AmountError
from psp.ogone.operations import taken_minor
from psp.ogone.payment_reading import read_payment
from psp.ogone.statuses import STATUSES
from psp.port import FailureCategory, PendingChange, PspPayment, PspStatus
from tests.unit.psp.ogone.support import PAYMENT_ID, answer


def _read(*operations: Answer) -> PspPayment:
    return read_payment(PAYMENT_ID, operations[-1], operations)


def _sums(payment: PspPayment) -> tuple[int, int, int, int]:
    return (
        payment.amount_minor,
        payment.authorized_minor,
        payment.captured_minor,
        payment.refunded_minor,
    )


def test_an_authorisation_is_read_whole() -> None:
    """Our id is the reference on both sides; the status is told as Ogone spells it."""
    payment = _read(answer("5"))

    assert payment == PspPayment(
        psp_reference=PAYMENT_ID,
        payment_id=PAYMENT_ID,
        status=PspStatus.AUTHORIZED,
        raw_status="5",
        currency="EUR",
        amount_minor=1234,
        authorized_minor=1234,
    )


@pytest.mark.parametrize(
    "operations,sums",
    [
        ([("9", "12.34")], (1234, 1234, 1234, 0)),
        ([("91", "12.34")], (1234, 1234, 0, 0)),
        ([("5", "12.34"), ("91", "5")], (1234, 1234, 0, 0)),
        ([("5", "12.34"), ("9", "5")], (1234, 1234, 500, 0)),
        ([("5", "12.34"), ("9", "5"), ("8", "2")], (1234, 1234, 500, 200)),
        ([("5", "12.34"), ("9", "5"), ("81", "2")], (1234, 1234, 500, 200)),
        ([("5", "12.34"), ("9", "5"), ("82", "2")], (1234, 1234, 500, 200)),
        ([("5", "12.34"), ("9", "5"), ("85", "2")], (1234, 1234, 500, 200)),
        ([("5", "12.34"), ("9", "5"), ("83", "2")], (1234, 1234, 500, 0)),
        ([("5", "12.34"), ("9", "5"), ("84", "2")], (1234, 1234, 500, 0)),
        ([("5", "12.34"), ("9", "5"), ("94", "2")], (1234, 1234, 500, 0)),
        ([("5", "12.34"), ("9", "5"), ("96", "2")], (1234, 1234, 500, 0)),
        ([("9", "12.34"), ("83", "2"), ("81", "3"), ("82", "4")], (1234, 1234, 1234, 700)),
        # A deletion gives back what was taken, and nothing if nothing was.
        ([("5", "12.34"), ("9", "12.34"), ("7", "12.34")], (1234, 1234, 1234, 1234)),
        ([("9", "12.34"), ("71", "12.34")], (1234, 1234, 1234, 1234)),
        ([("9", "12.34"), ("73", "12.34")], (1234, 1234, 1234, 0)),
        ([("5", "12.34"), ("91", "12.34"), ("7", "12.34")], (1234, 1234, 0, 0)),
        ([("5", "12.34"), ("9", "5"), ("8", "2"), ("8", "1")], (1234, 1234, 500, 300)),
        ([("9", "12.34"), ("8", "12.34")], (1234, 1234, 1234, 1234)),
        # Should the first operation show where the order stands, its money is not counted twice.
        ([("9", "12.34"), ("9", "5")], (1234, 1234, 500, 0)),
        ([("5", "12.34"), ("93", "12.34")], (1234, 1234, 0, 0)),
        ([("93", "12.34")], (1234, 0, 0, 0)),
        ([("5", "12.34"), ("6", "12.34")], (1234, 1234, 0, 0)),
        ([("5", "12.34"), ("61", "")], (1234, 1234, 0, 0)),
        ([("2", "12.34")], (1234, 0, 0, 0)),
        ([("51", "12.34")], (1234, 0, 0, 0)),
    ],
)
def test_sums_are_the_operations(
    operations: list[tuple[str, str]], sums: tuple[int, int, int, int]
) -> None:
    """Of the order, authorised, captured, refunded; money on its way is not captured yet."""
    payment = _read(*(answer(status, amount=amount) for status, amount in operations))

    assert sums == _sums(payment)


@pytest.mark.parametrize("last", STATUSES)
@pytest.mark.parametrize("first", ["5", "9"])
def test_sums_never_contradict_each_other(first: str, last: str) -> None:
    """Whatever the status: refunded within captured within authorised within the amount."""
    amount, authorized, captured, refunded = _sums(
        _read(answer(first), answer(last, amount="5.00"))
    )

    assert 0 <= refunded <= captured <= authorized <= amount


@pytest.mark.parametrize("code", [code for code in STATUSES if STATUSES[code].refund is not None])
def test_a_captured_payment_stays_captured(code: str) -> None:
    """Whatever becomes of a refund, which has a status of its own."""
    payment = _read(answer("9"), answer(code, amount="5.00"))

    assert (payment.status, payment.pending) == (PspStatus.CAPTURED, PendingChange.NONE)
    assert (payment.raw_status, payment.captured_minor) == (code, 1234)
    assert payment.failure is None


@pytest.mark.parametrize("code", ["0", "97", "98", "99", "51", "777"])
def test_work_on_a_captured_payment_is_not_known_yet(code: str) -> None:
    """It may be a refund; what was taken is not taken anew by it."""
    payment = _read(answer("5"), answer("9"), answer(code, amount="5.00"))

    assert (payment.status, payment.captured_minor) == (PspStatus.UNKNOWN, 1234)
    assert _read(answer("5"), answer("97")).status is PspStatus.PROCESSING


def test_a_capture_under_way_is_known_in_its_amount() -> None:
    """So that the same capture is not sent again."""
    assert taken_minor([answer("5"), answer("91", amount="5")]) == 500
    assert taken_minor([answer("91")]) == 1234


@pytest.mark.parametrize(
    "status,pending", [("91", PendingChange.CAPTURE), ("61", PendingChange.CANCEL)]
)
def test_accepted_changes_are_pending(status: str, pending: PendingChange) -> None:
    """Processing, until a notification ends it."""
    payment = _read(answer("5"), answer(status))

    assert (payment.status, payment.pending) == (PspStatus.PROCESSING, pending)


def test_ends_say_why() -> None:
    """A decline has its code, a shopper who left has none."""
    declined = _read(answer("2", NCERROR="30511001", NCERRORPLUS="NOT ENOUGH")).failure
    left = _read(answer("1")).failure

    assert declined is not None
    assert (declined.category, declined.code) == (FailureCategory.INSUFFICIENT_FUNDS, "30511001")
    assert left is not None
    assert left.category is FailureCategory.ABANDONED
    assert _read(answer("6")).failure is None


def test_the_currency_may_stand_in_any_operation() -> None:
    """A change's reply may leave it out."""
    assert _read(answer("5"), answer("61", currency="")).currency == "EUR"


@pytest.mark.parametrize(
    "changes",
    [
        {"orderID": "pay_another"},
        {"STATUS": ""},
        {"currency": ""},
        {"amount": ""},
        {"amount": "12.345"},
        {"currency": "ZZZ"},
    ],
)
def test_what_lacks_what_counts_is_not_read(changes: dict[str, str]) -> None:
    """It proves nothing about the payment."""
    with pytest.raises((UnreadableAnswerError, AmountError)):
        _read(answer(**changes))


def test_two_currencies_are_no_answer() -> None:
    """No operation can change an order's currency."""
    with pytest.raises(UnreadableAnswerError):
        _read(answer("5"), answer("9", currency="USD"))


def test_a_capture_without_its_amount_is_not_read() -> None:
    """Less money than was taken must not look like all of it."""
    with pytest.raises(AmountError):
        _read(answer("5"), answer("9", amount=""))
