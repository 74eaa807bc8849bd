"""Bringing a payment up to date with the PSP's word."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from gateway.clock import Clock
from gateway.domain.payment import Payment
from gateway.domain.transitions import apply_psp_payment
from gateway.payments.books import VERSION_GUARD, PaymentBooks
from gateway.payments.sending import OperationSender
from gateway.storage.writes import GuardFailedError, Write

_MOST_ROUNDS: Final = 5


class PaymentChangingError(Exception):
    """The payment kept changing while the PSP was asked: try again a little later."""


class PaymentRefresher:
    """Asks the PSP that a payment is pinned to, and takes over what it says."""

    def __init__(self, books: PaymentBooks, sender: OperationSender, clock: Clock) -> None:
        self._books = books
        self._sender = sender
        self._clock = clock

    async def refresh(
        self, payment: Payment, *, psp_reference: str = "", writes: Sequence[Write] = ()
    ) -> Payment:
        """Return the payment as the PSP has it now, stored in one commit with `writes`.

        `psp_reference` is used while the payment has none of its own. Raises the errors of
        `psp.errors` and `PaymentChangingError`; nothing is stored then.
        """
        for _ in range(_MOST_ROUNDS):
            # The payment is read before the PSP is asked, and stored only if it did not change
            # since: an older word can never overwrite a younger one.
            reference = payment.psp_reference or psp_reference
            word = await self._sender.provider_of(payment).retrieve_payment(reference)
            now = self._clock()
            change = apply_psp_payment(payment, word, now)
            try:
                await self._books.save(payment, change, now, writes)
            except GuardFailedError as failed:
                if failed.guard != VERSION_GUARD:
                    raise
                payment = await self._books.get(payment.id)
                continue
            return change.payment
        raise PaymentChangingError(payment.id)
