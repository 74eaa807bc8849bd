"""A BalanceTransaction as a settlement entry: a pure function of Stripe's answer."""

from __future__ import annotations

from typing import Final

from psp.settlements import SettlementEntry
from psp.stripe.fields import (
    UnreadableAnswerError,
    moment,
    nested,
    reference,
    require_object,
    required_number,
    required_text,
    text,
)
from psp.stripe.money import from_stripe_amount
from psp.stripe.payment_params import PAYMENT_ID
from psp.stripe.refund_reading import REFUND_ID
from psp.stripe.settlement_categories import REFUNDS, settlement_category

EXPAND: Final = ("source.payment_intent",)
"""What must be expanded: our references stand in the metadata of the source and its payment."""


def balance_entry(answer: object) -> SettlementEntry:
    """Read a BalanceTransaction; raises `UnreadableAnswerError` or `AmountError`."""
    line = require_object(answer, "balance_transaction")
    currency = required_text(line, "currency").upper()
    gross, fee, net = (
        from_stripe_amount(required_number(line, name), currency)
        for name in ("amount", "fee", "net")
    )
    if gross - fee != net:
        raise UnreadableAnswerError("amount less fee is not net")
    occurred = moment(line, "created")
    if occurred is None:
        raise UnreadableAnswerError("it has no created")
    raw_category = required_text(line, "reporting_category")
    category = settlement_category(raw_category)
    source = nested(line, "source")
    is_charge = source.get("object") == "charge"
    payment = nested(source, "payment_intent")
    # A charge bears the metadata that its payment had when it was made.
    notes = nested(payment if payment or not is_charge else source, "metadata")
    is_refunds = category in REFUNDS
    return SettlementEntry(
        entry_id=required_text(line, "id"),
        category=category,
        raw_category=raw_category,
        occurred_time=occurred,
        currency=currency,
        gross_minor=gross,
        fee_minor=fee,
        net_minor=net,
        # A charge without a PaymentIntent is none of ours; its own id is what can be looked up.
        payment_reference=reference(source, "payment_intent")
        or (text(source, "id") if is_charge else reference(source, "charge")),
        refund_reference=reference(line, "source") if is_refunds else "",
        payment_id=text(notes, PAYMENT_ID),
        refund_id=text(nested(source, "metadata"), REFUND_ID) if is_refunds else "",
        description=text(line, "description"),
    )
