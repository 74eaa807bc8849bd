"""Rows of Stripe's reports as settlement entries."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from psp.settlements import SettlementCategory, SettlementEntry
from psp.stripe.report_reading import (
    ACTIVITY_COLUMNS,
    PAYOUT_COLUMNS,
    activity_entry,
    balances,
    payout_entry,
)
from psp.stripe.report_tables import ReportError, Row

_REFUND = {
    "balance_transaction_id": "txn_1",
    "created": "2027-01-15 12:00:01",
    "currency": "eur",
    "gross": "-12.34",
    "fee": "0.00",
    "net": "-12.34",
    "reporting_category": "refund",
    "description": "REFUND FOR CHARGE",
    "source_id": "re_1",
    "charge_id": "ch_1",
    "payment_intent_id": "pi_1",
    "payment_metadata[paygate_payment_id]": "pay_1",
    "refund_metadata[paygate_refund_id]": "ref_1",
    "automatic_payout_id": "po_1",
}
_PAYOUT = {
    "balance_transaction_id": "txn_2",
    "effective_at": "2027-01-15 00:00:00",
    "currency": "eur",
    "gross": "-100.00",
    "fee": "0.00",
    "net": "-100.00",
    "reporting_category": "payout",
    "description": "STRIPE PAYOUT",
    "payout_id": "po_1",
}


def _row(**changes: str) -> Row:
    values = {**_REFUND, **changes}
    return 7, tuple(values[name] for name in ACTIVITY_COLUMNS)


def test_a_refund() -> None:
    """Every field of it, in minor units and UTC."""
    assert activity_entry(_row()) == SettlementEntry(
        entry_id="txn_1",
        category=SettlementCategory.REFUND,
        raw_category="refund",
        occurred_time=datetime(2027, 1, 15, 12, 0, 1, tzinfo=UTC),
        currency="EUR",
        gross_minor=-1234,
        fee_minor=0,
        net_minor=-1234,
        payment_reference="pi_1",
        refund_reference="re_1",
        payment_id="pay_1",
        refund_id="ref_1",
        description="REFUND FOR CHARGE",
    )


def test_a_payout() -> None:
    """It leaves the balance at its effective time, and belongs to no payment."""
    values = tuple(_PAYOUT[name] for name in PAYOUT_COLUMNS)

    assert payout_entry((3, values)) == SettlementEntry(
        entry_id="txn_2",
        category=SettlementCategory.PAYOUT,
        raw_category="payout",
        occurred_time=datetime(2027, 1, 15, tzinfo=UTC),
        currency="EUR",
        gross_minor=-10_000,
        fee_minor=0,
        net_minor=-10_000,
        description="STRIPE PAYOUT",
    )


@pytest.mark.parametrize(
    "currency, gross, fee, net, minor",
    [
        ("eur", "20.00", "0.55", "19.45", (2000, 55, 1945)),
        ("eur", "20", "0.5", "19.50", (2000, 50, 1950)),
        ("eur", "0.00", "0.10", "-0.10", (0, 10, -10)),
        ("eur", "0.00", "-0.10", "0.10", (0, -10, 10)),
        ("jpy", "500", "32", "468", (500, 32, 468)),
        ("jpy", "-500", "0", "-500", (-500, 0, -500)),
        ("kwd", "12.340", "0.210", "12.130", (12_340, 210, 12_130)),
        ("isk", "700.00", "10.00", "690.00", (700, 10, 690)),
        ("isk", "700", "10", "690", (700, 10, 690)),
        ("ugx", "-700.00", "0.00", "-700.00", (-700, 0, -700)),
        ("mga", "500", "0", "500", (50_000, 0, 50_000)),
        ("huf", "175.00", "0.00", "175.00", (17_500, 0, 17_500)),
    ],
)
def test_major_units_become_minor_exactly(
    currency: str, gross: str, fee: str, net: str, minor: tuple[int, int, int]
) -> None:
    """Whatever number of decimals the currency has, and both ways that ISK may be written."""
    entry = activity_entry(_row(currency=currency, gross=gross, fee=fee, net=net))

    assert (entry.gross_minor, entry.fee_minor, entry.net_minor) == minor
    assert entry.currency == currency.upper()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"gross": "12.345"}, "column gross: 12.345 has more digits than EUR, which has 2"),
        ({"fee": "0.000"}, "column fee: 0.000 has more digits than EUR, which has 2"),
        ({"currency": "jpy", "gross": "5.0"}, "column gross: 5.0 has more digits than JPY, which"),
        ({"currency": "kwd", "net": "1.0000"}, "column net: 1.0000 has more digits than KWD"),
        ({"currency": "isk", "gross": "7.50"}, "column gross: 7.50 ISK is no whole minor unit"),
        ({"gross": ""}, "column gross: '' is no amount"),
        ({"gross": "1,234.00"}, "column gross: '1,234.00' is no amount"),
        ({"gross": "12,34"}, "column gross: '12,34' is no amount"),
        ({"gross": "1e3"}, "column gross: '1e3' is no amount"),
        ({"gross": "+1.00"}, "column gross: '+1.00' is no amount"),
        ({"gross": "--1.00"}, "column gross: '--1.00' is no amount"),
        ({"gross": "1."}, "column gross: '1.' is no amount"),
        ({"gross": ".10"}, "column gross: '.10' is no amount"),
        ({"gross": "\u0661.00"}, "column gross: '\u0661.00' is no amount"),
        ({"gross": "9" * 30}, f"column gross: '{'9' * 24}' is no amount"),
        ({"currency": "xyz"}, "column gross: 'XYZ' is no currency that we know"),
        ({"currency": ""}, "column gross: '' is no currency that we know"),
        ({"net": "-12.33"}, "column net: -12.34 less 0.00 is not -12.33"),
        ({"created": "15/01/2027"}, "column created: '15/01/2027' is no time"),
        ({"balance_transaction_id": ""}, "column balance_transaction_id: it is empty"),
    ],
)
def test_what_cannot_be_read_is_named(changes: dict[str, str], words: str) -> None:
    """By line and column: nothing is rounded, guessed or left out."""
    with pytest.raises(ReportError) as wrong:
        activity_entry(_row(**changes))

    assert str(wrong.value).startswith(f"line 7, {words}")


@pytest.mark.parametrize(
    "changes, payment, refund, refund_id",
    [
        ({}, "pi_1", "re_1", "ref_1"),
        ({"reporting_category": "refund_failure"}, "pi_1", "re_1", "ref_1"),
        ({"reporting_category": "partial_capture_reversal"}, "pi_1", "", ""),
        ({"reporting_category": "charge", "source_id": "ch_1"}, "pi_1", "", ""),
        ({"payment_intent_id": ""}, "ch_1", "re_1", "ref_1"),
        ({"payment_intent_id": "", "charge_id": ""}, "", "re_1", "ref_1"),
    ],
)
def test_what_a_line_belongs_to(
    changes: dict[str, str], payment: str, refund: str, refund_id: str
) -> None:
    """Only a refund's line names a refund; a released rest never does."""
    entry = activity_entry(_row(**changes))

    assert (entry.payment_reference, entry.refund_reference, entry.refund_id) == (
        payment,
        refund,
        refund_id,
    )


def test_a_time_with_a_zone_is_turned_to_utc() -> None:
    """Should a report say its zone, it is heard."""
    entry = activity_entry(_row(created="2027-01-15T13:00:01+01:00"))

    assert entry.occurred_time == datetime(2027, 1, 15, 12, 0, 1, tzinfo=UTC)


def test_balances_by_currency() -> None:
    """The first and the last sum of each; what lies between is in the other reports."""
    rows = [
        (2, ("starting_balance", "10.00", "eur")),
        (3, ("activity", "-12.50", "eur")),
        (4, ("payouts", "0.00", "eur")),
        (5, ("ending_balance", "-2.50", "eur")),
        (6, ("starting_balance", "0", "jpy")),
        (7, ("ending_balance", "500", "jpy")),
    ]

    assert balances(rows) == ({"EUR": 1000, "JPY": 0}, {"EUR": -250, "JPY": 500})
    with pytest.raises(ReportError, match="line 2, column net_amount"):
        balances([(2, ("starting_balance", "10.001", "eur"))])
