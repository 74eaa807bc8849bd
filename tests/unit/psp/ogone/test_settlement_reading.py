"""Rows of the download in the port's words, and rows that cannot be read."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from psp.ogone.download_rows import DownloadError, Row
from psp.ogone.settlement_reading import settlement_entry
from psp.ogone.settlement_statuses import BOOKINGS, booking_of
from psp.ogone.statuses import STATUSES
from psp.port import RefundStatus
from psp.settlements import SettlementCategory, SettlementEntry
from tests.unit.psp.ogone.downloads import attributes
from tests.unit.psp.ogone.support import PAYID, PAYMENT_ID

_C = SettlementCategory


def _row(status: str = "9", **changes: str) -> Row:
    return Row(7, attributes(status, **changes))


def _entry(status: str = "9", **changes: str) -> SettlementEntry:
    entry = settlement_entry(_row(status, **changes))
    assert entry is not None
    return entry


def test_the_table_is_total() -> None:
    """Every status that a payment can be in, and no other."""
    assert set(BOOKINGS) == set(STATUSES)


@pytest.mark.parametrize("status", list(STATUSES))
def test_it_agrees_with_what_a_refund_is(status: str) -> None:
    """Money that left us is a refund that succeeded, and what failed never was one that did."""
    booking = booking_of(status)
    is_given = booking is not None and booking.category is _C.REFUND
    is_returned = booking is not None and booking.category is _C.REFUND_FAILURE

    assert is_given == (STATUSES[status].refund is RefundStatus.SUCCEEDED)
    assert not is_returned or STATUSES[status].refund is RefundStatus.FAILED


@pytest.mark.parametrize(
    "status,category,gross_minor",
    [
        ("9", _C.CHARGE, 1234),
        ("95", _C.CHARGE, 1234),
        ("8", _C.REFUND, -1234),
        ("85", _C.REFUND, -1234),
        ("7", _C.REFUND, -1234),
        ("74", _C.REFUND, -1234),
        ("84", _C.REFUND_FAILURE, 1234),
        ("94", _C.REFUND_FAILURE, 1234),
        ("96", _C.REFUND_FAILURE, 1234),
        ("777", _C.UNKNOWN, 1234),
    ],
)
def test_what_moved_money(status: str, category: SettlementCategory, gross_minor: int) -> None:
    """Its category and sign follow from the status; Ogone tells no fee."""
    entry = _entry(status)

    assert (entry.category, entry.raw_category) == (category, status)
    assert (entry.gross_minor, entry.fee_minor, entry.net_minor) == (gross_minor, 0, gross_minor)
    assert entry.currency == "EUR"


@pytest.mark.parametrize("status", [each for each, booking in BOOKINGS.items() if booking is None])
def test_what_moved_nothing_is_no_line(status: str) -> None:
    """Authorised, pending, uncertain, refused: whatever else such a row lacks."""
    assert settlement_entry(Row(1, {"STATUS": status})) is None


def test_a_charge_is_known_by_its_order() -> None:
    """The ORDERID is our payment id and the payment's reference; the day is the payment's."""
    entry = _entry(NCSTER="0/0")

    assert (entry.payment_reference, entry.payment_id) == (PAYMENT_ID, PAYMENT_ID)
    assert (entry.refund_reference, entry.refund_id) == ("", "")
    assert entry.entry_id == f"{PAYID}/1"
    assert entry.occurred_time == datetime(2026, 11, 24, 12, 0, tzinfo=UTC)
    assert entry.description == "Payment requested"


def test_a_refund_is_known_by_its_operation() -> None:
    """PAYID/PAYIDSUB, as a refund's reference is; when its money returns that is another line."""
    refund = _entry("8", PAYIDSUB="2")
    returned = _entry("96", PAYIDSUB="2")

    assert (refund.entry_id, refund.refund_reference) == (f"{PAYID}/2", f"{PAYID}/2")
    assert (returned.entry_id, returned.refund_reference) == (f"{PAYID}/2/returned", f"{PAYID}/2")
    assert refund.payment_reference == PAYMENT_ID


def test_ogones_own_sample_is_read() -> None:
    """Ogone, "Automatic download": its row tells neither PAYIDSUB nor anything under that name."""
    sample = {
        "ID": "123456",
        "REF": "123456",
        "ORDER": "12/1/2017",
        "STATUS": "9",
        "LIB": "Payment requested",
        "NCSTER": "0/0",
        "PAYDATE": "12/1/2017",
        "TOTAL": "999.99",
        "CUR": "EUR",
        "BATCHREF": "",
    }

    entry = settlement_entry(Row(1, sample))

    assert entry is not None
    assert (entry.entry_id, entry.payment_reference) == ("123456", "123456")
    assert (entry.category, entry.gross_minor) == (_C.CHARGE, 99_999)
    assert entry.occurred_time.date() == date(2017, 1, 12)


