"""Purchases whose traces, lines and figures are looked at."""

from __future__ import annotations

from gateway.demo.acting import TOTAL, creation
from gateway.demo.stage import Stage
from paygate.v1.order_service_pb2 import ORDER_STATE_RELEASED


async def purchase(stage: Stage, order_id: str = "order-1") -> str:
    """Pay an order in France by card, and wait until it is released; the payment's id."""
    await stage.store_draft(order_id, TOTAL)
    answer = await stage.client.create_payment(creation(order_id))
    stage.sandbox.browser_confirm(answer.next_action.confirm.client_secret, "pm_card_visa")
    await stage.order_in(order_id, ORDER_STATE_RELEASED)
    return answer.payment.id
