"""Applying webhooks: an event says whom to ask about, the PSP says what is true."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

import structlog

from gateway.aliases.news import AliasNews, VerificationBusyError
from gateway.canonical import note
from gateway.clock import Clock
from gateway.domain.claims import contradiction
from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.domain.operation import OperationState
from gateway.domain.pauses import Pauses
from gateway.domain.payment import Payment
from gateway.errors import PaygateError
from gateway.payments.refreshing import (
    PaymentChangingError,
    PaymentMismatchError,
    PaymentUnclearError,
)
from gateway.payments.resolver import Resolver
from gateway.refunds.truth import PaymentTruth
from gateway.storage.database import Database
from gateway.storage.inbox import finish_event, postpone_event
from gateway.storage.operations import get_open_operation
from gateway.storage.payments import find_payment_and_change, get_payment
from gateway.storage.writes import StorageUnavailableError
from psp.errors import PspError
from psp.port import PspEvent, PspEventSubject

_log = structlog.get_logger(__name__)
PAUSES: Final = Pauses(first=timedelta(milliseconds=250), longest=timedelta(hours=1))
PATIENCE: Final = timedelta(days=3)
"""How long a webhook about a payment that is not here is tried: as long as Stripe repeats one."""


class PaymentBusyError(Exception):
    """The payment's own change is still under way: its answer comes first."""


_PASSING: Final = (
    PspError,
    PaygateError,
    PaymentBusyError,
    PaymentChangingError,
    VerificationBusyError,
)
"""What may be otherwise a little later."""


class EventApplier:
    """Applies what came in. Applying an event twice, or late, changes nothing.

    Events of one payment that come together are one question to the PSP, whatever their number.
    """

    def __init__(
        self,
        database: Database,
        truth: PaymentTruth,
        resolver: Resolver,
        news: AliasNews,
        clock: Clock,
    ) -> None:
        self._database = database
        self._truth = truth
        self._resolver = resolver
        self._news = news
        self._clock = clock

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
        note(outcome=outcome.value, **_facts(events))
        _log.info("event_applied", outcome=outcome, **_facts(events))
        return outcome

    async def _apply(self, events: Sequence[InboxEvent]) -> InboxOutcome:
        newest = events[-1]
        if newest.event.subject is PspEventSubject.OTHER:
            return await self._finish(events, InboxOutcome.IGNORED)
        payment, is_changing = await self._payment_of(newest)
        if payment is None and await self._news.of_verification(events):
            return await self._finish(events, InboxOutcome.APPLIED)
        if payment is None:
            return await self._wait_or_give_up(events, "no payment here has this reference")
        if is_changing:
            payment = await self._settle_open_operation(payment)
        believed: list[PspEvent] = []
        for each in events:
            wrong = contradiction(payment, each.event)
            if not wrong:
                believed.append(each.event)
            else:
                _log.error("event_contradicts", payment_id=payment.id, **wrong)
                payment = await self._truth.alarm(payment, wrong)
        finished = [
            finish_event(each.psp_account, each.event.event_id, InboxOutcome.APPLIED)
            for each in events
        ]
        writes = [*finished, *await self._news.of_payment(payment, believed)]
        try:
            await self._truth.take_over(
                payment, psp_reference=newest.event.psp_reference, writes=writes
            )
        except PaymentMismatchError as mismatch:
            # Dealt with: nothing is taken over, and the journal holds the alarm.
            _log.error("psp_mismatch", payment_id=payment.id, detail=str(mismatch))
        except PaymentUnclearError as unclear:
            # A status of tomorrow may be followed by one of today, without another webhook.
            return await self._wait_or_give_up(events, str(unclear))
        return InboxOutcome.APPLIED

    async def _payment_of(self, received: InboxEvent) -> tuple[Payment | None, bool]:
        """Find the payment by the PSP's reference, or by ours if it is not known yet.

        And whether an operation of it may be under way.
        """
        event = received.event
        payment, is_changing = await find_payment_and_change(
            self._database, received.psp_account, event.psp_reference
        )
        if payment is not None or not event.payment_id:
            return payment, is_changing
        named = await get_payment(self._database, event.payment_id)
        # What an event carries is only believed as far as the payment agrees with it.
        if named is None or named.psp_account != received.psp_account or named.psp_reference:
            return None, False
        return named, True

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
        note(outcome="put_off", **_facts(events))
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
