"""Finding out what became of operations that were left pending or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final

import structlog

from gateway.clock import Clock
from gateway.domain.operation import Operation, OperationKind
from gateway.domain.operation_rules import Step, next_step, search_window, settled_by
from gateway.domain.outcome import Answered, NotDone, Outcome, Unknown
from gateway.domain.payment import Payment
from gateway.lanes import Lanes
from gateway.payments.books import PaymentBooks
from gateway.payments.sending import OperationSender, Settled
from gateway.signals import Wake
from gateway.storage.operations import list_due_operations, postpone_operation
from gateway.storage.writes import GuardFailedError
from psp.errors import NotFoundError, NotSentError, PspError
from psp.port import PaymentServiceProvider, PspPayment

_log = structlog.get_logger(__name__)
_BATCH: Final = 50
_AT_ONCE: Final = 8
"""Operations asked about at the same time at one account: live payments come first there."""


class Resolver:
    """Settles operations from the PSP's own word: nothing is guessed, unknown stays unknown."""

    def __init__(
        self,
        books: PaymentBooks,
        sender: OperationSender,
        providers: Mapping[str, PaymentServiceProvider],
        clock: Clock,
        lease: timedelta,
        unknowns: Wake,
    ) -> None:
        self._books = books
        self._sender = sender
        self._providers = providers
        self._clock = clock
        self._lease = lease
        self.lanes = Lanes("resolver", _AT_ONCE, unknowns)

    async def run_once(self) -> int:
        """Begin to ask about what is due; the number of operations that were begun."""
        begun = 0
        for account in self._providers:
            if self.lanes.has_room(account):
                begun += await self._begin(account)
        return begun

    async def _begin(self, account: str) -> int:
        due = await list_due_operations(self._books.database, account, self._clock(), _BATCH)
        return sum(self.lanes.start(account, each.id, partial(self.resolve, each)) for each in due)

    async def resolve(self, operation: Operation) -> bool:
        """Find out about one operation; False if somebody else is at it."""
        claimed = await self._claim(operation)
        if claimed is None:
            return False
        payment = await self._books.get(operation.payment_id)
        outcome = await self._find_out(payment, claimed)
        settled: Settled = await self._sender.settle(payment, claimed, outcome)
        _log.info(
            "operation_checked",
            operation=operation.id,
            kind=operation.kind,
            payment_id=payment.id,
            attempts=claimed.attempts,
            state=settled.payment.state,
        )
        return True

    async def _claim(self, operation: Operation) -> Operation | None:
        """Push the row's next check into the future; whoever does that first has it."""
        write = postpone_operation(
            operation,
            state=operation.state,
            error=operation.error,
            next_check_time=self._clock() + self._lease,
        )
        try:
            await self._books.database.commit([write])
        except GuardFailedError:
            return None
        return operation.claimed()

    async def _find_out(self, payment: Payment, operation: Operation) -> Outcome:
        provider = self._providers.get(operation.psp_account)
        if provider is None:
            return Unknown(f"the account {operation.psp_account} is not configured")
        lifetime = timedelta(seconds=provider.idempotency_lifetime_s)
        step = next_step(operation, lifetime, self._clock())
        try:
            if operation.kind is OperationKind.CREATE and not payment.psp_reference:
                return await self._creation(provider, payment, operation, step)
            return await self._change(provider, payment, operation, step)
        except PspError as error:
            # Asking failed; that says nothing about the operation.
            return Unknown(str(error))

    async def _creation(
        self,
        provider: PaymentServiceProvider,
        payment: Payment,
        operation: Operation,
        step: Step,
    ) -> Outcome:
        if step is Step.RESEND:
            outcome = await self._resend(payment, operation)
            if not isinstance(outcome, Unknown):
                return outcome
        found = await provider.find_payment(payment.id, *search_window(operation, self._clock()))
        if found is not None:
            return Answered(found)
        if step is Step.CONCLUDE:
            detail = "the PSP's own list does not hold the payment, long after it was sent"
            return NotDone(NotSentError(operation.psp_account, detail), refused=False)
        return Unknown("the PSP does not show the payment yet")

    async def _change(
        self,
        provider: PaymentServiceProvider,
        payment: Payment,
        operation: Operation,
        step: Step,
    ) -> Outcome:
        word = await _word_of(provider, payment)
        if word is None:
            return Unknown(f"the PSP does not know {payment.psp_reference}: an operator must look")
        if settled_by(operation, word) is not None:
            return Answered(word)
        if step is Step.RESEND:
            return await self._resend(payment, operation)
        if step is Step.CONCLUDE:
            detail = f"the PSP still shows {word.raw_status}, long after it was asked"
            return NotDone(NotSentError(operation.psp_account, detail), refused=False, word=word)
        return Unknown(f"the PSP shows {word.raw_status}", word)

    async def _resend(self, payment: Payment, operation: Operation) -> Outcome:
        """Send again under the same key. Only an answer given under the key settles anything."""
        outcome = await self._sender.attempt(payment, operation)
        if isinstance(outcome, NotDone) and not outcome.refused:
            return Unknown(str(outcome.error))
        return outcome


async def _word_of(provider: PaymentServiceProvider, payment: Payment) -> PspPayment | None:
    try:
        return await provider.retrieve_payment(payment.psp_reference)
    except NotFoundError:
        return None
