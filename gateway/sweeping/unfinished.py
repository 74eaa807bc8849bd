"""Changes that a PSP accepted long ago, and whose end nobody told of: the PSP is asked.

The sweeper's orders are drafts. A capture, or a cancel, that ends offline may be of an order that
is decided already, and its closing webhook may be lost: the money would be taken for nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.errors import PaygateError
from gateway.payments.refreshing import (
    PaymentChangingError,
    PaymentMismatchError,
    PaymentUnclearError,
)
from gateway.refunds.truth import PaymentTruth
from gateway.storage.database import Database
from gateway.storage.operations import get_open_operation
from gateway.storage.payments import get_payment
from gateway.storage.sweeping import unfinished_payments
from gateway.sweeping.decision import SweepAges
from gateway.sweeping.schedule import is_due
from psp.errors import PspError

_log = structlog.get_logger(__name__)
_PAGE: Final = 200
_SCHEDULE: Final = SweepAges(sweep_after=timedelta(hours=2), cancel_after=timedelta(days=365))
"""Asked two hours after it was last heard of, and at each doubling: a PSP's evening run is over
then, and these are few, which is no polling of every transaction."""
_PASSING: Final = (
    PspError,
    PaygateError,
    PaymentChangingError,
    PaymentMismatchError,
    PaymentUnclearError,
)


class UnfinishedChanges:
    """Asks about payments whose authorised money has been on its way for long."""

    def __init__(self, database: Database, truth: PaymentTruth, clock: Clock) -> None:
        self._database = database
        self._truth = truth
        self._clock = clock

    async def ask(
        self, last_pass_time: datetime | None, keep: Callable[[], Awaitable[None]]
    ) -> int:
        """Ask about what came to an age at which it is looked at; how many had news.

        `keep` is called before each question.
        """
        now, after, news = self._clock(), "", 0
        while True:
            page = await unfinished_payments(
                self._database, now - _SCHEDULE.sweep_after, after, _PAGE
            )
            for payment_id, update_time in page:
                if is_due(update_time, last_pass_time, now, _SCHEDULE):
                    await keep()
                    news += await self._ask(payment_id)
            if len(page) < _PAGE:
                return news
            after = page[-1][0]

    async def _ask(self, payment_id: str) -> bool:
        payment = await get_payment(self._database, payment_id)
        if payment is None or await get_open_operation(self._database, payment_id) is not None:
            return False  # the resolver asks about it, and knows what it asks for
        try:
            heard = await self._truth.take_over(payment)
        except _PASSING as error:
            _log.warning("unfinished_change_not_read", payment_id=payment_id, why=str(error))
            return False
        _log.info("unfinished_change_read", payment_id=payment_id, state=heard.state)
        return heard.version != payment.version
