"""What may be invoiced and shipped of an order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from gateway.accounts.commands import ReportInvoicedCommand, ReportParcelCommand
from gateway.accounts.rules import book_invoice, book_parcel, require_same_report
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.posting import AccountOrder, Posting
from gateway.domain.requests import RequestKey
from gateway.errors import PaygateError, Reason
from legacy_bridge.port import DIRECTION_OF_KIND, Direction, MovementKind
from psp.money import Money
from tests.support.payments import NOW, TOTAL, draft, payment

_CAPTURED = PaymentState.CAPTURED
_FIRST, _SECOND = "pay_00000000000000000000000001", "pay_00000000000000000000000002"
_REQUEST = RequestKey("tests", "ReportInvoiced", "r-1")


def _invoice(amount_minor: int = 1999, **changes: Any) -> ReportInvoicedCommand:
    base = ReportInvoicedCommand(_REQUEST, "order-1", "I-1", Money(amount_minor, "EUR"))
    return replace(base, **changes)


def _parcel(amount_minor: int = 1999, **changes: Any) -> ReportParcelCommand:
    base = ReportParcelCommand(_REQUEST, "order-1", "P-1", Money(amount_minor, "EUR"))
    return replace(base, **changes)


def _posted(amount_minor: int, key: str = "invoice:I-0", reference: str = _FIRST) -> Posting:
    kind = MovementKind.INVOICE_CREDIT if key.startswith("invoice") else MovementKind.PARCEL_DEBIT
    amount = Money(amount_minor, "EUR")
    return Posting(key, "shopper-1", "order-1", kind, amount, reference, NOW)


def _books(invoiced: int, shipped: int = 0) -> AccountOrder:
    return AccountOrder("order-1", "EUR", invoiced, shipped, 1)


def _paid(*payments: Payment) -> list[Payment]:
    return list(payments) or [payment(_CAPTURED)]


def _refused(call: Callable[[], object]) -> PaygateError:
    with pytest.raises(PaygateError) as refused:
        call()
    return refused.value


def test_an_invoice_is_the_credit_of_a_captured_payment() -> None:
    """It names the payment, and the order's sums are one report on."""
    booking = book_invoice(_invoice(1500), draft(), None, _paid(), [], NOW)

    assert booking.posting == Posting(
        key="invoice:I-1",
        customer_id="shopper-1",
        order_id="order-1",
        kind=MovementKind.INVOICE_CREDIT,
        amount=Money(1500, "EUR"),
        reference=_FIRST,
        booking_time=NOW,
    )
    assert booking.order == AccountOrder("order-1", "EUR", 1500, 0, 1)


@pytest.mark.parametrize(
    "payments, postings, command, reason",
    [
        ([], [], _invoice(), Reason.ORDER_NOT_PAID),
        ([payment(PaymentState.AUTHORIZED)], [], _invoice(), Reason.ORDER_NOT_PAID),
        (_paid(), [], _invoice(2000), Reason.AMOUNT_EXCEEDS_REMAINING),
        (_paid(), [_posted(1500)], _invoice(500), Reason.AMOUNT_EXCEEDS_REMAINING),
        (_paid(), [], _invoice(amount=Money(1, "USD")), Reason.AMOUNT_EXCEEDS_REMAINING),
        (_paid(), [], _invoice(payment_id=_SECOND), Reason.PAYMENT_NOT_FOUND),
        (_paid(), [], _invoice(customer_id="shopper-2"), Reason.NO_ACCOUNT),
    ],
)
def test_an_invoice_without_the_money_is_refused(
    payments: list[Payment],
    postings: list[Posting],
    command: ReportInvoicedCommand,
    reason: Reason,
) -> None:
    """Nothing captured, not so much of it, another currency, payment or shopper."""
    error = _refused(lambda: book_invoice(command, draft(), None, payments, postings, NOW))
    assert error.reason is reason
    assert "order-1" in error.message


def test_a_refusal_says_how_much_is_left() -> None:
    """So that the caller can tell what it counted otherwise."""
    error = _refused(
        lambda: book_invoice(_invoice(500), draft(), None, _paid(), [_posted(1500)], NOW)
    )
    assert error.metadata == {
        "order_id": "order-1",
        "remaining_minor": "499",
        "currency_code": "EUR",
    }


