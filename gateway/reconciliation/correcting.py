"""Asking the PSP about a payment where its books and ours differ: its word may end the matter."""

from __future__ import annotations

from typing import Protocol

import structlog

from gateway.domain.payment import Payment
from gateway.payments.refreshing import UNCONFIRMED
from gateway.storage.database import Database
from gateway.storage.payments import get_payment

_log = structlog.get_logger(__name__)


class PaymentAsker(Protocol):
    """Asks the PSP about a payment and its refunds; see `gateway.refunds.truth.PaymentTruth`."""

    async def take_over(self, payment: Payment) -> Payment:
        """Return the payment as the PSP has it now."""


class Corrections:
    """Brings single payments up to date. Nothing here decides: the PSP's word is taken over."""

    def __init__(self, database: Database, payments: PaymentAsker) -> None:
        self._database = database
        self._payments = payments

    async def ask(self, payment_id: str) -> None:
        """Take over what the PSP says of a payment and its refunds, if it says anything now."""
        payment = await get_payment(self._database, payment_id)
        if payment is None:
            return
        try:
            await self._payments.take_over(payment)
        except UNCONFIRMED as error:
            # The discrepancy stays open then, and the next run asks again.
            _log.warning("not_corrected", payment_id=payment_id, error=str(error))
