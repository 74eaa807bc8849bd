"""Asking PSPs about refunds that nobody confirmed: webhooks get lost, and money must not.

Most are confirmed by a webhook, and all by the PSP's report in the end; this is for what is open
between the two, within a day.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.refund import Refund
from gateway.domain.refund_movement import MovementState, OverdueMovement, standing
from gateway.errors import PaygateError
from gateway.job_lease import JobLease, LeaseLostError
from gateway.lanes import Lanes
from gateway.payments.books import PaymentBooks
from gateway.payments.refreshing import PaymentChangingError, PaymentMismatchError
from gateway.refunds.truth import PaymentTruth
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.refund_confirmations import late_movements, unsettled_refunds
from gateway.sweeping.decision import SweepAges
from gateway.sweeping.schedule import is_due
from psp.errors import PspError

_log = structlog.get_logger(__name__)
LEASE_NAME: Final = "refund_confirmations"
_AT_ONCE: Final = 4
"""Payments of one account that are asked about at the same time: live payments come first."""
_PAGE: Final = 200
_FIRST: Final = (datetime(1970, 1, 1, tzinfo=UTC), "")
_INTERVAL: Final = timedelta(minutes=10)
_LOOK_AT_LEAST_S: Final = 1.0


class RefundConfirmation:
    """Asks at `ask_after`, at each doubling of it, at `overdue_after`, and regularly later."""

    def __init__(
        self,
        books: PaymentBooks,
        truth: PaymentTruth,
        lease: JobLease,
        clock: Clock,
        ask_after: timedelta,
        overdue_after: timedelta,
    ) -> None:
        self._books = books
        self._truth = truth
        self._lease = lease
        self._clock = clock
        self._ages = SweepAges(ask_after, overdue_after)
        self._next_time: datetime | None = None
        self.wake = Wake()
        self.lanes = Lanes(LEASE_NAME, _AT_ONCE, self.wake)

    async def run_once(self) -> int:
        """Ask about what came to an age at which it is asked about; how many that were."""
        now = self._clock()
        if self._next_time is not None and now < self._next_time:
            return 0
        self._next_time = now + _INTERVAL
        try:
            async with self._lease.held() as mine:
                return await self._pass(now) if mine else 0
        except LeaseLostError as lost:
            _log.warning("refund_confirmations_interrupted", why=str(lost))
            return 0

    async def _pass(self, now: datetime) -> int:
        last = await self._lease.done_until()
        asked = 0
        try:
            async for refund, _ in open_refunds(self._books.database, now - self._ages.sweep_after):
                if refund.is_unanswered or not is_due(refund.create_time, last, now, self._ages):
                    continue  # the first is the resolver's, who knows under which key it was sent
                await self._lease.keep()
                while not self.lanes.has_room(refund.psp_account):
                    await self.wake.wait(_LOOK_AT_LEAST_S)
                # Two refunds of one payment are one question.
                asked += self.lanes.start(
                    refund.psp_account, refund.payment_id, partial(self._ask, refund)
                )
        except BaseException:
            await self.lanes.stop()
            raise
        await self.lanes.join()
        await self._lease.save(now)
        return asked

    async def _ask(self, refund: Refund) -> None:
        payment = await self._books.get(refund.payment_id)
        try:
            await self._truth.take_over(payment)
        except (PspError, PaygateError, PaymentChangingError, PaymentMismatchError) as error:
            _log.warning("refund_not_confirmed", refund_id=refund.id, why=str(error))


async def open_refunds(database: Database, before: datetime) -> AsyncIterator[tuple[Refund, str]]:
    """Stream refunds asked for before then that the PSP has more to say of, oldest first.

    Each with its movement, empty if it has none.
    """
    after = _FIRST
    while page := await unsettled_refunds(database, before, after, _PAGE):
        for refund, movement_id in page:
            yield refund, movement_id
        last, _ = page[-1]
        after = last.create_time, last.id


async def overdue_movements(database: Database, before: datetime) -> AsyncIterator[OverdueMovement]:
    """Stream what was accepted before then and is not confirmed: waiting, unanswered or pending."""
    for movement in await late_movements(database, before, _MOST_LATE):
        yield movement
    async for refund, movement_id in open_refunds(database, before):
        yield OverdueMovement(
            movement_id=movement_id,
            refund_id=refund.id,
            psp_account=refund.psp_account,
            psp_reference=refund.psp_reference,
            order_id=refund.order_id,
            amount=refund.amount,
            standing=standing(MovementState.SENT, refund.state),
            since=refund.create_time,
        )


_MOST_LATE: Final = 10_000
"""Movements that are listed although they were never sent; whoever has more has one problem."""
