"""A payment and its refunds, brought up to date with the PSP's word together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from gateway.domain.payment import Payment
from gateway.payments.refreshing import PaymentMismatchError, PaymentRefresher
from gateway.refunds.syncing import RefundSync
from gateway.storage.database import Database
from gateway.storage.writes import Write


class PaymentTruth:
    """Asks the PSP about a payment and, if money of it went back, about its refunds."""

    def __init__(
        self, database: Database, refresher: PaymentRefresher, refunds: RefundSync
    ) -> None:
        self._database = database
        self._refresher = refresher
        self._refunds = refunds

    async def take_over(
        self, payment: Payment, *, psp_reference: str = "", writes: Sequence[Write] = ()
    ) -> Payment:
        """Return the payment as the PSP has it now; `writes` are stored once all was asked.

        Raises as `PaymentRefresher.refresh`.
        """

        def once_refreshed(after: Payment) -> Sequence[Write]:
            return () if _may_have_refunds(payment, after) else writes

        try:
            refreshed = await self._refresher.refresh(
                payment, psp_reference=psp_reference, writes=once_refreshed
            )
        except PaymentMismatchError:
            await self._database.commit(writes)  # the alarm is in the journal: it is dealt with
            raise
        if not _may_have_refunds(payment, refreshed):
            return refreshed
        return await self._refunds.sync(refreshed, writes)

    async def alarm(self, payment: Payment, details: Mapping[str, str]) -> Payment:
        """See `PaymentRefresher.alarm`."""
        return await self._refresher.alarm(payment, details)


def _may_have_refunds(before: Payment, after: Payment) -> bool:
    """Whether money of the payment went back, or a refund of it may be on its way.

    Not told by the refunded sum alone: it has fallen to nothing when a refund failed, also if the
    PSP's list of refunds could not be read the first time. Only captured money is refunded.
    """
    return bool(before.captured_minor or after.refunded_minor)
