"""Small decisions: amounts, cards, the way back, the order of notifications, faults, dates."""

from __future__ import annotations

import pytest

from psp.ogone.sandbox.amounts import as_decimal, check_currency, parse_amount
from psp.ogone.sandbox.cards import TEST_CARDS, Behaviour, masked
from psp.ogone.sandbox.checking import Urls, read_terms
from psp.ogone.sandbox.control import check_body
from psp.ogone.sandbox.entering import is_expired, read_card
from psp.ogone.sandbox.faults import Fault, FaultKind, Faults
from psp.ogone.sandbox.feedback import feedback, with_feedback
from psp.ogone.sandbox.model import Account, Card, Operation, Payment
from psp.ogone.sandbox.notifications import Notification
from psp.ogone.sandbox.parameters import LATIN1, Parameters, parse_parameters
from psp.ogone.sandbox.refusals import Refusal
from psp.ogone.sandbox.transitions import Family
from psp.ogone.sandbox.world import Ids
from psp.redaction import is_card_number
from psp.sandboxing.clock import Clock
from psp.sandboxing.delivery import reordered

_JUNE_2027 = 1_812_000_000.0


@pytest.mark.parametrize(
    "amount, text",
    [(1500, "15"), (2, "0.02"), (1250, "12.5"), (99999, "999.99"), (0, "0"), (10, "0.1")],
)
def test_amounts_are_told_as_decimals(amount: int, text: str) -> None:
    """Replies are not times 100."""
    assert as_decimal(amount) == text


@pytest.mark.parametrize("text", ["", "0", "-1", "1.5", "1,5", "1e3", "1234567890123456", "٣"])
def test_amounts_that_are_none(text: str) -> None:
    """Only whole positive numbers."""
    with pytest.raises(Refusal) as refused:
        parse_amount(text)
    assert refused.value.ncerror == "50001111"


@pytest.mark.parametrize(
    "currency, amount, code",
    [("eur", 100, "50001120"), ("", 100, "50001120"), ("KWD", 100, "50001122")],
)
def test_currencies_that_cannot_be_paid(currency: str, amount: int, code: str) -> None:
    """What is no currency, and what hundredths cannot tell."""
    with pytest.raises(Refusal) as refused:
        check_currency(currency, amount)
    assert refused.value.ncerror == code


def test_a_currency_without_decimals() -> None:
    """Times 100 all the same, and nothing behind the point."""
    check_currency("JPY", 50000)
    with pytest.raises(Refusal) as refused:
        check_currency("JPY", 50050)
    assert refused.value.ncerror == "50001121"


def test_every_test_card_could_be_one_and_is_kept_masked() -> None:
    """The numbers have their check digit; what is kept of them shows the last four."""
    assert all(is_card_number(number) for number in TEST_CARDS)
    for number in TEST_CARDS:
        card = read_card(number, "12/30", "123", "")
        assert card.masked == masked(number) == "X" * (len(number) - 4) + number[-4:]
        assert number not in repr(card)


@pytest.mark.parametrize(
    "number, expiry, cvc",
    [
        ("4012888888881881", "1230", "123"),
        ("", "1230", "123"),
        ("4111111111111111", "1330", "123"),
        ("4111111111111111", "12/2030", "123"),
        ("4111111111111111", "1230", ""),
        ("4111111111111111", "1230", "12x"),
    ],
)
def test_details_that_are_none_are_refused_and_not_quoted(
    number: str, expiry: str, cvc: str
) -> None:
    """The refusal never holds a number."""
    with pytest.raises(Refusal) as refused:
        read_card(number, expiry, cvc, "")
    assert not number or number not in str(refused.value)


@pytest.mark.parametrize("expiry, expired", [("0527", True), ("0627", False), ("0128", False)])
def test_a_card_is_good_to_the_end_of_its_month(expiry: str, expired: bool) -> None:
    """The printed month counts whole."""
    assert is_expired(Card("", expiry, "", Behaviour()), _JUNE_2027) is expired


@pytest.mark.parametrize(
    "status, url",
    [
        *((status, "accept") for status in (5, 4, 9, 41, 51, 91)),
        *((status, "decline") for status in (2, 93)),
        *((status, "exception") for status in (52, 92)),
        (1, "cancel"),
    ],
)
def test_where_the_shopper_goes(status: int, url: str) -> None:
    """One of four addresses by the status."""
    assert Urls("accept", "decline", "exception", "cancel").after(status) == url


_ORDER = {"ORDERID": "order-1", "AMOUNT": "100", "CURRENCY": "EUR"}


