"""Sending a refund to its PSP and storing what became of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import structlog

from gateway.answers import refund_answer, refusal_answer
from gateway.clock import Clock
from gateway.domain.operation import Operation, OperationState
from gateway.domain.operation_rules import CHECKS
from gateway.domain.payment import Payment
from gateway.domain.refund import Refund, RefundCause
from gateway.domain.refund_outcome import (
    RefundAnswered,
    RefundNotDone,
    RefundOutcome,
    RefundSettlement,
    RefundUnknown,
    refund_settlement,
)
from gateway.domain.refund_rules import refund_of
from gateway.errors import PaygateError
from gateway.payments.books import PaymentBooks
from gateway.payments.sending import ProviderDirectory, operation_span, psp_refusal
from gateway.refunds.postings import posting_writes
from gateway.signals import Wake
from gateway.storage.operations import postpone_operation, settle_operation
from gateway.storage.refund_movements import give_movement_back, refuse_movement_of
from gateway.storage.refunds import refunds_of_payment, update_refund
from gateway.storage.requests import answer_request, delete_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from psp.errors import OutcomeUnknownError, PspError, RateLimitedError, RejectedError
from psp.port import PspRefund, RefundStatus

_log = structlog.get_logger(__name__)
_MOST_ROUNDS: Final = 5
"""How often a settlement is worked out anew because payment or refund changed meanwhile."""
_MOVEMENT_PAUSE: Final = timedelta(minutes=1)
"""Before a movement is sent anew whose refund surely was not made."""
_PSP_REJECTED: Final = "psp_rejected"
_OPERATION_GUARDS: Final = frozenset({"operation_open", "operation_claim"})


@dataclass(frozen=True, slots=True)
class SettledRefund:
    """How an attempt ended, as stored."""

    refund: Refund
    refusal: Exception | None = None
    """What the caller should hear of a refund that surely did not happen."""
    error: str = ""
    """Why it is open or did not happen, as its operation says it; empty if it was done."""

    def raise_refusal(self) -> None:
        """Raise `refusal` if there is one."""
        if self.refusal is not None:
            raise self.refusal


class RefundSender:
    """Sends refunds whose operation row is committed, and settles them."""

    def __init__(
        self, books: PaymentBooks, providers: ProviderDirectory, clock: Clock, unknowns: Wake
    ) -> None:
        self._books = books
        self._providers = providers
        self._clock = clock
        self._unknowns = unknowns

    async def attempt(
        self, payment: Payment, operation: Operation, others: Sequence[Refund]
    ) -> RefundOutcome:
        """Send a refund, under its key; every way that ends is an outcome."""
        with operation_span(operation):
            return await self._attempt(payment, operation, others)

    async def _attempt(
        self, payment: Payment, operation: Operation, others: Sequence[Refund]
    ) -> RefundOutcome:
        provider = self._providers.provider_of(payment)
        try:
            word = await provider.refund_payment(refund_of(payment, operation, others))
        except RejectedError as error:
            return RefundNotDone(error, refused=True)
        except OutcomeUnknownError as error:
            return RefundUnknown(str(error))
        except PspError as error:
            return RefundNotDone(error, refused=False)
        except Exception as error:  # noqa: BLE001 - the adapter's edge: not even its bug may lose track of money
            # Whatever broke, it broke while the request may have been on its way.
            _log.exception("psp_adapter_failed", operation=operation.id, payment_id=payment.id)
            return RefundUnknown(f"the adapter failed: {type(error).__name__}")
        if word.status is RefundStatus.FAILED:
            # Somebody may have counted it meanwhile: what is left is told by the whole list.
            return await self._with_list(payment, word)
        return RefundAnswered(word)

    async def _with_list(self, payment: Payment, word: PspRefund) -> RefundOutcome:
        """Read all refunds of a payment beside one of them; `payment` was read before."""
        try:
            words = await self._providers.provider_of(payment).list_refunds(payment.psp_reference)
        except PspError as error:
            return RefundUnknown(f"what went back in all could not be read: {error}")
        found = [each for each in words if each.psp_reference == word.psp_reference]
        if not found:
            return RefundUnknown("the PSP's list does not hold the refund that it answered with")
        return RefundAnswered(found[0], words)

    async def settle(
        self,
        payment: Payment,
        refund: Refund,
        others: Sequence[Refund],
        operation: Operation,
        outcome: RefundOutcome,
    ) -> SettledRefund:
        """Store what became of an attempt; `others` are the payment's further refunds.

        They were read with this version of the payment: no refund changes without its payment, so
        that they are told to be old along with it.
        """
        for _ in range(_MOST_ROUNDS):
            now = self._clock()
            judged = refund_settlement(payment, refund, others, operation, outcome, now)
            refusal = _refusal_of(judged, outcome)
            writes = [
                *self._writes(refund, operation, judged, refusal),
                *posting_writes(refund, judged.refund, payment.customer_id, now),
                *_movement_writes(judged, outcome, now),
            ]
            try:
                await self._books.save(payment, judged.change, now, writes)
            except GuardFailedError as failed:
                payment = await self._books.get(payment.id)
                known = await refunds_of_payment(self._books.database, payment.id)
                (refund,) = (each for each in known if each.id == refund.id)
                others = [each for each in known if each.id != refund.id]
                if failed.guard in _OPERATION_GUARDS:
                    return SettledRefund(refund, None if refund.counts else refusal)
                if isinstance(outcome, RefundAnswered) and outcome.listed:
                    # An older list must not overwrite what was heard of the payment since.
                    outcome = await self._with_list(payment, outcome.word)
                continue
            except AlreadyExistsError:
                # Another row has this reference of the PSP: an operator must look, nothing is lost.
                _log.exception("refund_reference_taken", refund_id=refund.id)
                outcome = RefundUnknown("another refund here has the reference that the PSP gave")
                continue
            if not judged.is_settled:
                self._unknowns.set()
            return SettledRefund(judged.refund, refusal, judged.error)
        # The row stays open, and the resolver settles it once the payment rests.
        _log.warning("operation_not_settled", operation=operation.id, payment_id=payment.id)
        return SettledRefund(refund)

    def _writes(
        self,
        refund: Refund,
        operation: Operation,
        judged: RefundSettlement,
        refusal: Exception | None,
    ) -> Sequence[Write]:
        writes: list[Write] = []
        if judged.refund != refund:
            writes.append(update_refund(judged.refund, read_version=refund.version))
        if not judged.is_settled:
            pause = CHECKS.after(operation.attempts)
            writes.append(
                postpone_operation(
                    operation,
                    state=OperationState.UNKNOWN,
                    error=judged.error,
                    next_check_time=self._clock() + pause,
                )
            )
            return writes
        writes.append(settle_operation(operation.id, judged.state, judged.error))
        if operation.request is not None:
            writes.append(_answer(operation, judged, refusal))
        return writes


def _movement_writes(
    judged: RefundSettlement, outcome: RefundOutcome, now: datetime
) -> Sequence[Write]:
    """Give the movement of a refund that surely was not done back to its file's work, or end it."""
    if judged.refund.cause is not RefundCause.FILE or not isinstance(outcome, RefundNotDone):
        return ()
    error, refund_id = outcome.error, judged.refund.id
    if outcome.refused:
        return [refuse_movement_of(refund_id, _PSP_REJECTED, str(error))]
    wish = error.retry_after_s if isinstance(error, RateLimitedError) else 0.0
    pause = max(_MOVEMENT_PAUSE, timedelta(seconds=wish))
    return [give_movement_back(refund_id, now + pause, str(error))]


def _answer(operation: Operation, judged: RefundSettlement, refusal: Exception | None) -> Write:
    """Store the answer that a replay gets, or forget the request so that it can be made again."""
    if operation.request is None:
        raise ValueError(f"operation {operation.id} serves no request")
    if refusal is None:
        return answer_request(operation.request, refund_answer(judged.refund))
    if isinstance(refusal, PaygateError):
        return answer_request(operation.request, refusal_answer(refusal))
    return delete_request(operation.request)


def _refusal_of(judged: RefundSettlement, outcome: RefundOutcome) -> PaygateError | PspError | None:
    """Return what a caller hears if the refund surely did not happen; None if it may have.

    A refund that the PSP made and that failed there is an answer: `Refund.failure` says why.
    """
    if judged.state is not OperationState.FAILED or not isinstance(outcome, RefundNotDone):
        return None
    return psp_refusal(outcome.error) if outcome.refused else outcome.error
