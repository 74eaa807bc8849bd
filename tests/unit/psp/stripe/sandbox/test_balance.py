"""The balance's pure parts: decimals, drift, invented lines, days that can be reported."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from psp.money import CURRENCY_DECIMALS
from psp.stripe.money import from_report_amount, from_stripe_amount
from psp.stripe.sandbox.amounts import major_units
from psp.stripe.sandbox.drifting import OF_A_FILE, Drift, DriftKind, told, with_extra_digit
from psp.stripe.sandbox.model import BalanceTransaction
from psp.stripe.sandbox.reporting import available
from psp.stripe.sandbox.synthetic import synthetic_balance, synthetic_line

_LINE = BalanceTransaction("txn_1", 1000, 1000, -500, 0, "eur", "refund", "refund", "re_1")
_HOUR_S = 3600


@pytest.mark.parametrize(
    "amount, currency, written",
    [
        (1234, "eur", "12.34"),
        (-1234, "eur", "-12.34"),
        (5, "eur", "0.05"),
        (-5, "eur", "-0.05"),
        (0, "eur", "0.00"),
        (500, "jpy", "500"),
        (-500, "jpy", "-500"),
        (12_340, "kwd", "12.340"),
        (70_000, "isk", "700.00"),
        (500, "mga", "500"),
    ],
)
def test_major_units(amount: int, currency: str, written: str) -> None:
    """As many decimals as Stripe counts in."""
    assert major_units(amount, currency) == written


@pytest.mark.parametrize("currency", sorted(set(CURRENCY_DECIMALS) - {"IQD", "LYD"}))
@pytest.mark.parametrize("amount", [0, 100, -100, 123_400])
def test_reports_and_the_api_say_the_same(currency: str, amount: int) -> None:
    """In every currency a report's decimal and the API's integer are one amount to the adapter."""
    written = major_units(amount, currency.lower())

    assert from_report_amount(written, currency) == from_stripe_amount(amount, currency)


_EXPECTED: dict[DriftKind, Sequence[tuple[str, int, str, int, str]]] = {
    DriftKind.MISSING: [],
    DriftKind.DOUBLED: [("txn_1", -500, "eur", 1000, "refund")] * 2,
    DriftKind.DOUBLED_EFFECT: [
        ("txn_1", -500, "eur", 1000, "refund"),
        ("txn_1again", -500, "eur", 1000, "refund"),
    ],
    DriftKind.WRONG_AMOUNT: [("txn_1", -400, "eur", 1000, "refund")],
    DriftKind.WRONG_CURRENCY: [("txn_1", -500, "usd", 1000, "refund")],
    DriftKind.LATE: [("txn_1", -500, "eur", 87_400, "refund")],
    DriftKind.UNKNOWN_CATEGORY: [("txn_1", -500, "eur", 1000, "brand_new_category")],
    **{kind: [("txn_1", -500, "eur", 1000, "refund")] for kind in OF_A_FILE},
    DriftKind.EXTRA_DIGITS: [("txn_1", -500, "eur", 1000, "refund")],
}


@pytest.mark.parametrize("kind", DriftKind)
def test_what_each_drift_tells(kind: DriftKind) -> None:
    """Of the line that it hits; of any other line the truth."""
    hit = told(_LINE, Drift(kind, "txn_1"))

    assert [
        (line.id, line.net, line.currency, line.created, line.reporting_category) for line in hit
    ] == _EXPECTED[kind]
    assert told(_LINE, Drift(kind, "txn_2")) == told(_LINE, None) == (_LINE,)


@pytest.mark.parametrize("written, finer", [("12.34", "12.341"), ("500", "500.1")])
def test_one_digit_more(written: str, finer: str) -> None:
    """Than the currency has, whatever it has."""
    assert with_extra_digit(written) == finer


def test_invented_lines() -> None:
    """Refunds are of the line before, never more than it, and everything adds up."""
    lines = [synthetic_line(number) for number in range(1000)]

    refunds = [line for line in lines if line.is_refund]
    assert len(refunds) == 200
    for refund in refunds:
        charged = lines[refund.number - 1]
        assert refund.payment_intent == charged.payment_intent
        assert 0 < -refund.amount <= charged.amount
    assert synthetic_balance(1000) == sum(line.amount - line.fee for line in lines)


@pytest.mark.parametrize(
    "hours, end_day", [(0, -1), (11, -1), (12, 0), (35, 0), (36, 1), (36.5, 1)]
)
def test_when_a_day_can_be_reported(hours: float, end_day: int) -> None:
    """From noon on, all that ended at midnight."""
    _, end = available(int(1000 * 24 * _HOUR_S + hours * _HOUR_S))

    assert end == (1000 + end_day) * 24 * _HOUR_S
