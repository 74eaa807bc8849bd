"""Bringing a payment up to date with the PSP's word."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final

from gateway.clock import Clock
from gateway.domain.journal import EventType
from gateway.domain.payment import Payment
from gateway.domain.transitions import Change, Event, apply_psp_payment, record
from gateway.errors import PaygateError
from gateway.payments.books import VERSION_GUARD, PaymentBooks
from gateway.payments.sending import OperationSender
from gateway.storage.journal import list_entries
from gateway.storage.writes import GuardFailedError, Write
from psp.errors import PspError
from psp.port import PspPayment, PspStatus, ReviewStatus

_MOST_ROUNDS: Final = 5
_LEAVES_OPEN: Final = frozenset({ReviewStatus.NONE, ReviewStatus.OPEN})
"""What a PSP says of a review without saying how it ended."""


class PaymentChangingError(Exception):
    """The payment kept changing while the PSP was asked: try again a little later."""


class PaymentMismatchError(Exception):
    """What the PSP shows under the payment's reference is not this payment: see the journal."""


class PaymentUnclearError(Exception):
    """The PSP answered with a status that we cannot read: nothing is decided on it."""


UNCONFIRMED: Final = (
    PspError,
    PaygateError,  # also of an account whose adapter is gone
    PaymentChangingError,
    PaymentMismatchError,
    PaymentUnclearError,
)
"""What keeps a payment from being confirmed by its PSP, and may be otherwise a little later."""

WritesWith = Callable[[Payment], Sequence[Write]]
"""What to store together with a payment as it is from now on."""


def _no_writes(_: Payment) -> Sequence[Write]:
    return ()


class PaymentRefresher:
    """Asks the PSP that a payment is pinned to, and takes over what it says."""

    def __init__(self, books: PaymentBooks, sender: OperationSender, clock: Clock) -> None:
        self._books = books
        self._sender = sender
        self._clock = clock

    async def refresh(
        self, payment: Payment, *, psp_reference: str = "", writes: WritesWith = _no_writes
    ) -> Payment:
        """Return the payment as the PSP has it now, stored in one commit with its `writes`.

        `psp_reference` is used while the payment has none of its own. Raises the errors of
        `psp.errors` and `PaymentChangingError`, and stores nothing then. Raises
        `PaymentMismatchError` when the alarm is in the journal and `writes` are stored, and
        `PaymentUnclearError` when what could be read is stored, without `writes`.
        """
        reference = payment.psp_reference or psp_reference
        for _ in range(_MOST_ROUNDS):
            # The payment is read before the PSP is asked, and stored only if it did not change
            # since: an older word can never overwrite a younger one.
            word = await self.word_of(payment, reference)
            now = self._clock()
            change = apply_psp_payment(payment, word, now)
            alarmed = any(entry.type is EventType.PSP_MISMATCH for entry in change.entries)
            if alarmed and await self._is_told(payment, change):
                change = Change(payment, ())
            unclear = word.status is PspStatus.UNKNOWN
            try:
                also = () if unclear else writes(change.payment)
                await self._books.save(payment, change, now, also)
            except GuardFailedError as failed:
                if failed.guard != VERSION_GUARD:
                    raise
                payment = await self._books.get(payment.id)
                continue
            if alarmed:
                raise PaymentMismatchError(f"{payment.id} is not what {reference} shows")
            if unclear:
                raise PaymentUnclearError(f"{payment.id} is {word.raw_status} at the PSP")
            return change.payment
        raise PaymentChangingError(payment.id)

    async def word_of(self, payment: Payment, reference: str) -> PspPayment:
        """Ask for the payment, and for its review if the PSP has stopped naming one that is open.

        Stripe does not document whether a payment still names its review once that is closed, and
        its charge goes on to say that somebody reviews it, without saying which review that is.
        """
        provider = self._sender.provider_of(payment)
        word = await provider.retrieve_payment(reference)
        known = payment.review_reference if payment.review is ReviewStatus.OPEN else ""
        if not known or word.review_reference or word.review not in _LEAVES_OPEN:
            return word
        return replace(word, review=await provider.retrieve_review(known))

    async def alarm(self, payment: Payment, details: Mapping[str, str]) -> Payment:
        """Journal that somebody claims something of the payment that cannot be; once in a row."""
        for _ in range(_MOST_ROUNDS):
            now = self._clock()
            change = record(payment, [Event(EventType.PSP_MISMATCH, details)], now)
            if await self._is_told(payment, change):
                return payment
            try:
                await self._books.save(payment, change, now)
            except GuardFailedError:
                payment = await self._books.get(payment.id)
                continue
            return change.payment
        raise PaymentChangingError(payment.id)

    async def _is_told(self, payment: Payment, change: Change) -> bool:
        """Whether the newest line of the journal is this very alarm."""
        newest = await list_entries(
            self._books.database, payment.id, payment.last_sequence - 1, limit=1
        )
        return [(line.type, line.details) for line in newest] == [
            (entry.type, entry.details) for entry in change.entries
        ]
