"""Balance transactions and what they come from as Stripe's JSON."""

from __future__ import annotations

from psp.stripe.sandbox.api_errors import JsonDict
from psp.stripe.sandbox.model import BalanceTransaction, Dispute, Payout


def render_balance_transaction(line: BalanceTransaction, now: int) -> JsonDict:
    """Return a BalanceTransaction; `now` decides whether its money is available."""
    fees: list[JsonDict] = []
    if line.fee:
        fees = [
            {
                "amount": line.fee,
                "application": None,
                "currency": line.currency,
                "description": "Stripe processing fees",
                "type": "stripe_fee",
            }
        ]
    return {
        "id": line.id,
        "object": "balance_transaction",
        "amount": line.amount,
        "available_on": line.available_on,
        "balance_type": "payments",
        "created": line.created,
        "currency": line.currency,
        "description": line.description,
        "exchange_rate": None,
        "fee": line.fee,
        "fee_details": fees,
        "net": line.net,
        "reporting_category": line.reporting_category,
        "source": line.source,
        "status": "available" if line.available_on <= now else "pending",
        "type": line.type,
    }


def render_dispute(dispute: Dispute) -> JsonDict:
    """Return a Dispute, lost from the start as nobody answers it here."""
    return {
        "id": dispute.id,
        "object": "dispute",
        "amount": dispute.amount,
        "charge": dispute.charge,
        "created": dispute.created,
        "currency": dispute.currency,
        "is_charge_refundable": False,
        "livemode": False,
        "metadata": {},
        "payment_intent": dispute.payment_intent,
        "reason": "fraudulent",
        "status": "needs_response",
    }


def render_payout(payout: Payout) -> JsonDict:
    """Return a Payout, made by hand and paid at once."""
    return {
        "id": payout.id,
        "object": "payout",
        "amount": payout.amount,
        "arrival_date": payout.created,
        "automatic": False,
        "balance_transaction": payout.balance_transaction,
        "created": payout.created,
        "currency": payout.currency,
        "description": "STRIPE PAYOUT",
        "failure_balance_transaction": None,
        "failure_code": None,
        "failure_message": None,
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "status": "paid",
        "type": "bank_account",
    }
