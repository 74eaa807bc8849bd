"""Stripe's reporting categories in the port's words."""

from __future__ import annotations

import pytest

from psp.settlements import SettlementCategory
from psp.stripe.sandbox.balance import TYPES
from psp.stripe.settlement_categories import CATEGORIES, settlement_category

_C = SettlementCategory


@pytest.mark.parametrize(
    "raw, category",
    [
        ("charge", _C.CHARGE),
        ("charge_failure", _C.CHARGE_FAILURE),
        ("refund", _C.REFUND),
        ("refund_failure", _C.REFUND_FAILURE),
        ("partial_capture_reversal", _C.RELEASE),
        ("dispute", _C.DISPUTE),
        ("dispute_reversal", _C.DISPUTE_REVERSAL),
        ("fee", _C.FEE),
        ("network_cost", _C.FEE),
        ("tax", _C.FEE),
        ("payout", _C.PAYOUT),
        ("payout_reversal", _C.PAYOUT_REVERSAL),
        ("other_adjustment", _C.ADJUSTMENT),
        ("topup", _C.ADJUSTMENT),
        ("issuing_transaction", _C.UNKNOWN),
        ("brand_new", _C.UNKNOWN),
        ("Refund", _C.UNKNOWN),
        ("", _C.UNKNOWN),
    ],
)
def test_categories(raw: str, category: SettlementCategory) -> None:
    """A rest that was released is no refund, and what is new is not guessed at."""
    assert settlement_category(raw) is category


def test_every_category_of_the_port_is_reached() -> None:
    """Nothing that reconciliation knows is out of Stripe's reach, and the sandbox knows no more."""
    assert {*CATEGORIES.values(), _C.UNKNOWN} == set(_C)
    assert set(TYPES) <= set(CATEGORIES)
