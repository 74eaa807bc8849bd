"""Taking over what the PSP says of a payment's refunds: how ours went on, and foreign ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final

from gateway.clock import Clock
from gateway.domain.journal import EventType
from gateway.domain.payment import Payment
from gateway.domain.refund import Refund
from gateway.domain.refund_outcome import RefundNews, refund_news
from gateway.domain.refund_rules import is_of_before
from gateway.payments.books import VERSION_GUARD, PaymentBooks
from gateway.payments.refreshing import PaymentChangingError
from gateway.payments.sending import ProviderDirectory
from gateway.refunds.postings import posting_writes
from gateway.storage.journal import newest_entries
from gateway.storage.refunds import (
    REFUND_GUARD,
    insert_refund,
    refunds_of_payment,
    update_refund,
)
from gateway.storage.tables import refunds as refunds_table
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from psp.port import Capability

_MOST_ROUNDS: Final = 5
_MOST_ALARMS: Final = 50


class RefundSync:
    """Brings the refunds of a payment up to date. Doing it twice changes nothing.

    Not while one is unanswered: at a PSP that keeps no reference of ours it would look like one
    that was made elsewhere.
    """

    def __init__(self, books: PaymentBooks, providers: ProviderDirectory, clock: Clock) -> None:
        self._books = books
        self._providers = providers
        self._clock = clock

    async def sync(self, payment: Payment, writes: Sequence[Write] = ()) -> Payment:
        """Return the payment with its refunds as the PSP has them, stored with `writes`.

        The list is asked for whatever the sums say: one refund that failed and another of the same
        amount leave them as they were. Raises the errors of `psp.errors`, and
        `PaymentChangingError` also while a refund of it is unanswered, and stores nothing then.
        """
        for _ in range(_MOST_ROUNDS):
            now = self._clock()
            refunds = await refunds_of_payment(self._books.database, payment.id)
            if any(refund.is_unanswered for refund in refunds):
                raise PaymentChangingError(payment.id)
            provider = self._providers.provider_of(payment)
            asks = Capability.REFUNDS in provider.capabilities
            words = await provider.list_refunds(payment.psp_reference) if asks else ()
            told = await self._alarms(payment) if words else ()
            news = refund_news(payment, refunds, words, now, told)
            stored = _writes_of(news, payment, now)
            try:
                await self._books.save(payment, news.change, now, [*stored, *writes])
            except (GuardFailedError, AlreadyExistsError) as failed:
                if not _is_about_refunds(failed):
                    raise
                # Somebody else learnt something: the list must be younger than what it is held to.
                payment = await self._books.get(payment.id)
                continue
            return news.change.payment
        raise PaymentChangingError(payment.id)

    async def _alarms(self, payment: Payment) -> Sequence[Mapping[str, str]]:
        lines = await newest_entries(
            self._books.database, payment.id, EventType.PSP_MISMATCH, _MOST_ALARMS
        )
        return [line.details for line in lines]


def _is_about_refunds(failed: GuardFailedError | AlreadyExistsError) -> bool:
    """Whether payment or refunds changed meanwhile, and not what is stored along with them."""
    if isinstance(failed, GuardFailedError):
        return failed.guard in {VERSION_GUARD, REFUND_GUARD}
    return failed.table == refunds_table.name


def _writes_of(news: RefundNews, payment: Payment, now: datetime) -> list[Write]:
    """Store what is new of the refunds, and what that moves on the shopper's account."""
    heard: list[tuple[Refund | None, Refund]] = [*news.changed]
    heard += [(None, refund) for refund in news.found]
    return [
        *(update_refund(after, read_version=read.version) for read, after in news.changed),
        *(insert_refund(refund) for refund in news.found),
        *(
            write
            for before, after in heard
            if not is_of_before(payment, after)
            for write in posting_writes(before, after, payment.customer_id, now)
        ),
    ]
