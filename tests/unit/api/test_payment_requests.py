"""Parsing what PaymentService is asked."""

from __future__ import annotations

from typing import Any

import pytest

from gateway.api import payment_requests as requests
from gateway.domain.payment import PaymentFilter, PaymentState
from gateway.domain.requests import RequestKey
from gateway.ids import new_id
from gateway.payments.commands import (
    CancelPaymentCommand,
    CancelReason,
    CapturePaymentCommand,
    CreatePaymentCommand,
)
from paygate.v1 import payment_service_pb2 as pb
from paygate.v1.money_pb2 import Money as MoneyMessage
from psp.money import Money
from psp.port import PaymentMethod
from tests.unit.api.requests import (
    ALIAS_ID,
    CARD_NUMBER,
    REQUEST_ID,
    call,
    cancel_request,
    capture_request,
    create_request,
    refused_fields,
)

_CREATE = call("CreatePayment")


def test_a_complete_creation_becomes_a_command() -> None:
    """Every field arrives, under the caller's key."""
    request = create_request(alias_id=ALIAS_ID, off_session=True)
    assert requests.read_create(request, _CREATE) == CreatePaymentCommand(
        key=RequestKey("checkout", "CreatePayment", REQUEST_ID),
        order_id="order-1",
        customer_id="shopper-1",
        country_code="FR",
        method=PaymentMethod.CARD,
        amount=Money(1999, "EUR"),
        alias_id=ALIAS_ID,
        save_alias=False,
        return_url="https://shop.example/return?order=order-1",
        off_session=True,
    )


def test_a_guest_pays_without_a_customer() -> None:
    """What is optional may be left out."""
    request = create_request(customer_id="", return_url="")
    command = requests.read_create(request, _CREATE)
    assert (command.customer_id, command.alias_id, command.return_url) == ("", "", "")


def test_an_empty_creation_names_every_missing_field() -> None:
    """All violations at once, by their paths in the request."""
    empty = pb.CreatePaymentRequest()
    assert set(refused_fields(lambda: requests.read_create(empty, _CREATE))) == {
        "request_id",
        "order_id",
        "country_code",
        "method",
        "amount.amount_minor",
        "amount.currency_code",
    }


def test_a_creation_wrong_in_everything_names_every_field() -> None:
    """One bad field hides no other."""
    request = create_request(
        request_id="1",
        order_id="a b",
        customer_id="a b",
        country_code="fr",
        method=99,
        amount=MoneyMessage(amount_minor=-1, currency_code="EURO"),
        alias_id="pm_1",
        return_url="http://shop.example/",
    )
    assert set(refused_fields(lambda: requests.read_create(request, _CREATE))) == {
        "request_id",
        "order_id",
        "customer_id",
        "country_code",
        "method",
        "amount.amount_minor",
        "amount.currency_code",
        "alias_id",
        "return_url",
    }


@pytest.mark.parametrize(
    "changes, field, description",
    [
        ({"request_id": ""}, "request_id", "is required"),
        ({"request_id": "x"}, "request_id", "is no UUID"),
        ({"amount": MoneyMessage(amount_minor=0, currency_code="EUR")}, "amount.amount_minor", "0"),
        (
            {"amount": MoneyMessage(amount_minor=10**12, currency_code="EUR")},
            "amount.amount_minor",
            "at most",
        ),
        (
            {"amount": MoneyMessage(amount_minor=1, currency_code="XXX")},
            "amount.currency_code",
            "ISO 4217",
        ),
        ({"country_code": "XX"}, "country_code", "ISO 3166-1"),
        ({"method": 0}, "method", "PAYMENT_METHOD_CARD"),
        ({"method": 99}, "method", "99 is not known"),
        ({"alias_id": "als_!"}, "alias_id", "no alias"),
        ({"alias_id": ALIAS_ID, "customer_id": ""}, "customer_id", "alias_id"),
        ({"save_alias": True, "customer_id": ""}, "customer_id", "save_alias"),
        ({"off_session": True}, "alias_id", "off_session"),
        (
            {"off_session": True, "alias_id": ALIAS_ID, "save_alias": True},
            "save_alias",
            "off_session",
        ),
        (
            {"return_url": f"https://shop.example/?card={CARD_NUMBER}"},
            "return_url",
            "card number",
        ),
    ],
)
def test_each_violation_of_a_creation_stands_alone(
    changes: dict[str, Any], field: str, description: str
) -> None:
    """A single mistake is a single violation."""
    request = create_request(**changes)
    refused = refused_fields(lambda: requests.read_create(request, _CREATE))
    assert list(refused) == [field]
    assert description in refused[field]


def test_a_capture_takes_everything_or_an_amount() -> None:
    """An unset amount means all; a set one is parsed."""
    key = RequestKey("checkout", "CapturePayment", REQUEST_ID)
    everything = capture_request()
    part = capture_request(
        payment_id=everything.payment_id,
        amount=MoneyMessage(amount_minor=5, currency_code="JPY"),
    )
    payment_id = everything.payment_id
    assert requests.read_capture(everything, call("CapturePayment")) == CapturePaymentCommand(
        key, payment_id
    )
    assert requests.read_capture(part, call("CapturePayment")) == CapturePaymentCommand(
        key, payment_id, Money(5, "JPY")
    )


def test_a_capture_wrong_in_everything_names_every_field() -> None:
    """An amount that is set to nothing is a mistake, not a wish for everything."""
    request = pb.CapturePaymentRequest(payment_id="pi_1", amount=MoneyMessage())
    assert set(refused_fields(lambda: requests.read_capture(request, call("CapturePayment")))) == {
        "request_id",
        "payment_id",
        "amount.amount_minor",
        "amount.currency_code",
    }


