"""Orders that were held and that a clerk decided since: nobody tells us, so we ask.

The sweeper's orders are open ones. What is canceled by hand leaves its list, with money that was
taken or reserved for it, and no webhook follows.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from gateway.orders.handler import UNHANDLED, OrderHandler
from gateway.storage.database import Database
from gateway.storage.sweeping import held_orders
from gateway.sweeping.paging import paged
from legacy_bridge.port import BackOffice, OrderState

_log = structlog.get_logger(__name__)
_PAGE: Final = 200
_DECIDED: Final = frozenset({OrderState.RELEASED, OrderState.CANCELED})


class HeldOrders:
    """Has the handler do what is due for those that are decided: give up, give back, alarm."""

    def __init__(self, database: Database, back_office: BackOffice, handler: OrderHandler) -> None:
        self._database = database
        self._back_office = back_office
        self._handler = handler

    async def follow(self, keep: Callable[[], Awaitable[None]]) -> int:
        """Look through orders whose money is here and whose end is not; how many had ended.

        `keep` is called before each. Raises `BackOfficeUnavailableError`.
        """
        ended = 0

        def held(after: str) -> Awaitable[Sequence[str]]:
            return held_orders(self._database, after, _PAGE)

        async for order_id in paged(held, str, _PAGE):
            await keep()
            order = await self._back_office.find_order(order_id)
            if order is not None and order.state in _DECIDED:
                ended += await self._handle(order_id)
        return ended

    async def _handle(self, order_id: str) -> bool:
        try:
            decision = await self._handler.handle(order_id)
        except UNHANDLED as error:
            # It is found again in the next pass.
            _log.warning("decided_order_not_followed", order_id=order_id, why=str(error))
            return False
        _log.info("decided_order_followed", order_id=order_id, reason=decision.reason)
        return True
