"""The one place that stores payments: a change, its journal lines and their deliveries at once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from gateway.domain.journal import EventType, JournalEntry
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.transitions import Change
from gateway.errors import PaygateError, Reason
from gateway.signals import PaymentSignals, Wake
from gateway.storage.database import Database
from gateway.storage.journal import insert_entry
from gateway.storage.outbox import insert_delivery
from gateway.storage.payments import get_payment, insert_payment, update_payment
from gateway.storage.writes import Write

VERSION_GUARD: Final = "payment_version"
"""Name of the guard that fails if the payment changed since it was read."""

_TELLING: Final = frozenset(
    {
        EventType.STATE_CHANGED,
        EventType.STATUS_CORRECTED,
        EventType.REVIEW_CHANGED,
        EventType.AMOUNTS_CHANGED,
        EventType.PSP_MISMATCH,
    }
)
_DECIDING: Final = frozenset(
    {
        PaymentState.AUTHORIZED,
        PaymentState.CAPTURED,
        PaymentState.CANCELED,
        PaymentState.FAILED,
    }
)


def is_delivered(entry: JournalEntry) -> bool:
    """Whether a line can decide something about its order, so that orders are told of it."""
    return entry.type in _TELLING and entry.state in _DECIDING


class PaymentBooks:
    """Reads and stores payments. Every change of one passes through `save` or `open`."""

    def __init__(self, database: Database, signals: PaymentSignals, deliveries: Wake) -> None:
        self.database = database
        self._signals = signals
        self._deliveries = deliveries

    async def get(self, payment_id: str) -> Payment:
        """Return a payment; raises `PaygateError` PAYMENT_NOT_FOUND."""
        payment = await get_payment(self.database, payment_id)
        if payment is None:
            raise not_found(payment_id)
        return payment

    async def open(self, change: Change, now: datetime, writes: Sequence[Write]) -> None:
        """Store a new payment with its first journal lines, and `writes`, in one commit."""
        await self._commit([*writes, insert_payment(change.payment)], change, now)

    async def save(
        self, read: Payment, change: Change, now: datetime, writes: Sequence[Write] = ()
    ) -> None:
        """Store a change of the payment that was `read`, and `writes`, in one commit.

        Raises `GuardFailedError` (`VERSION_GUARD`) if it changed since, and stores nothing then.
        """
        updates = (
            [] if change.is_empty else [update_payment(change.payment, read_version=read.version)]
        )
        await self._commit([*updates, *writes], change, now)

    async def _commit(self, writes: list[Write], change: Change, now: datetime) -> None:
        delivered = [entry for entry in change.entries if is_delivered(entry)]
        writes += [insert_entry(entry) for entry in change.entries]
        writes += [insert_delivery(entry, now) for entry in delivered]
        if not writes:
            return
        await self.database.commit(writes)
        if change.entries:
            self._signals.changed(change.payment.id)
        if delivered:
            self._deliveries.set()


def not_found(payment_id: str) -> PaygateError:
    """Return the refusal of an id that no payment has."""
    return PaygateError(
        Reason.PAYMENT_NOT_FOUND,
        f"no payment has the id {payment_id}",
        metadata={"payment_id": payment_id},
    )
