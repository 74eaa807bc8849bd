"""CreateRefund: check, write down, send, settle."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from gateway.clock import Clock
from gateway.domain.payment import Payment
from gateway.domain.permissions import operation_in_progress
from gateway.domain.refund import Refund, RefundCause
from gateway.domain.refund_rules import RefundBeginning, amount_to_refund, begin_refund
from gateway.domain.requests import RequestKey, StoredRequest
from gateway.errors import PaygateError, Reason
from gateway.payments.books import PaymentBooks
from gateway.payments.refreshing import PaymentChangingError
from gateway.payments.sending import ProviderDirectory
from gateway.payments.time_left import require_time
from gateway.refunds.adoption import PaymentAdoption
from gateway.refunds.commands import CreateRefundCommand, RefundReason
from gateway.refunds.replay import RefundReplays
from gateway.refunds.sending import RefundSender
from gateway.refunds.syncing import RefundSync
from gateway.shield import Shield
from gateway.storage.operations import insert_operation
from gateway.storage.refund_movements import MOVEMENT_GUARD, begin_movement
from gateway.storage.refunds import insert_refund, refunds_of_payment
from gateway.storage.requests import insert_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from psp.money import Money

_MOST_ROUNDS: Final = 3
"""How often a refund is begun anew because the payment changed since it was read."""
_TAKEN: Final = frozenset({Reason.PAYMENT_STATE, Reason.AMOUNT_EXCEEDS_REMAINING})
"""What a refund hears that finds too little money left."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One refund, asked for by a caller or by the gateway itself."""

    amount: Money | None
    cause: RefundCause
    reason: RefundReason
    request: tuple[RequestKey, str] | None = None
    """Key and fingerprint; None for the gateway's own decision."""
    movement_id: str = ""
    """Of the line of a refund file that wants it; empty otherwise."""


_Begun = tuple[RefundBeginning, list[Refund]]
"""What to write, and the further refunds of the payment."""


class MovementTakenError(Exception):
    """The movement has its refund already, or is refused: nothing was written."""


