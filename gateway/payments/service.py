"""Payments as the API sees them: every use case behind one door."""

from __future__ import annotations

from collections.abc import AsyncIterator

from gateway.domain.payment import Payment, PaymentFilter
from gateway.payments.changes import PaymentChanges
from gateway.payments.commands import (
    CancelPaymentCommand,
    CapturePaymentCommand,
    CreatedPayment,
    CreatePaymentCommand,
    EventPage,
    PaymentPage,
    WatchStep,
)
from gateway.payments.creation import PaymentCreation
from gateway.payments.reading import PaymentReading


class Payments:
    """Creates, changes and reads payments. `remaining_s` is what the caller still waits for."""

    def __init__(
        self, creation: PaymentCreation, changes: PaymentChanges, reading: PaymentReading
    ) -> None:
        self._creation = creation
        self._changes = changes
        self._reading = reading

    async def create(
        self, command: CreatePaymentCommand, remaining_s: float | None
    ) -> CreatedPayment:
        """See `PaymentCreation.create`."""
        return await self._creation.create(command, remaining_s)

    async def capture(self, command: CapturePaymentCommand, remaining_s: float | None) -> Payment:
        """See `PaymentChanges.capture`."""
        return await self._changes.capture(command, remaining_s)

    async def cancel(self, command: CancelPaymentCommand, remaining_s: float | None) -> Payment:
        """See `PaymentChanges.cancel`."""
        return await self._changes.cancel(command, remaining_s)

    async def get(self, payment_id: str) -> Payment:
        """See `PaymentReading.get`."""
        return await self._reading.get(payment_id)

    async def list(self, wanted: PaymentFilter, before_id: str, page_size: int) -> PaymentPage:
        """See `PaymentReading.list`."""
        return await self._reading.list(wanted, before_id, page_size)

    async def events(self, payment_id: str, after_sequence: int, page_size: int) -> EventPage:
        """See `PaymentReading.events`."""
        return await self._reading.events(payment_id, after_sequence, page_size)

    def watch(self, payment_id: str, after_sequence: int) -> AsyncIterator[WatchStep]:
        """See `PaymentReading.watch`."""
        return self._reading.watch(payment_id, after_sequence)
