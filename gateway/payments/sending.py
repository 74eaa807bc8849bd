"""Sending an operation to its PSP and storing what became of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Final, Protocol

import structlog
from opentelemetry.trace import Span

from gateway.answers import payment_answer, refusal_answer
from gateway.clock import Clock
from gateway.domain.operation import Operation, OperationKind, OperationState
from gateway.domain.operation_rules import (
    CHECKS,
    cancel_of,
    capture_of,
    creation_of,
)
from gateway.domain.outcome import Answered, NotDone, Outcome, Settlement, Unknown, settlement
from gateway.domain.payment import Payment
from gateway.errors import PaygateError, Reason, StateViolation
from gateway.payments.books import VERSION_GUARD, PaymentBooks
from gateway.signals import Wake
from gateway.storage.operations import get_operation, postpone_operation, settle_operation
from gateway.storage.requests import answer_request, delete_request
from gateway.storage.writes import GuardFailedError, Write
from gateway.traces import span
from psp.errors import NotFoundError, OutcomeUnknownError, PspError, RejectedError
from psp.port import NextAction, PaymentServiceProvider, PspPayment

_log = structlog.get_logger(__name__)
_MOST_ROUNDS: Final = 5
"""How often a settlement is worked out anew because the payment changed meanwhile."""


@dataclass(frozen=True, slots=True)
class Settled:
    """How an attempt ended, as stored."""

    payment: Payment
    next_action: NextAction | None = None
    refusal: Exception | None = None
    """What the caller should hear of an operation that surely did not happen."""
    error: str = ""
    """Why it is open or did not happen, as the operation says it; empty if it was done."""
    is_fresh: bool = False
    """Whether the payment is as the PSP just answered this very attempt, and nobody else stored
    anything of it since it was written down."""

    def raise_refusal(self) -> None:
        """Raise `refusal` if there is one."""
        if self.refusal is not None:
            raise self.refusal


class ProviderDirectory(Protocol):
    """Who knows the PSP that a payment is pinned to."""

    def provider_of(self, payment: Payment) -> PaymentServiceProvider:
        """Return the PSP that the payment is pinned to; raises as `provider_at`."""

    def provider_at(self, account: str) -> PaymentServiceProvider:
        """Return the PSP of an account; raises `PaygateError` PSP_MISCONFIGURED."""


class OperationSender:
    """Sends operations whose row is committed, and settles them."""

    def __init__(
        self,
        books: PaymentBooks,
        providers: Mapping[str, PaymentServiceProvider],
        clock: Clock,
        unknowns: Wake,
    ) -> None:
        self._books = books
        self._providers = providers
        self._clock = clock
        self._unknowns = unknowns

    async def send(self, payment: Payment, operation: Operation) -> Settled:
        """Send an operation for the first time and settle it."""
        return await self.settle(payment, operation, await self.attempt(payment, operation))

    async def attempt(self, payment: Payment, operation: Operation) -> Outcome:
        """Send an operation, under its key; every way that ends is an outcome."""
        with operation_span(operation):
            return await self._attempt(payment, operation)

    async def _attempt(self, payment: Payment, operation: Operation) -> Outcome:
        provider = self.provider_of(payment)
        try:
            return Answered(await _call(provider, payment, operation))
        except RejectedError as error:
            return NotDone(error, refused=True, word=await self._truth(payment, operation, error))
        except OutcomeUnknownError as error:
            return Unknown(str(error))
        except PspError as error:
            return NotDone(error, refused=False)
        except Exception as error:  # noqa: BLE001 - the adapter's edge: not even its bug may lose track of money
            # Whatever broke, it broke while the request may have been on its way.
            _log.exception("psp_adapter_failed", operation=operation.id, payment_id=payment.id)
            return Unknown(f"the adapter failed: {type(error).__name__}")

    async def settle(self, payment: Payment, operation: Operation, outcome: Outcome) -> Settled:
        """Store what became of an attempt. `payment` was read before the PSP was asked."""
        for round_number in range(_MOST_ROUNDS):
            now = self._clock()
            judged = settlement(payment, operation, outcome, now)
            refusal = refusal_of(operation, judged, outcome)
            writes = self._operation_writes(operation, judged, refusal)
            try:
                await self._books.save(payment, judged.change, now, writes)
            except GuardFailedError as failed:
                payment = await self._books.get(payment.id)
                if failed.guard != VERSION_GUARD:
                    return await self._settled_by_others(payment, operation, outcome, refusal)
                outcome = await self._heard_anew(payment, outcome)
                continue
            if not judged.is_settled:
                self._unknowns.set()
            return Settled(
                judged.change.payment,
                _next_action(outcome),
                refusal,
                judged.error,
                is_fresh=round_number == 0 and judged.is_settled and isinstance(outcome, Answered),
            )
        # The row stays open, and the resolver settles it once the payment rests.
        _log.warning("operation_not_settled", operation=operation.id, payment_id=payment.id)
        return Settled(payment)

    async def _settled_by_others(
        self,
        payment: Payment,
        operation: Operation,
        outcome: Outcome,
        refusal: Exception | None,
    ) -> Settled:
        """Answer when somebody else settled the operation first, from the PSP's word as we did."""
        stored = await get_operation(self._books.database, operation.id)
        failed = stored is not None and stored.state is OperationState.FAILED
        error = "" if stored is None else stored.error
        return Settled(payment, _next_action(outcome), refusal if failed else None, error)

    def provider_of(self, payment: Payment) -> PaymentServiceProvider:
        """Return the PSP that the payment is pinned to; ask before anything is written."""
        return self.provider_at(payment.psp_account)

    def provider_at(self, account: str) -> PaymentServiceProvider:
        """Return the PSP of an account; raises `PaygateError` PSP_MISCONFIGURED."""
        provider = self._providers.get(account)
        if provider is None:
            raise PaygateError(
                Reason.PSP_MISCONFIGURED,
                f"the account {account} is not configured: keep accounts in the configuration, "
                "as retired, while payments live that were created there",
                metadata={"psp_account": account},
            )
        return provider

    def _operation_writes(
        self, operation: Operation, judged: Settlement, refusal: Exception | None
    ) -> Sequence[Write]:
        if not judged.is_settled:
            pause = CHECKS.after(operation.attempts)
            return [
                postpone_operation(
                    operation,
                    state=OperationState.UNKNOWN,
                    error=judged.error,
                    next_check_time=self._clock() + pause,
                )
            ]
        settled = settle_operation(operation.id, judged.state, judged.error)
        return [settled, *_request_writes(operation, judged, refusal)]

    async def _truth(
        self, payment: Payment, operation: Operation, refusal: RejectedError
    ) -> PspPayment | None:
        """Ask what is true after a refusal: our picture of the payment may be out of date."""
        if operation.kind is OperationKind.CREATE or isinstance(refusal, NotFoundError):
            return None
        try:
            return await self.provider_of(payment).retrieve_payment(payment.psp_reference)
        except PspError as error:
            _log.warning("psp_truth_not_read", payment_id=payment.id, error=str(error))
            return None

    async def _heard_anew(self, payment: Payment, outcome: Outcome) -> Outcome:
        """Ask again what the PSP says: its word must be younger than the payment we read."""
        if isinstance(outcome, Unknown) or outcome.word is None:
            return outcome
        try:
            word = await self.provider_of(payment).retrieve_payment(outcome.word.psp_reference)
        except PspError as error:
            return Unknown(f"the payment changed, and the PSP could not be asked again: {error}")
        return replace(outcome, word=word)