def test_the_payment_that_the_order_was_released_for_comes_first() -> None:
    """Then the oldest one that has enough left; a named one is the only one."""
    both = _paid(payment(_CAPTURED), payment(_CAPTURED, id=_SECOND))
    released = draft(payment_id=_SECOND)

    def reference(command: ReportInvoicedCommand, *postings: Posting) -> str:
        return book_invoice(command, released, None, both, postings, NOW).posting.reference

    assert reference(_invoice()) == _SECOND
    assert reference(_invoice(500), _posted(1999, reference=_SECOND)) == _FIRST
    assert reference(_invoice(payment_id=_FIRST)) == _FIRST
    full = _posted(1999, reference=_FIRST)
    error = _refused(lambda: reference(_invoice(1, payment_id=_FIRST), full))
    assert error.reason is Reason.AMOUNT_EXCEEDS_REMAINING


def test_a_guests_order_needs_a_name() -> None:
    """Who is named has the account; nobody's cannot be moved."""
    guest = draft(customer_id="")
    named = book_invoice(_invoice(customer_id="shopper-9"), guest, None, _paid(), [], NOW)

    assert named.posting.customer_id == "shopper-9"
    error = _refused(lambda: book_invoice(_invoice(), guest, None, _paid(), [], NOW))
    assert error.reason is Reason.NO_ACCOUNT


def test_a_parcel_reconciles_what_was_invoiced() -> None:
    """On the account of the invoice, several parcels, to the last cent."""
    first = book_parcel(_parcel(999), _books(1999), [_posted(1999)], NOW)
    second = book_parcel(_parcel(1000), first.order, [_posted(1999)], NOW)

    assert (first.posting.key, first.posting.kind) == ("parcel:P-1", MovementKind.PARCEL_DEBIT)
    assert (first.posting.customer_id, first.posting.reference) == ("shopper-1", "P-1")
    assert (second.order.shipped_minor, second.order.version) == (1999, 3)
    error = _refused(lambda: book_parcel(_parcel(1), second.order, [_posted(1999)], NOW))
    assert error.reason is Reason.AMOUNT_EXCEEDS_REMAINING
    assert error.metadata["remaining_minor"] == "0"


def test_a_parcel_before_its_invoice_says_what_to_do() -> None:
    """The reports come from two systems: which is late is for them to know."""
    error = _refused(lambda: book_parcel(_parcel(), None, [], NOW))
    assert error.reason is Reason.ORDER_NOT_INVOICED
    assert "ReportInvoiced first" in error.message


def test_a_parcel_in_another_currency_is_refused() -> None:
    """An order is sold in one."""
    command = _parcel(amount=Money(1, "USD"))
    error = _refused(lambda: book_parcel(command, _books(1999), [_posted(1999)], NOW))
    assert error.reason is Reason.AMOUNT_EXCEEDS_REMAINING


@pytest.mark.parametrize(
    "other",
    [
        _invoice(1998),
        _invoice(amount=Money(1999, "USD")),
        _invoice(order_id="order-2"),
        _invoice(customer_id="shopper-2"),
        _invoice(payment_id=_SECOND),
    ],
)
def test_an_invoice_that_says_something_else_is_refused(other: ReportInvoicedCommand) -> None:
    """Loudly: both contents are in the answer."""
    standing = _posted(1999, key="invoice:I-1")
    error = _refused(lambda: require_same_report(other, standing))
    assert error.reason is Reason.REPORTED_OTHERWISE
    assert "invoice:I-1" in error.message


def test_what_an_invoice_leaves_out_is_not_held_against_it() -> None:
    """Customer and payment were filled in at the first report."""
    standing = _posted(1999, key="invoice:I-1")
    require_same_report(_invoice(), standing)
    require_same_report(_invoice(customer_id="shopper-1", payment_id=_FIRST), standing)


def test_each_kind_has_a_direction() -> None:
    """Total over the kinds, and each pair closes."""
    assert set(DIRECTION_OF_KIND) == set(MovementKind)
    directions = list(DIRECTION_OF_KIND.values())
    assert directions.count(Direction.CREDIT) == directions.count(Direction.DEBIT)


def test_a_movement_that_nobody_could_post_is_not_made() -> None:
    """Without key or customer, or of nothing."""
    good = _posted(1)
    for wrong in ({"key": ""}, {"customer_id": ""}, {"amount": TOTAL.with_amount(0)}):
        with pytest.raises(ValueError, match="movement"):
            _ = replace(good, **wrong).movement
