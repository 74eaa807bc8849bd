"""Local delivery: a worker in the process tells orders of what the journal holds for them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.outbox import Delivery
from gateway.domain.pauses import Pauses
from gateway.errors import PaygateError, Reason
from gateway.lanes import Lanes
from gateway.orders.handler import OrderHandler, OrderUnknownError
from gateway.payments.refreshing import (
    PaymentChangingError,
    PaymentMismatchError,
    PaymentUnclearError,
)
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.outbox import (
    delete_delivery,
    list_due_deliveries,
    postpone_delivery,
)
from gateway.storage.writes import StorageUnavailableError
from legacy_bridge.errors import BackOfficeError
from psp.errors import PspError

_log = structlog.get_logger(__name__)
_BATCH: Final = 200
_AT_ONCE: Final = 16
"""Orders that are told at the same time, of the payments of one account."""
_PAUSES: Final = Pauses(first=timedelta(milliseconds=250), longest=timedelta(minutes=10))
_PAUSES_AFTER_REFUSAL: Final = Pauses(first=timedelta(minutes=1), longest=timedelta(hours=6))
"""The PSP read what we asked and refused it: asking soon again is answered the same."""

_PASSING: Final = (
    BackOfficeError,
    PaygateError,
    PspError,
    PaymentChangingError,
    PaymentMismatchError,
    PaymentUnclearError,
    OrderUnknownError,
)
"""What may be otherwise a little later. Anything else is a fault of ours, and tried again too:
a paid order is never given up."""


class LocalDelivery:
    """Delivers at least once, one order at a time.

    The handler decides from the present state and not from the line, so that all lines of an
    order that are due are one telling, whatever their number.
    """

    def __init__(
        self,
        database: Database,
        accounts: Iterable[str],
        handler: OrderHandler,
        clock: Clock,
        deliveries: Wake,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._handler = handler
        self._clock = clock
        self.lanes = Lanes("delivery", _AT_ONCE, deliveries)

    async def run_once(self) -> int:
        """Begin what is due, one telling an order at a time; the number that was begun."""
        begun = 0
        for account in self._accounts:
            if self.lanes.has_room(account):
                begun += await self._begin(account)
        return begun

    async def deliver(self, order_id: str, lines: Sequence[Delivery]) -> None:
        """Tell an order; its lines are done with, or put off."""
        try:
            await self._handler.handle(order_id)
        except _PASSING as error:
            refused = isinstance(error, PaygateError) and error.reason is Reason.PSP_REJECTED
            pauses = _PAUSES_AFTER_REFUSAL if refused else _PAUSES
            await self._put_off(order_id, lines, pauses, f"{type(error).__name__}: {error}")
        except StorageUnavailableError:
            raise  # nothing can be put off either: the line stays due
        except Exception as error:  # noqa: BLE001 - a fault of ours must not lose a paid order
            _log.exception("delivery_failed", order_id=order_id)
            await self._put_off(order_id, lines, _PAUSES, f"fault: {type(error).__name__}")
        else:
            await self._database.commit([delete_delivery(line.journal_id) for line in lines])

    async def _begin(self, account: str) -> int:
        by_order: dict[str, list[Delivery]] = {}
        for due in await list_due_deliveries(self._database, account, self._clock(), _BATCH):
            by_order.setdefault(due.order_id, []).append(due)
        return sum(
            self.lanes.start(account, order_id, partial(self.deliver, order_id, lines))
            for order_id, lines in by_order.items()
        )

    async def _put_off(
        self, order_id: str, lines: Sequence[Delivery], pauses: Pauses, why: str
    ) -> None:
        pause = pauses.after(max(line.attempts for line in lines))
        until = self._clock() + pause
        await self._database.commit(
            [postpone_delivery(line, next_attempt_time=until, error=why) for line in lines]
        )
        _log.warning("delivery_put_off", order_id=order_id, pause_s=pause.total_seconds(), why=why)
