"""Catching up without a list of events: the PSP is asked about each payment it sent nothing of."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.catch_up.progress import CatchUpSource, CaughtUp, Progress
from gateway.domain.payment import Payment
from gateway.payments.refreshing import UNCONFIRMED
from gateway.refunds.truth import PaymentTruth
from gateway.storage.catch_up import unheard_payments
from gateway.storage.database import Database
from gateway.storage.operations import get_open_operation
from psp.errors import NotFoundError

_log = structlog.get_logger(__name__)
_PAGE: Final = 100
_AT_ONCE: Final = 4
"""Questions at the same time: live payments come first, and the PSP dislikes polling."""
REACHES_BACK: Final = timedelta(days=30)
"""How long before the outage a payment may have been created. An authorisation lapses within that
time, and nobody comes back to a page that was signed for her a month ago."""


class PaymentCatchUp:
    """Refreshes one account's payments that may go on and were not heard of."""

    def __init__(self, database: Database, truth: PaymentTruth) -> None:
        self._database = database
        self._truth = truth

    async def run(self, account: str, since: datetime, progress: Progress) -> CaughtUp:
        """Ask about every payment that may go on, and of which nothing arrived from `since` on."""
        so_far = CaughtUp(account, CatchUpSource.PAYMENTS, since)
        async for page in self._pages(account, since):
            for start in range(0, len(page), _AT_ONCE):
                asked = page[start : start + _AT_ONCE]
                for change in await asyncio.gather(*(self._ask(payment) for payment in asked)):
                    so_far = replace(
                        so_far,
                        seen=so_far.seen + 1,
                        new=so_far.new + (change is True),
                        failed=so_far.failed + (change is None),
                    )
                progress(so_far)
        return so_far

    async def _pages(self, account: str, since: datetime) -> AsyncIterator[list[Payment]]:
        after = ""
        while True:
            page = await unheard_payments(
                self._database, account, since, since - REACHES_BACK, after, _PAGE
            )
            if page:
                yield page
                after = page[-1].id
            if len(page) < _PAGE:
                return

    async def _ask(self, payment: Payment) -> bool | None:
        """Whether the PSP told something new; None if it could not be asked."""
        if await get_open_operation(self._database, payment.id) is not None:
            return False  # the resolver asks about it, and knows what it asks for
        try:
            heard = await self._truth.take_over(payment)
        except NotFoundError as error:
            if payment.psp_reference == payment.id:
                return False  # the shopper never opened the page
            _log.error("payment_not_at_psp", payment_id=payment.id, why=str(error))
            return None
        except UNCONFIRMED as error:
            _log.warning("payment_not_caught_up", payment_id=payment.id, why=str(error))
            return None
        return heard.version != payment.version