async def _call(
    provider: PaymentServiceProvider, payment: Payment, operation: Operation
) -> PspPayment:
    match operation.kind:
        case OperationKind.CREATE:
            return await provider.create_payment(creation_of(payment, operation))
        case OperationKind.CAPTURE:
            return await provider.capture_payment(capture_of(payment, operation))
        case OperationKind.CANCEL:
            return await provider.cancel_payment(cancel_of(payment, operation))
        case OperationKind.REFUND:
            raise ValueError(f"{operation.id} is a refund: RefundSender sends it")


def refusal_of(
    operation: Operation, judged: Settlement, outcome: Outcome
) -> PaygateError | PspError | None:
    """Return what a caller hears if the operation surely did not happen; None if it may have."""
    if judged.state is not OperationState.FAILED:
        return None
    if isinstance(outcome, NotDone):
        return psp_refusal(outcome.error) if outcome.refused else outcome.error
    payment = judged.change.payment
    held = f"{payment.id} is {payment.state} at the PSP: the {operation.kind} was not done"
    return PaygateError(
        Reason.PAYMENT_STATE,
        held,
        metadata={"payment_id": payment.id, "state": payment.state.value},
        states=[StateViolation("PAYMENT_STATE", f"payments/{payment.id}", held)],
    )


def _request_writes(
    operation: Operation, judged: Settlement, refusal: Exception | None
) -> Sequence[Write]:
    """Store the answer that a replay gets, or forget the request so that it can be made again."""
    if operation.request is None:
        return []
    if refusal is None:
        return [answer_request(operation.request, payment_answer(judged.change.payment))]
    if isinstance(refusal, PaygateError):
        return [answer_request(operation.request, refusal_answer(refusal))]
    return [delete_request(operation.request)]


def psp_refusal(error: PspError) -> PaygateError:
    """Return what a caller hears when the PSP read a request and refused it."""
    refusal = PaygateError(
        Reason.PSP_REJECTED,
        error.detail,
        metadata={"psp_account": error.account, "psp_code": error.code},
    )
    refusal.__cause__ = error
    return refusal


def is_unknown_there(refusal: Exception | None) -> bool:
    """Whether the PSP refused because it does not know something that we named."""
    return isinstance(refusal, PaygateError) and isinstance(refusal.__cause__, NotFoundError)


def operation_span(operation: Operation) -> AbstractContextManager[Span]:
    """Return the span of what is done for an operation."""
    about = {"paygate.operation": operation.id, "paygate.payment_id": operation.payment_id}
    return span(f"operation {operation.kind}", about)


def _next_action(outcome: Outcome) -> NextAction | None:
    return outcome.word.next_action if isinstance(outcome, Answered) else None
