"""What a webhook claims of a payment: held against what we know, and never taken over."""

from __future__ import annotations

from gateway.domain.payment import Payment
from psp.port import PspEvent


def contradiction(payment: Payment, event: PspEvent) -> dict[str, str]:
    """Say in what an event contradicts a payment; empty if it does not, or claims nothing.

    A notification speaks of one step, which may be a part of the payment; it can never be of more,
    nor in another currency.
    """
    found: dict[str, str] = {}
    if event.claimed_currency and event.claimed_currency != payment.currency:
        found["claimed_currency"] = f"ours {payment.currency}, claimed {event.claimed_currency}"
    if event.claimed_minor is not None and event.claimed_minor > payment.amount.amount_minor:
        most = payment.amount.amount_minor
        found["claimed_minor"] = f"ours {most}, claimed {event.claimed_minor}"
    return found and {**found, "event_id": event.event_id}
