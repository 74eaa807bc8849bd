"""Money for orders that the back office does not have: delivery tries on, and somebody is told."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.payment import Payment, PaymentState
from gateway.orders.handler import OrderHandler
from gateway.payments.refreshing import PaymentChangingError
from gateway.storage.database import Database
from gateway.storage.payments import payments_of_order
from gateway.storage.sweeping import untold_orders
from gateway.sweeping.decision import SweepAges
from gateway.sweeping.paging import paged
from legacy_bridge.port import BackOffice

_log = structlog.get_logger(__name__)
_PAGE: Final = 200
_REASON: Final = "the back office has no such order"


class UnclaimedMoney:
    """Raises the alarm once for each payment whose order's draft never appeared."""

    def __init__(
        self,
        database: Database,
        back_office: BackOffice,
        handler: OrderHandler,
        clock: Clock,
        ages: SweepAges,
    ) -> None:
        self._database = database
        self._back_office = back_office
        self._handler = handler
        self._clock = clock
        self._ages = ages

    async def alarm(self, keep: Callable[[], Awaitable[None]]) -> int:
        """Look through what could not be delivered since `cancel_after`; the number of alarms.

        `keep` is called before each order.
        """
        cutoff, alarms = self._clock() - self._ages.cancel_after, 0

        def untold(after: str) -> Awaitable[Sequence[str]]:
            return untold_orders(self._database, cutoff, after, _PAGE)

        async for order_id in paged(untold, str, _PAGE):
            await keep()
            if await self._back_office.find_order(order_id) is None:
                alarms += await self._alarm_of(order_id)
        return alarms

    async def _alarm_of(self, order_id: str) -> int:
        alarms = 0
        for payment in await payments_of_order(self._database, order_id):
            if _holds_money(payment) and await self._raise_alarm(payment):
                _log.error(
                    "money_without_order",
                    order_id=order_id,
                    payment_id=payment.id,
                    state=payment.state,
                    reason=_REASON,
                )
                alarms += 1
        return alarms

    async def _raise_alarm(self, payment: Payment) -> bool:
        """Journal the alarm; whether it was not told before. The next pass tries again."""
        try:
            return await self._handler.alarm(payment, _REASON)
        except PaymentChangingError as error:
            _log.warning("alarm_put_off", payment_id=payment.id, why=str(error))
            return False


def _holds_money(payment: Payment) -> bool:
    taken = payment.captured_minor > payment.refunded_minor
    return taken or payment.state is PaymentState.AUTHORIZED
