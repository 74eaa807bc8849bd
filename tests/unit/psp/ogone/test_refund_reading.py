"""An order's operations as the port's refunds, and which of them a request made before."""

from __future__ import annotations

import pytest

from psp.money import Money
from psp.ogone.answers import UnreadableAnswerError
from psp.ogone.history import OrderHistory
from psp.ogone.money import AmountError
from psp.ogone.operations import taken_minor
from psp.ogone.payment_reading import read_payment
from psp.ogone.refund_reading import done_before, has_doubtful, read_refunds, read_reply
from psp.port import FailureCategory, PspFailure, PspRefund, RefundPayment, RefundStatus
from tests.unit.psp.ogone.support import PAYID, PAYMENT_ID, answer


def _history(*steps: tuple[str, str]) -> OrderHistory:
    operations = tuple(answer(status, amount=amount) for status, amount in steps)
    payment = read_payment(PAYMENT_ID, operations[-1], operations)
    return OrderHistory(PAYID, operations, payment, taken_minor(operations))


_CAPTURED = (("5", "12.34"), ("9", "12.34"))


def _request(amount_minor: int = 500, *known: str) -> RefundPayment:
    amount = Money(amount_minor, "EUR")
    return RefundPayment("ref_1", PAYMENT_ID, amount, "key-1", known_references=frozenset(known))


def test_a_refund_is_read_whole() -> None:
    """Known by its operation; Ogone holds no reference of ours."""
    assert read_refunds(_history(*_CAPTURED, ("81", "5"))) == (
        PspRefund(
            psp_reference=f"{PAYID}/2",
            payment_reference=PAYMENT_ID,
            status=RefundStatus.PENDING,
            raw_status="81",
            currency="EUR",
            amount_minor=500,
        ),
    )


@pytest.mark.parametrize(
    "steps,shown",
    [
        (_CAPTURED, []),
        ([("5", "12.34"), ("6", "12.34")], []),
        ([("9", "12.34"), ("8", "5"), ("83", "2")], [("1", "8", 500), ("2", "83", 200)]),
        # A deletion of what was taken gives it back; of what was not, it gives nothing.
        ([("9", "12.34"), ("7", "12.34")], [("1", "7", 1234)]),
        ([("5", "12.34"), ("91", "12.34"), ("7", "12.34")], []),
        # Should the first operation show where the order stands, it is still no refund.
        ([("8", "12.34"), ("8", "12.34")], [("1", "8", 1234)]),
        ([*_CAPTURED, ("0", "5"), ("81", "5")], [("3", "81", 500)]),
    ],
)
def test_refunds_are_the_operations_that_give_back(
    steps: list[tuple[str, str]], shown: list[tuple[str, str, int]]
) -> None:
    """The oldest first, failed ones too."""
    refunds = read_refunds(_history(*steps))

    assert shown == [
        (each.psp_reference.removeprefix(f"{PAYID}/"), each.raw_status, each.amount_minor)
        for each in refunds
    ]


@pytest.mark.parametrize(
    "status,failure",
    [
        (
            "83",
            PspFailure(FailureCategory.DECLINED, "83", "The acquirer refused the refund.", False),
        ),
        (
            "84",
            PspFailure(
                FailureCategory.DECLINED,
                "84",
                "The refund is disputed, or was refused later: look into it by hand.",
                retryable=False,
            ),
        ),
        ("82", None),
    ],
)
def test_a_failed_refund_says_why(status: str, failure: PspFailure | None) -> None:
    """One that is uncertain has not failed."""
    (refund,) = read_refunds(_history(*_CAPTURED, (status, "5")))

    assert refund.failure == failure


def test_the_acquirers_code_is_told_where_there_is_one() -> None:
    """Beside the status, which says how far the refund came."""
    history = _history(*_CAPTURED, ("81", "5"))

    refund = read_reply(
        history, _request(), answer("94", amount="5", NCERROR="30051001", PAYIDSUB="3")
    )

    assert refund is not None
    assert refund.failure is not None
    assert (refund.raw_status, refund.failure.code) == ("94", "30051001")


