"""Reading payments and their journals, and following one as it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from gateway.domain.payment import Payment, PaymentFilter
from gateway.errors import PaygateError, Reason
from gateway.payments.books import PaymentBooks
from gateway.payments.commands import EventPage, PaymentPage, WatchStep
from gateway.signals import PaymentSignals
from gateway.storage.journal import list_entries
from gateway.storage.payments import list_payments

_WATCH_BATCH: Final = 100
_LOOK_EVERY_S: Final = 1.0
"""How often a follower looks without a hint: another replica may have made the change."""


class PaymentReading:
    """Answers what is known here; the PSP is not asked."""

    def __init__(self, books: PaymentBooks, signals: PaymentSignals) -> None:
        self._books = books
        self._signals = signals

    async def get(self, payment_id: str) -> Payment:
        """Return a payment; raises `PaygateError` PAYMENT_NOT_FOUND."""
        return await self._books.get(payment_id)

    async def list(self, wanted: PaymentFilter, before_id: str, page_size: int) -> PaymentPage:
        """Return payments, newest first, that are older than `before_id` (empty: from the top)."""
        found = await list_payments(self._books.database, wanted, before_id, page_size + 1)
        return PaymentPage(found[:page_size], has_more=len(found) > page_size)

    async def events(self, payment_id: str, after_sequence: int, page_size: int) -> EventPage:
        """Return the journal after a sequence, oldest first; raises PAYMENT_NOT_FOUND."""
        await self._books.get(payment_id)
        database = self._books.database
        found = await list_entries(database, payment_id, after_sequence, page_size + 1)
        return EventPage(found[:page_size], has_more=len(found) > page_size)

    async def watch(self, payment_id: str, after_sequence: int) -> AsyncIterator[WatchStep]:
        """Follow the journal until the payment is final.

        Raises `PaygateError`: PAYMENT_NOT_FOUND, and SHUTTING_DOWN when this process ends first.
        """
        with self._signals.watching(payment_id) as wake:
            while True:
                # Read before the lines: a final payment whose journal has no more gets none.
                final = (await self._books.get(payment_id)).is_final
                entries = await list_entries(
                    self._books.database, payment_id, after_sequence, _WATCH_BATCH
                )
                if entries:
                    # Read after the lines: the payment is never behind what is told of it.
                    payment = await self._books.get(payment_id)
                    for entry in entries:
                        after_sequence = entry.sequence
                        yield WatchStep(entry, payment)
                elif final:
                    return
                elif self._signals.closed:
                    raise _shutting_down(payment_id, after_sequence)
                else:
                    await wake.wait(_LOOK_EVERY_S)


def _shutting_down(payment_id: str, after_sequence: int) -> PaygateError:
    return PaygateError(
        Reason.SHUTTING_DOWN,
        f"this replica is shutting down: watch {payment_id} again after {after_sequence}",
        metadata={"payment_id": payment_id, "after_sequence": str(after_sequence)},
        retry_after_s=0.0,
    )
