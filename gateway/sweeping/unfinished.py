"""Payments that may have gone on, or ended, without our hearing of it: the PSP is asked.

The sweeper's orders are drafts. What a PSP accepted and does offline may be of an order that is
decided already, and so may a declined payment whose shopper tries again on the same page; if the
webhook that tells of it is lost, money would be taken for nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.payments.refreshing import UNCONFIRMED
from gateway.refunds.truth import PaymentTruth
from gateway.storage.database import Database
from gateway.storage.operations import get_open_operation
from gateway.storage.payments import get_payment
from gateway.storage.sweeping import failed_payments, processing_payments
from gateway.sweeping.decision import SweepAges
from gateway.sweeping.paging import paged
from gateway.sweeping.schedule import is_due

_log = structlog.get_logger(__name__)
_PAGE: Final = 200
_SCHEDULE: Final = SweepAges(sweep_after=timedelta(hours=2), cancel_after=timedelta(days=365))
"""Asked two hours after it was last heard of, and at each doubling: a PSP's evening run is over
then, and these are few, which is no polling of every transaction."""
_AFTER_DECLINE: Final = SweepAges(sweep_after=timedelta(hours=6), cancel_after=timedelta(hours=24))
"""Asked after 6, 12 and 24 hours: who tries again does so soon, and there are more of these."""
_DECLINED_FOR: Final = timedelta(hours=29)
"""How far back the very first pass looks."""


class UnfinishedChanges:
    """Asks about payments at which a PSP has been at work for long, and about declined ones."""

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
        now, news = self._clock(), 0
        # However long passes broke off: whoever was younger at the last one has a look to come.
        declined_since = (
            now - _DECLINED_FOR
            if last_pass_time is None
            else last_pass_time - _AFTER_DECLINE.cancel_after
        )

        def processing(after: str) -> Awaitable[Sequence[tuple[str, datetime]]]:
            return processing_payments(self._database, now - _SCHEDULE.sweep_after, after, _PAGE)

        def declined(after: str) -> Awaitable[Sequence[tuple[str, datetime]]]:
            cutoff = now - _AFTER_DECLINE.sweep_after
            return failed_payments(self._database, declined_since, cutoff, after, _PAGE)

        for read, ages in ((processing, _SCHEDULE), (declined, _AFTER_DECLINE)):
            async for payment_id, update_time in paged(read, _id_of, _PAGE):
                if is_due(update_time, last_pass_time, now, ages):
                    await keep()
                    news += await self._ask(payment_id)
        return news

    async def _ask(self, payment_id: str) -> bool:
        payment = await get_payment(self._database, payment_id)
        if payment is None or await get_open_operation(self._database, payment_id) is not None:
            return False  # the resolver asks about it, and knows what it asks for
        try:
            heard = await self._truth.take_over(payment)
        except UNCONFIRMED as error:
            _log.warning("unfinished_change_not_read", payment_id=payment_id, why=str(error))
            return False
        _log.info("unfinished_change_read", payment_id=payment_id, state=heard.state)
        return heard.version != payment.version


def _id_of(row: tuple[str, datetime]) -> str:
    return row[0]
