"""Asking the PSPs about the payments of an order: nothing is decided from our picture alone."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from gateway.clock import Clock
from gateway.domain.journal import EventType
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.transitions import apply_psp_payment
from gateway.payments.refreshing import (
    UNCONFIRMED,
    PaymentMismatchError,
    PaymentRefresher,
    PaymentUnclearError,
)
from gateway.storage.database import Database
from gateway.storage.journal import newest_entries
from gateway.storage.operations import get_open_operation
from gateway.storage.payments import payments_of_order
from gateway.sweeping.decision import PaymentLook, Situation
from legacy_bridge.errors import BackOfficeError
from legacy_bridge.port import DraftOrder
from psp.errors import NotFoundError, PspError, RejectedError
from psp.port import PspStatus

CANCEL_PAUSE: Final = timedelta(hours=6)
"""For how long a cancellation that came to nothing is not tried again: each one is an operation and
lines in the journal, and what a PSP refuses it mostly refuses again."""

_CANCELABLE: Final = frozenset({PaymentState.AWAITING_CUSTOMER, PaymentState.PROCESSING})

Ask = Callable[[Payment], Awaitable[Payment]]
"""Returns a payment as its PSP has it now, e.g. `PaymentTruth.take_over`. Raises `UNCONFIRMED`."""


class Looker:
    """Sees an order as it is at this moment, at every PSP that has a payment of it."""

    def __init__(self, database: Database, clock: Clock, ask: Ask) -> None:
        self._database = database
        self._clock = clock
        self._ask = ask

    async def look(self, order: DraftOrder) -> Situation:
        """Ask about every payment of the order."""
        payments = await payments_of_order(self._database, order.order_id)
        looks = [await self._look_at(payment) for payment in payments]
        return Situation(order, looks, self._clock() - order.create_time)

    async def _look_at(self, payment: Payment) -> PaymentLook:
        operation = await get_open_operation(self._database, payment.id)
        if operation is not None:
            # Its own answer says more than a question now; the resolver sees to that.
            since = operation.create_time or payment.update_time
            return PaymentLook(payment, busy_for=self._clock() - since)
        if not payment.psp_reference:
            return PaymentLook(payment)  # it never came to be at the PSP
        try:
            heard = await self._ask(payment)
        except NotFoundError as error:
            # A reference that is our own id names nothing until the shopper opened the page. One
            # that the PSP gave names what it once had: then account or key are the wrong ones.
            unseen = payment.psp_reference == payment.id
            return PaymentLook(payment, obstacle="" if unseen else str(error), unseen=unseen)
        except UNCONFIRMED as error:
            return PaymentLook(payment, obstacle=str(error), unheard=is_unheard(error))
        return PaymentLook(heard, cancel_refused=await self._cancel_refused(heard))

    async def _cancel_refused(self, payment: Payment) -> bool:
        """Whether a cancellation was asked for lately, and the payment is open all the same."""
        if payment.state not in _CANCELABLE:
            return False
        asked = await newest_entries(self._database, payment.id, EventType.CANCEL_REQUESTED, 1)
        return any(self._clock() - entry.create_time < CANCEL_PAUSE for entry in asked)


def is_unheard(error: Exception) -> bool:
    """Whether an error is that of somebody who does not answer, and so concerns every payment."""
    if isinstance(error, RejectedError | NotFoundError):
        return False
    return isinstance(error, PspError | BackOfficeError)


def peeking(refresher: PaymentRefresher, clock: Clock) -> Ask:
    """Hear what the PSP says, and store nothing."""

    async def ask(payment: Payment) -> Payment:
        word = await refresher.word_of(payment, payment.psp_reference)
        change = apply_psp_payment(payment, word, clock())
        if any(entry.type is EventType.PSP_MISMATCH for entry in change.entries):
            raise PaymentMismatchError(f"{payment.id} is not what {payment.psp_reference} shows")
        if word.status is PspStatus.UNKNOWN:
            raise PaymentUnclearError(f"{payment.id} is {word.raw_status} at the PSP")
        return change.payment

    return ask