@pytest.mark.parametrize(
    "change",
    [
        {"ORDERID": "o" * 31},
        {"ORDERID": "order 1"},
        {"ORDERID": ""},
        {"OPERATION": "PAY"},
        {"PM": "Cheque"},
        {"ECI": "x"},
        {"CN": "n" * 36},
        {"EMAIL": "e" * 51},
        {"COM": "c" * 101},
        {"ALIAS": "a" * 51},
        {"ALIAS": "4111111111111111"},
        {"ACCEPTURL": "javascript:alert(1)"},
        {"ACCEPTURL": f"https://shop.example/{'p' * 200}"},
        {"COF_INITIATOR": "ME"},
    ],
)
def test_orders_that_cannot_be(change: dict[str, str]) -> None:
    """Each is refused as a validation error."""
    read_terms(Parameters(_ORDER))
    with pytest.raises(Refusal) as refused:
        read_terms(Parameters({**_ORDER, **change}))
    assert refused.value.ncerror == "50001111"


def test_a_plain_page_reads_bytes_as_they_came() -> None:
    """Names in any case; Latin letters in one byte."""
    parameters = parse_parameters(b"orderid=1&CN=J%F6rg&EMPTY=", LATIN1, "127.0.0.1")

    assert parameters.values == {"ORDERID": "1", "CN": "Jörg", "EMPTY": ""}


def _told(payid: str, sub: int, status: int) -> Notification:
    return Notification("shop", payid, sub, status, "", {}, "")


@pytest.mark.parametrize(
    "order, expected",
    [
        ([], ["1/0/5", "1/1/91", "1/1/9"]),
        (["reversed"], ["1/1/9", "1/1/91", "1/0/5"]),
        (["9"], ["1/1/9", "1/0/5", "1/1/91"]),
        (["1/1", "5"], ["1/1/91", "1/1/9", "1/0/5"]),
        (["1/1/9", "1/1"], ["1/1/9", "1/1/91", "1/0/5"]),
        (["unknown"], ["1/0/5", "1/1/91", "1/1/9"]),
    ],
)
def test_held_notifications_go_in_the_order_asked_for(
    order: list[str], expected: list[str]
) -> None:
    """Statuses and ids lead, the rest follows as it happened."""
    held = [_told("1", 0, 5), _told("1", 1, 91), _told("1", 1, 9)]

    assert [told.id for told in reordered(held, order)] == expected


def test_faults_match_path_operation_and_count() -> None:
    """Each request meets the first fault that matches it; some kinds need their page."""
    faults = Faults()
    faults.inject(Fault(FaultKind.QUERY_FAILED))
    faults.inject(Fault(FaultKind.DROP_AFTER, path="maintenance", operation="RFD", count=2))

    met = [
        faults.take(f"/ncol/test/{page}.asp", page, operation)
        for page, operation in (
            ("orderdirect", "RES"),
            ("maintenancedirect", "SAS"),
            ("maintenancedirect", "RFD"),
            ("querydirect", ""),
            ("maintenancedirect", "RFD"),
            ("maintenancedirect", "RFD"),
            ("querydirect", ""),
        )
    ]

    kinds = [fault and fault.kind for fault in met]
    assert kinds == [None, None, "drop_after", "query_failed", "drop_after", None, None]


def test_the_way_back_keeps_what_the_address_said() -> None:
    """The merchant's own query stays in front, in the page's encoding."""
    url = with_feedback("https://shop.example/back?id=7#top", {"CN": "Jörg"}, LATIN1)

    assert url == "https://shop.example/back?id=7&CN=J%F6rg#top"


def test_paramplus_cannot_pass_for_feedback() -> None:
    """What is not signed never has a signed field's name."""
    account = Account("shop", "api", "pw", "in", "in2", "out")
    card = Card("XXXXXXXXXXXX1111", "1230", "A Shopper", Behaviour())
    payment = Payment("1", "order", 100, "EUR", "SAL", card, _JUNE_2027)
    payment.paramplus = {"status": "9", "ECI": "5", "SHASIGN": "0", "basket": "7"}

    step = Operation(0, "SAL", Family.CAPTURE, 100, 2, _JUNE_2027, 2)

    told = feedback(account, payment, step)
    assert (told["STATUS"], told["basket"], told["TRXDATE"]) == ("2", "7", "06/03/27")
    assert not {"status", "ECI"} & set(told)
    assert len(told["SHASIGN"]) == 128


def test_ids_are_repeatable_and_time_runs_forwards() -> None:
    """The same seed makes the same tokens; PAYIDs count up."""
    first, second = Ids(7), Ids(7)

    assert first.token() == second.token() != Ids(8).token()
    assert int(first.payid()) + 1 == int(first.payid())
    clock = Clock(lambda: 100.0)
    clock.advance(5)
    assert clock.seconds() == 105
    with pytest.raises(ValueError, match="forwards"):
        clock.advance(-1)


@pytest.mark.parametrize(
    "text, problem",
    [
        ("[]", "no JSON object"),
        ('{"kind": 1}', "of the wrong type: kind"),
        ('{"kind": "x", "count": true}', "of the wrong type: count"),
        ('{"knid": "x"}', "unknown: knid; missing: kind"),
    ],
)
def test_control_bodies_that_are_wrong(text: str, problem: str) -> None:
    """All that is wrong is told at once."""
    with pytest.raises((TypeError, ValueError), match=problem):
        check_body(text, ["kind"], ["count"])
