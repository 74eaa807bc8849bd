"""GetOrder: the back office's word on an order beside our payments."""

from __future__ import annotations

from gateway.domain.refund import came_back
from gateway.errors import PaygateError, Reason
from gateway.orders.view import OrderView
from gateway.orders.waiting import waiting_for
from gateway.storage.database import Database
from gateway.storage.payments import payments_of_order
from gateway.storage.refunds import refunds_of_order
from legacy_bridge.port import BackOffice


class Orders:
    """Reads orders. Changes nothing anywhere."""

    def __init__(self, database: Database, back_office: BackOffice) -> None:
        self._database = database
        self._back_office = back_office

    async def get(self, order_id: str) -> OrderView:
        """Return an order with its payments and what it waits for.

        Raises `PaygateError` if the back office does not have it, and the back office's own
        `BackOfficeUnavailableError`.
        """
        order = await self._back_office.find_order(order_id)
        if order is None:
            raise order_not_found(order_id)
        payments = await payments_of_order(self._database, order_id)
        refunds = await refunds_of_order(self._database, order_id)
        return OrderView(order, payments, waiting_for(order, payments, came_back(refunds)))


def order_not_found(order_id: str) -> PaygateError:
    """Return the refusal of an id that the back office has no order of."""
    return PaygateError(
        Reason.ORDER_NOT_FOUND,
        f"the back office has no order {order_id}: store the draft order first",
        metadata={"order_id": order_id},
    )
