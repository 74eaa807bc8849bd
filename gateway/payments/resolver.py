"""Finding out what became of operations that were left pending or unknown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Final, Protocol

import structlog

from gateway.canonical import note
from gateway.clock import Clock
from gateway.domain.operation import Operation, OperationKind
from gateway.domain.operation_rules import Step, next_step, search_window, settled_by
from gateway.domain.outcome import Answered, NotDone, Outcome, Unknown
from gateway.domain.payment import Payment
from gateway.domain.refund import RefundState
from gateway.lanes import Lanes
from gateway.payments.books import PaymentBooks
from gateway.payments.sending import OperationSender, Settled
from gateway.signals import Wake
from gateway.storage.operations import claim_due_operations, postpone_operation
from gateway.storage.writes import GuardFailedError
from psp.errors import NotFoundError, NotSentError, PspError
from psp.port import PaymentServiceProvider, PspPayment, PspStatus

_log = structlog.get_logger(__name__)
_AT_ONCE: Final = 8
"""Operations asked about at the same time at one account: live payments come first there."""


class RefundSettler(Protocol):
    """Who finds out about refunds."""

    async def resolve(self, claimed: Operation) -> tuple[RefundState, str]:
        """Find out about a refund's operation that the caller has claimed.

        Returns the refund's state, and why the operation is open or did not happen.
        """


class Resolver:
    """Settles operations from the PSP's own word: nothing is guessed, unknown stays unknown."""

    def __init__(
        self,
        books: PaymentBooks,
        sender: OperationSender,
        refunds: RefundSettler,
        providers: Mapping[str, PaymentServiceProvider],
        clock: Clock,
        lease: timedelta,
        unknowns: Wake,
    ) -> None:
        self._books = books
        self._sender = sender
        self._refunds = refunds
        self._providers = providers
        self._clock = clock
        self._lease = lease
        self.lanes = Lanes("resolver", _AT_ONCE, unknowns)

    async def run_once(self) -> int:
        """Begin to ask about what is due; the number of operations that were begun."""
        return await self.lanes.fill(self._providers, self._begin)

    async def _begin(self, account: str) -> int:
        """Claim what there are lanes for, so that nobody else asks about it meanwhile."""
        now, room = self._clock(), self.lanes.room(account)
        claimed = await claim_due_operations(
            self._books.database, account, now, now + self._lease, room, self.lanes.taken()
        )
        return sum(
            self.lanes.start(account, each.id, partial(self._resolve_claimed, each))
            for each in claimed
        )

    async def resolve(self, operation: Operation) -> bool:
        """Find out about one operation; False if somebody else is at it."""
        claimed = await self._claim(operation)
        if claimed is None:
            return False
        await self._resolve_claimed(claimed)
        return True

    async def _resolve_claimed(self, claimed: Operation) -> None:
        if claimed.kind is OperationKind.REFUND:
            _tell(claimed, *await self._refunds.resolve(claimed))
            return
        payment = await self._books.get(claimed.payment_id)
        outcome = await self._find_out(payment, claimed)
        settled: Settled = await self._sender.settle(payment, claimed, outcome)
        _tell(claimed, settled.payment.state, settled.error)

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
            return _not_there(payment, operation, step)
        if settled_by(operation, word) is not None:
            return Answered(word)
        if step is Step.RESEND:
            return await self._resend(payment, operation)
        # A word that leaves the outcome open concludes nothing, however late it is.
        if step is Step.CONCLUDE and word.status is not PspStatus.UNKNOWN:
            detail = f"the PSP still shows {word.raw_status}, long after it was asked"
            return NotDone(NotSentError(operation.psp_account, detail), refused=False, word=word)
        return Unknown(f"the PSP shows {word.raw_status}", word)

    async def _resend(self, payment: Payment, operation: Operation) -> Outcome:
        """Send again under the same key. Only an answer given under the key settles anything."""
        outcome = await self._sender.attempt(payment, operation)
        if isinstance(outcome, NotDone) and not outcome.refused:
            return Unknown(str(outcome.error))
        return outcome


def _not_there(payment: Payment, operation: Operation, step: Step) -> Outcome:
    """Judge that the PSP does not know the payment: a page that nobody opened, or a riddle.

    A page is made without the PSP (Ogone's), and to cancel one that is not there does nothing: the
    payment waits for its shopper, as when it was made.
    """
    paid = payment.authorized_minor or payment.captured_minor
    if operation.kind is OperationKind.CANCEL and step is Step.CONCLUDE and not paid:
        detail = "the PSP does not know the payment, long after it was asked to cancel it"
        error = NotSentError(operation.psp_account, detail)
        return NotDone(error, refused=False, word=_unopened(payment))
    return Unknown(f"the PSP does not know {payment.psp_reference}: an operator must look")


def _unopened(payment: Payment) -> PspPayment:
    return PspPayment(
        psp_reference=payment.psp_reference,
        status=PspStatus.AWAITING_CUSTOMER,
        raw_status="",  # the PSP has not heard of it
        currency=payment.currency,
        amount_minor=payment.amount.amount_minor,
        payment_id=payment.id,
    )


def _tell(claimed: Operation, state: str, error: str) -> None:
    note(operation=claimed.id, kind=claimed.kind.value, state=str(state))
    _log.info(
        "operation_checked",
        operation=claimed.id,
        kind=claimed.kind,
        payment_id=claimed.payment_id,
        attempts=claimed.attempts,
        state=state,
        error=error,
    )


async def _word_of(provider: PaymentServiceProvider, payment: Payment) -> PspPayment | None:
    try:
        return await provider.retrieve_payment(payment.psp_reference)
    except NotFoundError:
        return None