class RefundCreation:
    """Refunds payments, where they were created."""

    def __init__(  # noqa: PLR0913 - what a refund takes, each once and by name
        self,
        *,
        books: PaymentBooks,
        sender: RefundSender,
        replays: RefundReplays,
        sync: RefundSync,
        adoption: PaymentAdoption,
        providers: ProviderDirectory,
        shield: Shield,
        clock: Clock,
        lease: timedelta,
        min_deadline_s: float,
    ) -> None:
        self._books = books
        self._sender = sender
        self._replays = replays
        self._sync = sync
        self._adoption = adoption
        self._providers = providers
        self._shield = shield
        self._clock = clock
        self._lease = lease
        self._min_deadline_s = min_deadline_s

    async def create(self, command: CreateRefundCommand, remaining_s: float | None) -> Refund:
        """Refund for a caller; raises `PaygateError` and the errors of `psp.errors`."""
        deadline = None if remaining_s is None else self._clock() + timedelta(seconds=remaining_s)
        answered = await self._replays.find(command.key, command.fingerprint)
        if answered is not None:
            return answered
        payment = await self._adoption.find(command.payment)
        wanted = _Wanted(
            command.amount,
            RefundCause.REQUESTED,
            command.reason,
            (command.key, command.fingerprint),
        )
        try:
            return await self._refund(wanted, payment, deadline)
        except PaygateError as refusal:
            # What took the money a moment before may have been this very request.
            answered = (
                await self._replays.find(command.key, command.fingerprint)
                if refusal.reason in _TAKEN
                else None
            )
            if answered is None:
                raise
            return answered

    async def refund_by_itself(self, payment_id: str, reason: RefundReason) -> Refund:
        """Refund all that is left, as the gateway's own decision."""
        payment = await self._books.get(payment_id)
        return await self._refund(_Wanted(None, RefundCause.ORDER, reason), payment, None)

    async def refund_for_movement(
        self, movement_id: str, payment: Payment, amount: Money, reason: RefundReason
    ) -> Refund:
        """Refund what a line of a refund file says, tied to it in the commit that writes it down.

        Raises `MovementTakenError` if the movement is not waiting any more, and as `create`.
        """
        wanted = _Wanted(amount, RefundCause.FILE, reason, movement_id=movement_id)
        return await self._refund(wanted, payment, None)

    async def _refund(self, wanted: _Wanted, payment: Payment, deadline: datetime | None) -> Refund:
        # Whatever can be refused is refused before the deadline is looked at.
        self._providers.provider_of(payment)
        begun = await self._begin(wanted, payment)
        if not self._providers.provider_of(payment).idempotency_lifetime_s:
            payment = await self._with_foreign_refunds(payment)
            begun = await self._begin(wanted, payment)
        # The PSP may have been asked by now: what counts is the time that is left after that.
        left = None if deadline is None else deadline - self._clock()
        require_time(None if left is None else left.total_seconds(), self._min_deadline_s)
        return await self._shield.run(self._write_and_send(wanted, payment, begun))

    async def _begin(self, wanted: _Wanted, payment: Payment) -> _Begun:
        """Work out what to write of a payment; `_write` fails if that changed since."""
        others = await refunds_of_payment(self._books.database, payment.id)
        amount = amount_to_refund(payment, others, wanted.amount)
        beginning = begin_refund(
            payment,
            amount,
            wanted.cause,
            wanted.reason,
            wanted.request and wanted.request[0],
            self._clock(),
            self._lease,
        )
        return beginning, others

    async def _write_and_send(self, wanted: _Wanted, payment: Payment, begun: _Begun) -> Refund:
        for _ in range(_MOST_ROUNDS):
            beginning, others = begun
            try:
                await self._write(wanted, payment, beginning)
            except GuardFailedError as failed:
                if failed.guard == MOVEMENT_GUARD:
                    raise MovementTakenError(wanted.movement_id) from failed
                # The payment changed: what is left of it may be less.
                payment = await self._books.get(payment.id)
                begun = await self._begin(wanted, payment)
                continue
            except AlreadyExistsError as exists:
                return await self._lost_the_race(wanted, payment, exists)
            current, operation = beginning.change.payment, beginning.operation
            outcome = await self._sender.attempt(current, operation, others)
            settled = await self._sender.settle(
                current, beginning.refund, others, operation, outcome
            )
            settled.raise_refusal()
            return settled.refund
        raise operation_in_progress(payment.id)

    async def _with_foreign_refunds(self, payment: Payment) -> Payment:
        """Take in what was refunded elsewhere, where the PSP tells a repeated refund only by that.

        A refund of the same sum that somebody made in its back office would be taken for this one.
        """
        try:
            return await self._sync.sync(payment)
        except PaymentChangingError as changing:
            raise operation_in_progress(payment.id) from changing

    async def _write(self, wanted: _Wanted, payment: Payment, beginning: RefundBeginning) -> None:
        now = beginning.refund.create_time
        writes: list[Write] = [
            insert_operation(beginning.operation),
            insert_refund(beginning.refund),
        ]
        if wanted.request is not None:
            key, fingerprint = wanted.request
            request = StoredRequest(
                key=key,
                fingerprint=fingerprint,
                resource_id=beginning.refund.id,
                create_time=now,
            )
            writes.insert(0, insert_request(request))
        if wanted.movement_id:
            writes.append(begin_movement(wanted.movement_id, beginning.refund.id))
        await self._books.save(payment, beginning.change, now, writes)

    async def _lost_the_race(
        self, wanted: _Wanted, payment: Payment, exists: AlreadyExistsError
    ) -> Refund:
        """Answer as the same request was, if it was first; else another change is in flight."""
        if exists.table == "requests" and wanted.request is not None:
            answered = await self._replays.find(*wanted.request)
            if answered is not None:
                return answered
        raise operation_in_progress(payment.id) from exists
