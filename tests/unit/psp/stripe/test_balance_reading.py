"""A BalanceTransaction as a settlement entry."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from psp.settlements import SettlementCategory, SettlementEntry
from psp.stripe.balance_reading import balance_entry
from psp.stripe.fields import UnreadableAnswerError
from psp.stripe.money import AmountError
from tests.unit.psp.stripe.support import JsonDict, charge, payment_intent, refund


def _line(**changes: object) -> JsonDict:
    """Return a refund's line, its source and payment expanded."""
    values: JsonDict = {
        "id": "txn_1",
        "object": "balance_transaction",
        "amount": -500,
        "created": 1_800_000_000,
        "currency": "eur",
        "description": None,
        "fee": 0,
        "net": -500,
        "reporting_category": "refund",
        "source": refund(payment_intent=payment_intent()),
        "type": "refund",
    }
    return {**values, **changes}


def test_a_refund() -> None:
    """Every field of it; our references come from the metadata of refund and payment."""
    assert balance_entry(_line()) == SettlementEntry(
        entry_id="txn_1",
        category=SettlementCategory.REFUND,
        raw_category="refund",
        occurred_time=datetime.fromtimestamp(1_800_000_000, UTC),
        currency="EUR",
        gross_minor=-500,
        fee_minor=0,
        net_minor=-500,
        payment_reference="pi_1",
        refund_reference="re_1",
        payment_id="pay_1",
        refund_id="ref_1",
    )


@pytest.mark.parametrize(
    "source, payment, payment_id",
    [
        (charge(payment_intent=payment_intent()), "pi_1", "pay_1"),
        (charge(payment_intent="pi_1", metadata={"paygate_payment_id": "p"}), "pi_1", "p"),
        (charge(payment_intent=None, metadata={}), "ch_1", ""),
        ({"id": "du_1", "object": "dispute", "payment_intent": "pi_1"}, "pi_1", ""),
        ({"id": "du_1", "object": "dispute", "charge": "ch_1"}, "ch_1", ""),
        ({"id": "po_1", "object": "payout", "metadata": {"paygate_refund_id": "r"}}, "", ""),
        ("ch_1", "", ""),
        (None, "", ""),
    ],
)
def test_what_a_line_comes_from(source: object, payment: str, payment_id: str) -> None:
    """Expanded or not, with a payment or without one."""
    entry = balance_entry(_line(reporting_category="charge", source=source))

    assert (entry.payment_reference, entry.payment_id) == (payment, payment_id)
    assert (entry.refund_reference, entry.refund_id) == ("", "")


def test_amounts_are_in_our_units() -> None:
    """The API counts ISK in hundredths."""
    entry = balance_entry(_line(currency="isk", amount=70_000, fee=1000, net=69_000))

    assert (entry.gross_minor, entry.fee_minor, entry.net_minor) == (700, 10, 690)


@pytest.mark.parametrize(
    "changes, error",
    [
        ({"object": "charge"}, UnreadableAnswerError),
        ({"id": ""}, UnreadableAnswerError),
        ({"amount": None}, UnreadableAnswerError),
        ({"fee": "0"}, UnreadableAnswerError),
        ({"net": -499}, UnreadableAnswerError),
        ({"created": None}, UnreadableAnswerError),
        ({"currency": None}, UnreadableAnswerError),
        ({"reporting_category": None}, UnreadableAnswerError),
        ({"currency": "isk", "amount": -550, "net": -550}, AmountError),
    ],
)
def test_a_line_that_cannot_be_read(changes: JsonDict, error: type[Exception]) -> None:
    """Is not left out: the totals would be wrong."""
    with pytest.raises(error):
        balance_entry(_line(**changes))
