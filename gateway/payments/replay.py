"""Answering a request that was made before."""

from __future__ import annotations

from gateway.answers import answered_payment, require_same, still_running
from gateway.clock import Clock
from gateway.domain.operation import OperationState
from gateway.domain.operation_rules import creation_of
from gateway.domain.payment import Payment, PaymentState
from gateway.domain.permissions import RETRY_AFTER_S
from gateway.domain.requests import RequestKey, StoredRequest
from gateway.errors import PaygateError, Reason
from gateway.payments.books import PaymentBooks
from gateway.payments.commands import CreatedPayment
from gateway.payments.sending import OperationSender
from gateway.storage.operations import get_operation_of_request
from gateway.storage.requests import get_request


class Replays:
    """Looks requests up and answers them as they were answered."""

    def __init__(self, books: PaymentBooks, sender: OperationSender, clock: Clock) -> None:
        self._books = books
        self._sender = sender
        self._clock = clock

    async def find(self, key: RequestKey, fingerprint: str) -> Payment | None:
        """Return what this very request was answered, or None if it was never made.

        Raises `PaygateError`: the stored refusal, REQUEST_ID_REUSED if the id belongs to another
        request, REQUEST_IN_PROGRESS while the first sending still runs.
        """
        stored = await get_request(self._books.database, key)
        return None if stored is None else await self.answer(stored, fingerprint)

    async def answer(self, stored: StoredRequest, fingerprint: str) -> Payment:
        """Return what a stored request was answered; raises as `find` does."""
        require_same(stored, fingerprint)
        if stored.answer is not None:
            return answered_payment(stored.answer)
        operation = await get_operation_of_request(self._books.database, stored.key)
        if operation is not None and operation.state is OperationState.UNKNOWN:
            return await self._books.get(operation.payment_id)
        raise still_running(stored, self._clock(), RETRY_AFTER_S)

    def just_forgotten(self, key: RequestKey) -> PaygateError:
        """Return the refusal of a request whose first sending did nothing and left no trace."""
        return PaygateError(
            Reason.REQUEST_IN_PROGRESS,
            "another sending of this request ended without effect just now: send it again",
            metadata={"request_id": key.request_id},
            retry_after_s=RETRY_AFTER_S,
        )

    async def with_next_action(self, key: RequestKey, answered: Payment) -> CreatedPayment:
        """Add what the shopper's page must do: it holds a secret, so it is asked for, not kept."""
        if answered.state is not PaymentState.AWAITING_CUSTOMER:
            return CreatedPayment(answered)
        now = await self._books.get(answered.id)
        if now.state is not PaymentState.AWAITING_CUSTOMER:
            return CreatedPayment(answered)
        operation = await get_operation_of_request(self._books.database, key)
        if operation is None:
            return CreatedPayment(answered)
        request = creation_of(now, operation)
        provider = self._sender.provider_of(now)
        return CreatedPayment(answered, await provider.next_action(request, now.psp_reference))
