"""Applying webhooks: an event says whom to ask about, the PSP says what is true."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.domain.operation import OperationState
from gateway.domain.payment import Payment
from gateway.errors import PaygateError
from gateway.lanes import Lanes
from gateway.payments.refreshing import (
    PaymentChangingError,
    PaymentMismatchError,
    PaymentRefresher,
)
from gateway.payments.resolver import Resolver
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.inbox import finish_event, list_due_events, postpone_event
from gateway.storage.operations import get_open_operation
from gateway.storage.payments import find_payment_by_reference, get_payment
from psp.errors import PspError
from psp.port import PspEventSubject

_log = structlog.get_logger(__name__)
_BATCH: Final = 100
_AT_ONCE: Final = 16
FIRST_PAUSE: Final = timedelta(milliseconds=250)
_LONGEST_PAUSE: Final = timedelta(hours=1)
_MOST_DOUBLINGS: Final = 20
PATIENCE: Final = timedelta(days=3)
"""How long a webhook about a payment that is not here is tried: as long as Stripe repeats one."""


class PaymentBusyError(Exception):
    """The payment's own change is still under way: its answer comes first."""


class EventApplier:
    """Applies what is due in the inbox. Applying an event twice, or late, changes nothing."""

    def __init__(
        self,
        database: Database,
        refresher: PaymentRefresher,
        resolver: Resolver,
        clock: Clock,
        arrivals: Wake,
    ) -> None:
        self._database = database
        self._refresher = refresher
        self._resolver = resolver
        self._clock = clock
        self.lanes = Lanes("inbox", _AT_ONCE, arrivals)

    async def run_once(self) -> int:
        """Begin what is due, one event of a payment at a time; the number that was begun."""
        begun = 0
        for due in await list_due_events(self._database, self._clock(), _BATCH):
            lane = due.event.psp_reference or due.event.event_id
            begun += await self.lanes.start(lane, partial(self.apply, due))
        return begun

    async def apply(self, received: InboxEvent) -> InboxOutcome:
        """Apply one event; WAITING means that it was put off."""
        try:
            outcome = await self._apply(received)
        except (PspError, PaygateError, PaymentBusyError, PaymentChangingError) as error:
            return await self._put_off(received, str(error))
        _log.info(
            "event_applied",
            account=received.psp_account,
            event_id=received.event.event_id,
            event_type=received.event.event_type,
            psp_reference=received.event.psp_reference,
            outcome=outcome,
        )
        return outcome

    async def _apply(self, received: InboxEvent) -> InboxOutcome:
        if received.event.subject is PspEventSubject.OTHER:
            return await self._finish(received, InboxOutcome.IGNORED)
        payment = await self._payment_of(received)
        if payment is None:
            return await self._unmatched(received)
        await self._settle_open_operation(payment)
        finished = finish_event(received.psp_account, received.event.event_id, InboxOutcome.APPLIED)
        try:
            await self._refresher.refresh(
                payment, psp_reference=received.event.psp_reference, writes=[finished]
            )
        except PaymentMismatchError as mismatch:
            # Dealt with: nothing is taken over, and the journal holds the alarm.
            _log.error("psp_mismatch", payment_id=payment.id, detail=str(mismatch))
        return InboxOutcome.APPLIED

    async def _payment_of(self, received: InboxEvent) -> Payment | None:
        """Find the payment by the PSP's reference, or by ours if it is not known yet."""
        event = received.event
        payment = await find_payment_by_reference(
            self._database, received.psp_account, event.psp_reference
        )
        if payment is not None or not event.payment_id:
            return payment
        named = await get_payment(self._database, event.payment_id)
        # What an event carries is only believed as far as the payment agrees with it.
        if named is None or named.psp_account != received.psp_account or named.psp_reference:
            return None
        return named

    async def _settle_open_operation(self, payment: Payment) -> None:
        """Let an operation that is under way end first: its own answer says more than the event."""
        operation = await get_open_operation(self._database, payment.id)
        if operation is None:
            return
        leased = operation.next_check_time is not None and (
            operation.next_check_time > self._clock()
        )
        if operation.state is OperationState.PENDING and leased:
            raise PaymentBusyError(f"{payment.id}: a {operation.kind} is under way")
        await self._resolver.resolve(operation)
        if await get_open_operation(self._database, payment.id) is not None:
            raise PaymentBusyError(f"{payment.id}: the outcome of a {operation.kind} is not known")

    async def _unmatched(self, received: InboxEvent) -> InboxOutcome:
        age = self._clock() - received.receive_time
        if age < PATIENCE:
            return await self._put_off(received, "no payment here has this reference yet")
        _log.error(
            "event_unmatched",
            account=received.psp_account,
            event_id=received.event.event_id,
            event_type=received.event.event_type,
            psp_reference=received.event.psp_reference,
        )
        return await self._finish(received, InboxOutcome.UNMATCHED)

    async def _finish(self, received: InboxEvent, outcome: InboxOutcome) -> InboxOutcome:
        event_id = received.event.event_id
        await self._database.commit([finish_event(received.psp_account, event_id, outcome)])
        return outcome

    async def _put_off(self, received: InboxEvent, why: str) -> InboxOutcome:
        doublings = min(received.attempts, _MOST_DOUBLINGS)
        pause = min(FIRST_PAUSE * (1 << doublings), _LONGEST_PAUSE)
        await self._database.commit([postpone_event(received, self._clock() + pause)])
        _log.info(
            "event_put_off",
            account=received.psp_account,
            event_id=received.event.event_id,
            event_type=received.event.event_type,
            pause_s=pause.total_seconds(),
            why=why,
        )
        return InboxOutcome.WAITING
