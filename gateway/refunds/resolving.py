"""Finding out what became of a refund that was left pending or unknown."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from gateway.clock import Clock
from gateway.domain.operation import Operation
from gateway.domain.operation_rules import Step, next_step
from gateway.domain.payment import Payment
from gateway.domain.refund import Refund, RefundState
from gateway.domain.refund_outcome import (
    RefundAnswered,
    RefundNotDone,
    RefundOutcome,
    RefundUnknown,
)
from gateway.domain.refund_rules import REFUND_ID, found_among
from gateway.errors import PaygateError
from gateway.payments.books import PaymentBooks
from gateway.payments.sending import ProviderDirectory
from gateway.refunds.sending import RefundSender
from gateway.storage.refunds import refunds_of_payment
from psp.errors import NotSentError, PspError


class RefundResolver:
    """Settles refunds from the PSP's own list: nothing is guessed, unknown stays unknown."""

    def __init__(
        self,
        books: PaymentBooks,
        sender: RefundSender,
        providers: ProviderDirectory,
        clock: Clock,
    ) -> None:
        self._books = books
        self._sender = sender
        self._providers = providers
        self._clock = clock

    async def resolve(self, claimed: Operation) -> tuple[RefundState, str]:
        """Find out about a refund's operation that the caller has claimed.

        Returns the refund's state, and why the operation is open or did not happen.
        """
        payment = await self._books.get(claimed.payment_id)
        known = await refunds_of_payment(self._books.database, payment.id)
        (refund,) = (each for each in known if each.id == claimed.parameters[REFUND_ID])
        others = [each for each in known if each.id != refund.id]
        outcome = await self._find_out(payment, refund, others, claimed)
        settled = await self._sender.settle(payment, refund, others, claimed, outcome)
        return settled.refund.state, settled.error

    async def _find_out(
        self, payment: Payment, refund: Refund, others: Sequence[Refund], operation: Operation
    ) -> RefundOutcome:
        try:
            provider = self._providers.provider_of(payment)
        except PaygateError as error:
            return RefundUnknown(str(error))
        lifetime = timedelta(seconds=provider.idempotency_lifetime_s)
        step = next_step(operation, lifetime, self._clock())
        try:
            words = await provider.list_refunds(payment.psp_reference)
        except PspError as error:
            # Asking failed; that says nothing about the refund.
            return RefundUnknown(str(error))
        found = found_among(refund, words, others)
        if found is not None:
            return RefundAnswered(found, words)
        if step is Step.RESEND:
            return await self._resend(payment, operation, others)
        if step is Step.CONCLUDE:
            detail = "the PSP's own list does not hold the refund, long after it was sent"
            return RefundNotDone(NotSentError(operation.psp_account, detail), refused=False)
        return RefundUnknown("the PSP does not show the refund yet")

    async def _resend(
        self, payment: Payment, operation: Operation, others: Sequence[Refund]
    ) -> RefundOutcome:
        """Send again under the same key. Only an answer given under the key settles anything."""
        outcome = await self._sender.attempt(payment, operation, others)
        if isinstance(outcome, RefundNotDone) and not outcome.refused:
            return RefundUnknown(str(outcome.error))
        return outcome
