"""The one place that stores payments: a change, its journal lines and their deliveries at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from gateway.canonical import note_payment
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
from gateway.traces import current_trace

VERSION_GUARD: Final = "payment_version"
"""Name of the guard that fails if the payment changed since it was read."""

_TELLING: Final = frozenset(
    {
        EventType.STATE_CHANGED,
        EventType.STATUS_CORRECTED,
        EventType.REVIEW_CHANGED,
        EventType.AMOUNTS_CHANGED,
        EventType.REFUND_CHANGED,
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
    return decides(entry.type, entry.state)


def decides(event_type: EventType, state: PaymentState) -> bool:
    """Whether a line of this type, with the payment in this state, can decide about an order."""
    return event_type in _TELLING and state in _DECIDING


def is_published(entry: JournalEntry) -> bool:  # noqa: ARG001 - as `is_delivered` has it
    """Whether others are told of a line, who decide for themselves: of every one."""
    return True


class PaymentBooks:
    """Reads and stores payments. Every change of one passes through `save` or `open`."""

    def __init__(
        self,
        database: Database,
        signals: PaymentSignals,
        deliveries: Wake,
        delivers: Callable[[JournalEntry], bool] = is_delivered,
    ) -> None:
        self.database = database
        self._signals = signals
        self._deliveries = deliveries
        self._delivers = delivers

    async def get(self, payment_id: str) -> Payment:
        """Return a payment; raises `PaygateError` PAYMENT_NOT_FOUND."""
        payment = await get_payment(self.database, payment_id)
        if payment is None:
            raise not_found(payment_id)
        note_payment(payment)
        return payment

    async def open(
        self,
        change: Change,
        now: datetime,
        writes: Sequence[Write],
        parts: Sequence[Write] = (),
    ) -> None:
        """Store a new payment with its first journal lines, and `writes`, in one commit.

        `parts` refer to the payment: they come after it.
        """
        await self._commit([*writes, insert_payment(change.payment), *parts], change, now)

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
        note_payment(change.payment)
        delivered = [entry for entry in change.entries if self._delivers(entry)]
        if change.payment.is_adopted:
            delivered = []  # its order was decided long before
        trace = current_trace() if delivered else ""
        writes += [insert_entry(entry) for entry in change.entries]
        writes += [insert_delivery(entry, now, trace) for entry in delivered]
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
