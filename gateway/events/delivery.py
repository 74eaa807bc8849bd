"""Local delivery: a worker in the process tells orders of what the journal holds for them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Final

import structlog

from gateway.canonical import note
from gateway.clock import Clock
from gateway.domain.outbox import Delivery
from gateway.domain.pauses import Pauses
from gateway.errors import PaygateError, Reason
from gateway.lanes import Lanes
from gateway.leases import WorkLeases
from gateway.orders.handler import UNHANDLED, OrderHandler
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.outbox import (
    claim_due_deliveries,
    delete_deliveries,
    delete_deliveries_until,
    extend_delivery,
    postpone_delivery,
)
from gateway.storage.writes import StorageUnavailableError, Write

_log = structlog.get_logger(__name__)
_AT_ONCE: Final = 16
"""Orders that are told at the same time, of the payments of one account."""
_PAUSES: Final = Pauses(first=timedelta(milliseconds=250), longest=timedelta(minutes=10))
_PAUSES_AFTER_REFUSAL: Final = Pauses(first=timedelta(minutes=1), longest=timedelta(hours=6))
"""The PSP read what we asked and refused it: asking soon again is answered the same."""


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
        leases: WorkLeases,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._handler = handler
        self._clock = clock
        self._leases = leases
        self.lanes = Lanes("delivery", _AT_ONCE, deliveries)

    async def run_once(self) -> int:
        """Begin what is due, one telling an order at a time; the number that was begun."""
        return await self.lanes.fill(self._accounts, self._begin)

    async def deliver(
        self, order_id: str, lines: Sequence[Delivery], *, with_seen: bool = False
    ) -> None:
        """Tell an order; its lines are done with, or put off.

        `with_seen` strikes off what the telling itself caused as well: nobody else hears of it.
        """
        try:
            await self._handler.handle(order_id, partial(_struck_off, lines, with_seen=with_seen))
        except UNHANDLED as error:
            refused = isinstance(error, PaygateError) and error.reason is Reason.PSP_REJECTED
            pauses = _PAUSES_AFTER_REFUSAL if refused else _PAUSES
            await self._put_off(order_id, lines, pauses, f"{type(error).__name__}: {error}")
        except StorageUnavailableError:
            raise  # nothing can be put off either: the line stays due
        except Exception as error:  # noqa: BLE001 - a fault of ours must not lose a paid order
            _log.exception("delivery_failed", order_id=order_id)
            await self._put_off(order_id, lines, _PAUSES, f"fault: {type(error).__name__}")

    async def _begin(self, account: str) -> int:
        """Claim what there are lanes for; lines of an order whose lane is taken wait for it."""
        now, until = self._clock(), self._leases.end()
        room, taken = self.lanes.room(account), self.lanes.taken()
        by_order: dict[str, list[Delivery]] = {}
        for due in await claim_due_deliveries(self._database, account, now, until, room, taken):
            by_order.setdefault(due.order_id, []).append(due)
        return sum(
            self.lanes.start(
                account,
                order_id,
                partial(self._deliver_claimed, order_id, lines, until),
                trace=lines[0].trace_context,
            )
            for order_id, lines in by_order.items()
        )

    async def _deliver_claimed(
        self, order_id: str, lines: Sequence[Delivery], held: datetime
    ) -> None:
        def move(held: datetime, until: datetime) -> list[Write]:
            return [extend_delivery(line, held=held, until=until) for line in lines]

        # A line that came meanwhile was decided on as well, as far as the decision knew it.
        deliver = partial(self.deliver, order_id, lines, with_seen=True)
        await self._leases.keep(held, move, deliver)

    async def _put_off(
        self, order_id: str, lines: Sequence[Delivery], pauses: Pauses, why: str
    ) -> None:
        note(outcome="put_off", order_id=order_id)
        pause = pauses.after(max(line.attempts for line in lines))
        until = self._clock() + pause
        await self._database.commit(
            [postpone_delivery(line, next_attempt_time=until, error=why) for line in lines]
        )
        _log.warning("delivery_put_off", order_id=order_id, pause_s=pause.total_seconds(), why=why)


def _struck_off(
    lines: Sequence[Delivery], seen: Mapping[str, int], *, with_seen: bool
) -> list[Write]:
    """Strike off the lines, and with `with_seen` all that was seen of the payments' journals."""
    until = seen if with_seen else {}
    others = [line.journal_id for line in lines if line.payment_id not in until]
    return [
        *(delete_deliveries_until(payment, last) for payment, last in until.items()),
        *([delete_deliveries(others)] if others else []),
    ]