@pytest.mark.parametrize(
    "changes,entry_id",
    [
        ({"ID": "5/3", "PAYIDSUB": ""}, "5/3"),
        ({"ID": "5/3", "PAYIDSUB": "3"}, "5/3"),
        ({"ID": "5", "PAYIDSUB": "0"}, "5/0"),
        # A payment is captured once: its order tells what was.
        ({"ID": "5", "PAYIDSUB": ""}, "5"),
    ],
)
def test_the_operation_is_told_in_two_ways(changes: dict[str, str], entry_id: str) -> None:
    """By an attribute of its own, or behind the PAYID."""
    assert _entry(**changes).entry_id == entry_id


@pytest.mark.parametrize(
    "changes,payment_reference",
    [({}, PAYMENT_ID), ({"ORDERID": "o-1"}, "o-1"), ({"ORDERID": "o-1", "REF": ""}, "o-1")],
)
def test_the_order_is_told_in_two_ways(changes: dict[str, str], payment_reference: str) -> None:
    """As the sample does, or by DirectLink's own name."""
    assert _entry(**changes).payment_reference == payment_reference


@pytest.mark.parametrize(
    "total,currency,minor",
    [
        ("999.99", "EUR", 99_999),
        ("5", "EUR", 500),
        ("0.1", "eur", 10),
        ("1500", "JPY", 1500),
        ("1500.00", "JPY", 1500),
        ("1.250", "KWD", 1250),
    ],
)
def test_amounts_are_exact(total: str, currency: str, minor: int) -> None:
    """Decimals, whatever the currency's minor unit is."""
    assert _entry(TOTAL=total, CUR=currency).gross_minor == minor


@pytest.mark.parametrize("written,day", [("5/1/2027", 5), ("05/01/2027", 5), ("31/1/2027", 31)])
def test_days_come_first(written: str, day: int) -> None:
    """d/m/yyyy."""
    assert _entry(PAYDATE=written).occurred_time == datetime(2027, 1, day, 12, 0, tzinfo=UTC)


def test_an_error_beside_the_status_is_told() -> None:
    """NCSTER is NCSTATUS/NCERROR."""
    entry = _entry("84", NCSTER="3/30001001", LIB="Refund refused")

    assert entry.description == "Refund refused (NCERROR 30001001)"


def test_nothing_personal_is_kept() -> None:
    """Whatever Ogone writes beside a row."""
    entry = _entry(LIB="paid with 4111 1111 1111 1111 by ada@example.com")

    assert "4111" not in entry.description
    assert "ada" not in entry.description


@pytest.mark.parametrize(
    "status,changes,said",
    [
        ("9", {"TOTAL": "12.345"}, "TOTAL '12.345' 'EUR'"),
        ("9", {"TOTAL": "1.5", "CUR": "JPY"}, "TOTAL '1.5' 'JPY'"),
        ("9", {"TOTAL": "1.234,00"}, "TOTAL"),
        ("9", {"TOTAL": "-5"}, "TOTAL"),
        ("9", {"TOTAL": "1e3"}, "TOTAL"),
        ("9", {"CUR": "XYZ"}, "'XYZ'"),
        ("9", {"TOTAL": "", "AMOUNT": "12.34"}, "it has no TOTAL"),
        ("9", {"CUR": ""}, "it has no CUR"),
        ("9", {"ID": ""}, "it has no ID"),
        ("9", {"REF": ""}, "it has no REF"),
        ("9", {"PAYDATE": ""}, "it has no PAYDATE"),
        ("", {}, "it has no STATUS"),
        ("9", {"PAYDATE": "2026-11-24"}, "PAYDATE '2026-11-24' is no date"),
        ("9", {"PAYDATE": "24/11/26"}, "PAYDATE"),
        ("9", {"PAYDATE": "31/2/2026"}, "PAYDATE"),
        ("9", {"ID": "abc"}, "is no PAYID"),
        ("9", {"PAYIDSUB": "one"}, "PAYIDSUB 'one' is no number"),
        ("9", {"ID": "5/2", "PAYIDSUB": "3"}, "name two operations"),
        ("9", {"REF": "x" * 41}, "its ORDERID is longer than any"),
        ("8", {"PAYIDSUB": ""}, "which operation it is: the download must have PAYIDSUB"),
    ],
)
def test_a_row_that_cannot_be_read_is_named(
    status: str, changes: dict[str, str], said: str
) -> None:
    """By its number, and what is wrong with it."""
    with pytest.raises(DownloadError) as refused:
        settlement_entry(_row(status, **changes))

    assert str(refused.value).startswith("row 7: ")
    assert said in str(refused.value)