@pytest.mark.parametrize(
    "given, reason",
    [
        (pb.CANCEL_REASON_UNSPECIFIED, CancelReason.REQUESTED_BY_CUSTOMER),
        (pb.CANCEL_REASON_FRAUDULENT, CancelReason.FRAUDULENT),
    ],
)
def test_a_cancellation_has_a_reason(
    given: pb.CancelReason.ValueType, reason: CancelReason
) -> None:
    """A reason that is not given is the shopper's wish."""
    request = cancel_request(reason=given)
    command = requests.read_cancel(request, call("CancelPayment"))
    assert command == CancelPaymentCommand(
        RequestKey("checkout", "CancelPayment", REQUEST_ID), request.payment_id, reason
    )


def test_a_cancellation_wrong_in_everything_names_every_field() -> None:
    """An unknown reason is not taken for none."""
    request = pb.CancelPaymentRequest(payment_id="x", reason=99)  # type: ignore[arg-type]  # what a later contract may send
    assert set(refused_fields(lambda: requests.read_cancel(request, call("CancelPayment")))) == {
        "request_id",
        "payment_id",
        "reason",
    }


def test_a_payment_is_read_by_an_id_of_ours() -> None:
    """A well-formed id passes; whether it exists is the use case's question."""
    payment_id = new_id("pay")
    assert requests.read_get(pb.GetPaymentRequest(payment_id=payment_id)) == payment_id
    foreign = pb.GetPaymentRequest(payment_id="pi_3N")
    assert list(refused_fields(lambda: requests.read_get(foreign))) == ["payment_id"]


def test_a_list_narrows_by_what_is_given() -> None:
    """Filters are parsed, and the page token leads to the next page of the same list."""
    request = pb.ListPaymentsRequest(
        order_id="order-1",
        customer_id="shopper-1",
        state=pb.PAYMENT_STATE_AUTHORIZED,
        psp_account="stripe_eu",
        page_size=1000,
    )
    first = requests.read_list(request)
    assert first.wanted == PaymentFilter(
        "order-1", "shopper-1", PaymentState.AUTHORIZED, "stripe_eu"
    )
    assert (first.before_id, first.page_size) == ("", 500)

    last_id = new_id("pay")
    request.page_token = first.next_token(last_id)
    assert requests.read_list(request).before_id == last_id


def test_a_list_of_everything_needs_no_filter() -> None:
    """An empty request lists all payments, 50 a page."""
    query = requests.read_list(pb.ListPaymentsRequest())
    assert (query.wanted, query.before_id, query.page_size) == (PaymentFilter(), "", 50)


def test_a_list_wrong_in_everything_names_every_field() -> None:
    """The page token of another filter is a violation like any other."""
    token = requests.read_list(pb.ListPaymentsRequest()).next_token(new_id("pay"))
    request = pb.ListPaymentsRequest(
        order_id="a b",
        customer_id="a b",
        state=99,  # type: ignore[arg-type]  # what a later contract may send
        psp_account="a b",
        page_size=-1,
        page_token=token,
    )
    assert set(refused_fields(lambda: requests.read_list(request))) == {
        "order_id",
        "customer_id",
        "state",
        "psp_account",
        "page_size",
        "page_token",
    }


def test_a_token_needs_the_filters_it_was_made_for() -> None:
    """A page of one list does not continue another."""
    token = requests.read_list(pb.ListPaymentsRequest(order_id="a")).next_token(new_id("pay"))
    other = pb.ListPaymentsRequest(order_id="b", page_token=token)
    assert list(refused_fields(lambda: requests.read_list(other))) == ["page_token"]


def test_a_forged_cursor_is_refused() -> None:
    """Tokens are not signed: what stands in them is parsed, not believed."""
    query = requests.read_list(pb.ListPaymentsRequest())
    forged = pb.ListPaymentsRequest(page_token=query.next_token("' OR 1=1"))
    assert list(refused_fields(lambda: requests.read_list(forged))) == ["page_token"]


def test_a_journal_is_paged_by_sequence() -> None:
    """The token of one payment's journal does not continue another's."""
    payment_id = new_id("pay")
    request = pb.ListPaymentEventsRequest(payment_id=payment_id)
    first = requests.read_events(request)
    assert (first.after_sequence, first.page_size) == (0, 50)

    request.page_token = first.next_token(50)
    assert requests.read_events(request).after_sequence == 50

    request.payment_id = new_id("pay")
    assert list(refused_fields(lambda: requests.read_events(request))) == ["page_token"]


@pytest.mark.parametrize("cursor", ["-1", "x", "9" * 19, "٣", ""])
def test_a_journal_cursor_is_a_number_that_a_column_holds(cursor: str) -> None:
    """Beyond 64 bits the database would fail instead of us."""
    payment_id = new_id("pay")
    first = requests.read_events(pb.ListPaymentEventsRequest(payment_id=payment_id))
    token = first.next_token(cursor)  # type: ignore[arg-type]  # a forger is not typed
    forged = pb.ListPaymentEventsRequest(payment_id=payment_id, page_token=token)
    assert list(refused_fields(lambda: requests.read_events(forged))) == ["page_token"]


def test_a_watch_begins_after_a_sequence() -> None:
    """0 sends the journal from its start; a negative number is a mistake."""
    payment_id = new_id("pay")
    request = pb.WatchPaymentRequest(payment_id=payment_id, after_sequence=3)
    query = requests.read_watch(request)
    assert (query.payment_id, query.after_sequence) == (payment_id, 3)
    wrong = pb.WatchPaymentRequest(payment_id="x", after_sequence=-1)
    assert set(refused_fields(lambda: requests.read_watch(wrong))) == {
        "payment_id",
        "after_sequence",
    }
