"""Applying webhooks: an event says whom to ask about, the PSP says what is true."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.claims import contradiction
from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.domain.operation import OperationState
from gateway.domain.pauses import Pauses
from gateway.domain.payment import Payment
from gateway.errors import PaygateError
from gateway.lanes import Lanes
from gateway.payments.refreshing import (
    PaymentChangingError,
    PaymentMismatchError,
    PaymentRefresher,
    PaymentUnclearError,
)
from gateway.payments.resolver import Resolver
from gateway.signals import Wake
from gateway.storage.database import Database
from gateway.storage.inbox import finish_event, list_due_events, postpone_event
from gateway.storage.operations import get_open_operation
from gateway.storage.payments import find_payment_by_reference, get_payment
from gateway.storage.writes import StorageUnavailableError
from psp.errors import PspError
from psp.port import PspEventSubject

_log = structlog.get_logger(__name__)
_BATCH: Final = 200
_AT_ONCE: Final = 16
"""Payments of one account that are looked at at the same time."""
PAUSES: Final = Pauses(first=timedelta(milliseconds=250), longest=timedelta(hours=1))
PATIENCE: Final = timedelta(days=3)
"""How long a webhook about a payment that is not here is tried: as long as Stripe repeats one."""


class PaymentBusyError(Exception):
    """The payment's own change is still under way: its answer comes first."""


_PASSING: Final = (PspError, PaygateError, PaymentBusyError, PaymentChangingError)
"""What may be otherwise a little later."""


class EventApplier:
    """Applies what is due in the inbox. Applying an event twice, or late, changes nothing.

    Events of one payment that are due together are one question to the PSP, whatever their number.
    """

    def __init__(
        self,
        database: Database,
        accounts: Iterable[str],
        refresher: PaymentRefresher,
        resolver: Resolver,
        clock: Clock,
        arrivals: Wake,
    ) -> None:
        self._database = database
        self._accounts = accounts
        self._refresher = refresher
        self._resolver = resolver
        self._clock = clock
        self.lanes = Lanes("inbox", _AT_ONCE, arrivals)

    async def run_once(self) -> int:
        """Begin what is due, one payment's events at a time; the number that was begun."""
        begun = 0
        for account in self._accounts:
            if self.lanes.has_room(account):
                begun += await self._begin(account)
        return begun

    async def apply(self, events: Sequence[InboxEvent]) -> InboxOutcome:
        """Apply events of one payment; WAITING means that they were put off."""
        try:
            outcome = await self._apply(events)
        except _PASSING as error:
            return await self._put_off(events, str(error))
        except StorageUnavailableError:
            raise  # nothing can be put off either: the events stay due
        except Exception as error:  # noqa: BLE001 - a fault of ours must neither lose an event nor stop the others
            _log.exception("event_not_applied", **_facts(events))
            return await self._put_off(events, f"fault: {type(error).__name__}")
        _log.info("event_applied", outcome=outcome, **_facts(events))
        return outcome

    async def _begin(self, account: str) -> int:
        by_payment: dict[str, list[InboxEvent]] = {}
        for due in await list_due_events(self._database, account, self._clock(), _BATCH):
            by_payment.setdefault(due.event.psp_reference or due.event.event_id, []).append(due)
        return sum(
            self.lanes.start(account, f"{account}:{payment}", partial(self.apply, events))
            for payment, events in by_payment.items()
        )

    async def _apply(self, events: Sequence[InboxEvent]) -> InboxOutcome:
        newest = events[-1]
        if newest.event.subject is PspEventSubject.OTHER:
            return await self._finish(events, InboxOutcome.IGNORED)
        payment = await self._payment_of(newest)
        if payment is None:
            return await self._wait_or_give_up(events, "no payment here has this reference")
        payment = await self._settle_open_operation(payment)
        for each in events:
            wrong = contradiction(payment, each.event)
            if wrong:
                _log.error("event_contradicts", payment_id=payment.id, **wrong)
                payment = await self._refresher.alarm(payment, wrong)
        finished = [
            finish_event(each.psp_account, each.event.event_id, InboxOutcome.APPLIED)
            for each in events
        ]
        try:
            await self._refresher.refresh(
                payment, psp_reference=newest.event.psp_reference, writes=finished
            )
        except PaymentMismatchError as mismatch:
            # Dealt with: nothing is taken over, and the journal holds the alarm.
            _log.error("psp_mismatch", payment_id=payment.id, detail=str(mismatch))
        except PaymentUnclearError as unclear:
            # A status of tomorrow may be followed by one of today, without another webhook.
            return await self._wait_or_give_up(events, str(unclear))
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

    async def _settle_open_operation(self, payment: Payment) -> Payment:
        """Let an operation that is under way end first: its own answer says more than the event."""
        operation = await get_open_operation(self._database, payment.id)
        if operation is None:
            return payment
        leased = operation.next_check_time is not None and (
            operation.next_check_time > self._clock()
        )
        if operation.state is OperationState.PENDING and leased:
            raise PaymentBusyError(f"{payment.id}: a {operation.kind} is under way")
        await self._resolver.resolve(operation)
        if await get_open_operation(self._database, payment.id) is not None:
            raise PaymentBusyError(f"{payment.id}: the outcome of a {operation.kind} is not known")
        return await get_payment(self._database, payment.id) or payment

    async def _wait_or_give_up(self, events: Sequence[InboxEvent], why: str) -> InboxOutcome:
        """Put off what may resolve itself; after `PATIENCE` an operator has to look."""
        if self._clock() - events[0].receive_time < PATIENCE:
            return await self._put_off(events, why)
        _log.error("event_unmatched", why=why, **_facts(events))
        return await self._finish(events, InboxOutcome.UNMATCHED)

    async def _finish(self, events: Sequence[InboxEvent], outcome: InboxOutcome) -> InboxOutcome:
        await self._database.commit(
            [finish_event(each.psp_account, each.event.event_id, outcome) for each in events]
        )
        return outcome

    async def _put_off(self, events: Sequence[InboxEvent], why: str) -> InboxOutcome:
        now = self._clock()
        await self._database.commit(
            [postpone_event(each, now + PAUSES.after(each.attempts)) for each in events]
        )
        _log.info("event_put_off", why=why, attempts=events[0].attempts, **_facts(events))
        return InboxOutcome.WAITING


def _facts(events: Sequence[InboxEvent]) -> dict[str, str]:
    """Return what a log line says of events."""
    return {
        "account": events[0].psp_account,
        "psp_reference": events[0].event.psp_reference,
        "event_ids": ",".join(each.event.event_id for each in events),
        "event_types": ",".join(each.event.event_type for each in events),
    }
