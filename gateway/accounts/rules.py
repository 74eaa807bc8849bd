"""What may be invoiced and shipped of an order, and what it moves: pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from gateway.accounts.commands import (
    ReportCommand,
    ReportInvoicedCommand,
    ReportParcelCommand,
)
from gateway.accounts.refusals import (
    above_the_rest,
    not_invoiced,
    not_its_payment,
    not_paid,
    reported_otherwise,
    without_account,
)
from gateway.domain.payment import Payment
from gateway.domain.posting import AccountOrder, Posting
from legacy_bridge.port import DraftOrder, MovementKind
from psp.money import Money


@dataclass(frozen=True, slots=True)
class Booking:
    """What to commit for a report."""

    posting: Posting
    order: AccountOrder


def book_invoice(
    command: ReportInvoicedCommand,
    order: DraftOrder,
    books: AccountOrder | None,
    payments: Sequence[Payment],
    postings: Iterable[Posting],
    now: datetime,
) -> Booking:
    """Book an invoice as the credit of a captured payment; raises `PaygateError`.

    `postings` are the order's, of which invoices count.
    """
    customer_id = account_of(command, order)
    payment = _payment_for(command, order, payments, postings)
    books = books or AccountOrder(order.order_id, command.amount.currency, 0, 0, 0)
    if books.currency != command.amount.currency:
        raise above_the_rest(command, Money(0, books.currency), "captured and not invoiced yet")
    posting = Posting(
        key=command.posting_key,
        customer_id=customer_id,
        order_id=command.order_id,
        kind=MovementKind.INVOICE_CREDIT,
        amount=command.amount,
        reference=payment.id,
        booking_time=now,
    )
    invoiced = books.invoiced_minor + command.amount.amount_minor
    return Booking(posting, replace(books, invoiced_minor=invoiced, version=books.version + 1))


def account_of(command: ReportInvoicedCommand, order: DraftOrder) -> str:
    """Return whose account an order moves: the shopper's who ordered, or who is named for a guest.

    Raises `PaygateError` NO_ACCOUNT if there is none, or another one is named.
    """
    named, ordered = command.customer_id, order.customer_id
    if not (named or ordered) or (named and ordered and named != ordered):
        raise without_account(command, ordered)
    return ordered or named


def _payment_for(
    command: ReportInvoicedCommand,
    order: DraftOrder,
    payments: Sequence[Payment],
    postings: Iterable[Posting],
) -> Payment:
    """Return the payment that an invoice is of: the one named, or the first with enough left.

    The one that the order was released for comes first, then the oldest.
    """
    if command.payment_id and all(each.id != command.payment_id for each in payments):
        raise not_its_payment(command)
    captured = [
        each
        for each in sorted(payments, key=lambda each: (each.id != order.payment_id, each.id))
        if each.captured_minor and command.payment_id in {"", each.id}
    ]
    if not captured:
        raise not_paid(command, payments)
    left = _left_to_invoice(captured, postings)
    for payment in captured:
        rest = left[payment.id]
        if rest.currency == command.amount.currency and (
            rest.amount_minor >= command.amount.amount_minor
        ):
            return payment
    most = max(
        left.values(),
        key=lambda rest: (rest.currency == command.amount.currency, rest.amount_minor),
    )
    raise above_the_rest(command, most, "captured and not invoiced yet")


def _left_to_invoice(payments: Iterable[Payment], postings: Iterable[Posting]) -> dict[str, Money]:
    invoiced: Counter[str] = Counter()
    for posting in postings:
        if posting.kind is MovementKind.INVOICE_CREDIT:
            invoiced[posting.reference] += posting.amount.amount_minor
    return {
        each.id: Money(max(0, each.captured_minor - invoiced[each.id]), each.currency)
        for each in payments
    }


def book_parcel(
    command: ReportParcelCommand,
    books: AccountOrder | None,
    postings: Iterable[Posting],
    now: datetime,
) -> Booking:
    """Book a parcel as the debit that reconciles invoices; raises `PaygateError`.

    It goes where the order's first invoice went.
    """
    invoices = (each for each in postings if each.kind is MovementKind.INVOICE_CREDIT)
    first = next(invoices, None)
    if books is None or first is None:
        raise not_invoiced(command)
    rest = books.left_to_ship
    if rest.currency != command.amount.currency or (
        command.amount.amount_minor > rest.amount_minor
    ):
        raise above_the_rest(command, rest, "invoiced and not in a parcel yet")
    posting = Posting(
        key=command.posting_key,
        customer_id=first.customer_id,
        order_id=command.order_id,
        kind=MovementKind.PARCEL_DEBIT,
        amount=command.amount,
        reference=command.parcel_id,
        booking_time=now,
    )
    shipped = books.shipped_minor + command.amount.amount_minor
    return Booking(posting, replace(books, shipped_minor=shipped, version=books.version + 1))


def require_same_report(command: ReportCommand, standing: Posting) -> None:
    """Raise `PaygateError` REPORTED_OTHERWISE unless the report said the same the first time.

    What a report leaves out was filled in then, and is not held against it.
    """
    given = {
        "order_id": (command.order_id, standing.order_id),
        "amount": (str(command.amount), str(standing.amount)),
    }
    if isinstance(command, ReportInvoicedCommand):
        given["customer_id"] = (command.customer_id, standing.customer_id)
        given["payment_id"] = (command.payment_id, standing.reference)
    differing = {name: pair for name, pair in given.items() if pair[0] and pair[0] != pair[1]}
    if differing:
        raise reported_otherwise(command, differing)