def test_a_refund_without_its_amount_is_not_read() -> None:
    """It cannot be told from another."""
    failed = (*_CAPTURED, ("83", ""))

    with pytest.raises(AmountError):
        read_refunds(_history(*failed))


@pytest.mark.parametrize(
    "steps,known,found",
    [
        ([], [], None),
        ([("81", "5")], [], 2),
        ([("81", "5")], [2], None),
        ([("81", "5")], [9], 2),
        ([("81", "4.99")], [], None),
        ([("8", "5"), ("81", "5")], [2], 3),
        ([("8", "5"), ("81", "5")], [3], 2),
        ([("8", "5"), ("81", "5")], [2, 3], None),
        # Two that may be it: the oldest, but one that came to nothing only if no other is left.
        ([("8", "5"), ("81", "5")], [], 2),
        ([("83", "5"), ("81", "5")], [], 3),
        ([("83", "5"), ("82", "5")], [], 3),
        ([("83", "5"), ("84", "5")], [], 2),
        ([("83", "5")], [], 2),
    ],
)
def test_what_a_request_made_before(
    steps: list[tuple[str, str]], known: list[int], found: int | None
) -> None:
    """The same amount, and not another's: there is nothing else to know it by."""
    request = _request(500, *(f"{PAYID}/{number}" for number in known))

    done = done_before(read_refunds(_history(*_CAPTURED, *steps)), request)

    assert (done and done.psp_reference) == (found and f"{PAYID}/{found}")


def test_another_currency_is_another_refund() -> None:
    """Its minor units may be the same number."""
    refunds = read_refunds(_history(*_CAPTURED, ("81", "5")))
    request = RefundPayment("ref_1", PAYMENT_ID, Money(500, "USD"), "key-1")

    assert done_before(refunds, request) is None


@pytest.mark.parametrize(
    "steps,doubtful",
    [
        (_CAPTURED, False),
        ([*_CAPTURED, ("81", "5")], False),
        ([*_CAPTURED, ("82", "5")], False),
        ([*_CAPTURED, ("97", "5")], True),
        ([*_CAPTURED, ("97", "5"), ("81", "5")], True),
        ([*_CAPTURED, ("0", "5")], True),
        ([*_CAPTURED, ("777", "5")], True),
        ([("5", "12.34"), ("97", "5")], False),
        ([("97", "12.34")], False),
    ],
)
def test_what_may_be_a_refund_is_in_doubt(steps: list[tuple[str, str]], doubtful: bool) -> None:
    """Only after a capture, and only if its status does not say what it is."""
    assert has_doubtful(_history(*steps)) is doubtful


@pytest.mark.parametrize("changes", [{}, {"orderID": ""}, {"amount": "", "currency": ""}])
def test_a_reply_names_its_operation(changes: dict[str, str]) -> None:
    """What it leaves out is what was asked for."""
    reply = answer("81", **{"PAYIDSUB": "2", "amount": "5", **changes})

    refund = read_reply(_history(*_CAPTURED), _request(), reply)

    assert refund is not None
    assert (refund.psp_reference, refund.amount_minor, refund.currency) == (
        f"{PAYID}/2",
        500,
        "EUR",
    )


def test_a_reply_without_its_operation_says_so() -> None:
    """The history has it."""
    assert read_reply(_history(*_CAPTURED), _request(), answer("81", amount="5")) is None


@pytest.mark.parametrize(
    "status,changes",
    [
        ("9", {}),
        ("", {}),
        ("97", {}),
        ("81", {"PAYID": "999"}),
        ("81", {"orderID": "pay_another"}),
        ("81", {"currency": "USD"}),
        ("81", {"amount": "4.99"}),
        ("81", {"amount": "1.2345"}),
        ("81", {"PAYIDSUB": "1"}),
        ("81", {"PAYIDSUB": "x"}),
        ("81", {"PAYIDSUB": "-3"}),
    ],
)
def test_a_reply_about_anything_else_is_not_read(status: str, changes: dict[str, str]) -> None:
    """It proves nothing about this refund."""
    reply = answer(status, **{"PAYIDSUB": "2", "amount": "5", **changes})

    with pytest.raises((UnreadableAnswerError, AmountError)):
        read_reply(_history(*_CAPTURED), _request(), reply)
