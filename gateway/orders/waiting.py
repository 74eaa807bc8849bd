"""What an order waits for, or why it ended, in one sentence: pure and total.

Told from the very decision that is carried out, so that the two cannot disagree.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Final

from gateway.domain.payment import Payment, PaymentState
from gateway.orders.decision import OrderAction, OrderDecision, decide
from legacy_bridge.port import DraftOrder, OrderState

_A, _P = OrderAction, PaymentState

WAITING_FOR_ACTION: Final[Mapping[OrderAction, str]] = {
    _A.CAPTURE: "the gateway to capture {payment}: {reason}",
    _A.RELEASE: "the gateway to release it for {payment}: {reason}",
    _A.HOLD: "the gateway to hold it: {reason}",
    _A.CANCEL: "the gateway to cancel it: {reason}",
    _A.VOID: "the gateway to give up {payment}, which is authorised: {reason}",
    _A.REFUND: "the gateway to give the money of {payment} back: {reason}",
    _A.ALARM: "somebody to look at {payment}: {reason}",
}
"""What is about to be done; waiting itself is told from order and payments."""

WAITING_FOR_PAYMENT: Final[Mapping[PaymentState, str]] = {
    # 3-D Secure is part of confirming: the PSP does not tell the two apart until it is over.
    _P.AWAITING_CUSTOMER: "the shopper to confirm {payment}",
    _P.PROCESSING: "the PSP to finish {payment}, which is processing",
    _P.OUTCOME_UNKNOWN: "the PSP's word on {payment}, whose outcome is unknown",
}
"""By the state of a payment that may still bring money."""
_NEAREST_FIRST: Final = (_P.PROCESSING, _P.OUTCOME_UNKNOWN, _P.AWAITING_CUSTOMER)


def waiting_for(
    order: DraftOrder, payments: Sequence[Payment], came_back: Collection[str] = ()
) -> str:
    """Say what the order waits for, from what `decide` is given."""
    decision = decide(order, payments, came_back)
    if decision.action in WAITING_FOR_ACTION:
        payment = decision.payment.id if decision.payment else ""
        words = WAITING_FOR_ACTION[decision.action]
        return "waiting for " + words.format(payment=payment, reason=decision.reason)
    return _at_rest(order, payments, decision)


def _at_rest(order: DraftOrder, payments: Sequence[Payment], decision: OrderDecision) -> str:
    if order.state is OrderState.RELEASED:
        named = f"for payment {order.payment_id}" if order.payment_id else "by hand"
        return f"nothing: released {named}"
    if order.state is OrderState.CANCELED:
        return f"nothing: canceled because {order.reason}"
    if order.state is OrderState.HELD:
        return f"held because {decision.reason if decision.payment else order.reason}"
    for state in _NEAREST_FIRST:
        open_ones = [payment.id for payment in payments if payment.state is state]
        if open_ones:
            return "waiting for " + WAITING_FOR_PAYMENT[state].format(payment=max(open_ones))
    return "waiting for the shopper to pay" + (f": {decision.reason}" if payments else "")
