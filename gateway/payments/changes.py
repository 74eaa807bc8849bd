"""CapturePayment and CancelPayment: check, write down, send, settle."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

from gateway.clock import Clock
from gateway.domain.beginnings import Beginning, begin_change
from gateway.domain.operation import OperationKind
from gateway.domain.operation_rules import REASON
from gateway.domain.payment import Payment
from gateway.domain.permissions import (
    amount_to_capture,
    operation_in_progress,
    require_cancelable,
)
from gateway.domain.requests import RequestKey, StoredRequest
from gateway.payments.books import PaymentBooks, not_found
from gateway.payments.commands import CancelPaymentCommand, CancelReason, CapturePaymentCommand
from gateway.payments.replay import Replays
from gateway.payments.sending import OperationSender, Settled
from gateway.payments.time_left import require_time
from gateway.shield import Shield
from gateway.storage.operations import insert_operation
from gateway.storage.payments import get_payment_with_request
from gateway.storage.requests import insert_request
from gateway.storage.writes import AlreadyExistsError, GuardFailedError, Write
from psp.money import Money

_MOST_ROUNDS: Final = 3
"""How often a change is begun anew because the payment changed since it was read."""


@dataclass(frozen=True, slots=True)
class _Wanted:
    """One change, asked for by a caller or by the gateway itself."""

    kind: OperationKind
    payment_id: str
    permit: Callable[[Payment], Money]
    """Returns the amount of the change, or raises what the payment's state does not allow."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    request: tuple[RequestKey, str] | None = None
    """Key and fingerprint; None for the gateway's own decision."""


class PaymentChanges:
    """Captures and cancels payments, where they were created."""

    def __init__(
        self,
        books: PaymentBooks,
        sender: OperationSender,
        replays: Replays,
        shield: Shield,
        clock: Clock,
        lease: timedelta,
        min_deadline_s: float,
    ) -> None:
        self._books = books
        self._sender = sender
        self._replays = replays
        self._shield = shield
        self._clock = clock
        self._lease = lease
        self._min_deadline_s = min_deadline_s

    async def capture(self, command: CapturePaymentCommand, remaining_s: float | None) -> Payment:
        """Capture for a caller; raises `PaygateError` and the errors of `psp.errors`."""
        request = (command.key, command.fingerprint)
        wanted = _Wanted(
            OperationKind.CAPTURE,
            command.payment_id,
            lambda payment: amount_to_capture(payment, command.amount),
            request=request,
        )
        return (await self._change(wanted, request, remaining_s)).payment

    async def cancel(self, command: CancelPaymentCommand, remaining_s: float | None) -> Payment:
        """Cancel for a caller; raises as `capture` does."""
        request = (command.key, command.fingerprint)
        wanted = _cancellation(command.payment_id, command.reason, request)
        return (await self._change(wanted, request, remaining_s)).payment

    async def capture_by_itself(self, payment: Payment) -> Settled:
        """Capture all that is authorised of a payment as it was read, as the gateway's own wish.

        Raises `PaygateError` OPERATION_IN_PROGRESS if it changed since: the wish may be another.
        """
        wanted = _Wanted(
            OperationKind.CAPTURE, payment.id, lambda current: amount_to_capture(current, None)
        )
        return await self._carry_out(wanted, payment, None)

    async def cancel_by_itself(self, payment: Payment, reason: CancelReason) -> Payment:
        """Cancel a payment as it was read, as the gateway's own wish; raises as that does."""
        return (await self._carry_out(_cancellation(payment.id, reason), payment, None)).payment

    async def _change(
        self, wanted: _Wanted, request: tuple[RequestKey, str], remaining_s: float | None
    ) -> Settled:
        key, fingerprint = request
        payment, stored = await self._read(wanted.payment_id, key)
        if stored is not None:
            return Settled(await self._replays.answer(stored, fingerprint))
        if payment is None:
            raise not_found(wanted.payment_id)
        return await self._carry_out(wanted, payment, remaining_s)

    async def _carry_out(
        self, wanted: _Wanted, payment: Payment, remaining_s: float | None
    ) -> Settled:
        # Whatever can be refused is refused before the deadline is looked at.
        self._sender.provider_of(payment)
        wanted.permit(payment)
        require_time(remaining_s, self._min_deadline_s)
        return await self._shield.run(self._write_and_send(wanted, payment))

    async def _read(
        self, payment_id: str, key: RequestKey
    ) -> tuple[Payment | None, StoredRequest | None]:
        return await get_payment_with_request(self._books.database, payment_id, key)

    async def _write_and_send(self, wanted: _Wanted, payment: Payment) -> Settled:
        for _ in range(_MOST_ROUNDS):
            beginning = self._begin(wanted, payment)
            try:
                await self._write(wanted, payment, beginning)
            except GuardFailedError:
                if wanted.request is None:
                    # It was decided of the payment as it was: whoever did has to look again.
                    raise operation_in_progress(payment.id) from None
                # The change that came first may have been this very request.
                key, fingerprint = wanted.request
                read, stored = await self._read(payment.id, key)
                if stored is not None:
                    return Settled(await self._replays.answer(stored, fingerprint))
                payment = read or payment
                continue
            except AlreadyExistsError as exists:
                return Settled(await self._lost_the_race(wanted, exists))
            settled = await self._sender.send(beginning.change.payment, beginning.operation)
            settled.raise_refusal()
            return settled
        raise operation_in_progress(payment.id)

    def _begin(self, wanted: _Wanted, payment: Payment) -> Beginning:
        return begin_change(
            payment,
            wanted.kind,
            wanted.permit(payment),
            wanted.parameters,
            wanted.request and wanted.request[0],
            self._clock(),
            self._lease,
        )

    async def _write(self, wanted: _Wanted, payment: Payment, beginning: Beginning) -> None:
        now = beginning.change.payment.update_time
        writes: list[Write] = [insert_operation(beginning.operation)]
        if wanted.request is not None:
            key, fingerprint = wanted.request
            request = StoredRequest(
                key=key, fingerprint=fingerprint, resource_id=payment.id, create_time=now
            )
            writes.insert(0, insert_request(request))
        await self._books.save(payment, beginning.change, now, writes)

    async def _lost_the_race(self, wanted: _Wanted, exists: AlreadyExistsError) -> Payment:
        """Answer as the same request was, if it was first; else another change is in flight."""
        if exists.table == "requests" and wanted.request is not None:
            answered = await self._replays.find(*wanted.request)
            if answered is not None:
                return answered
        raise operation_in_progress(wanted.payment_id) from exists


def _cancellation(
    payment_id: str, reason: CancelReason, request: tuple[RequestKey, str] | None = None
) -> _Wanted:
    def permit(payment: Payment) -> Money:
        require_cancelable(payment)
        return payment.amount

    return _Wanted(OperationKind.CANCEL, payment_id, permit, {REASON: reason.value}, request)
