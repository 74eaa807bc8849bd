"""Payments at Stripe: create, retrieve, find by our reference, capture, cancel."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Final

from psp.errors import NotFoundError, OutcomeUnknownError, PspError, RejectedError
from psp.port import CancelPayment, CapturePayment, CreatePayment, PspPayment, PspStatus
from psp.stripe.amounts import amount_of_a_part
from psp.stripe.client import StripeCaller
from psp.stripe.errors import DeclinedError
from psp.stripe.failures import failure_of
from psp.stripe.fields import UnreadableAnswerError, nested, text
from psp.stripe.money import AmountError
from psp.stripe.paging import read_all
from psp.stripe.paths import PAYMENT_INTENTS, object_path
from psp.stripe.payment_params import EXPAND, PAYMENT_ID, payment_parameters
from psp.stripe.payment_reading import read_payment, review_to_ask_for
from psp.stripe.reviews import StripeReviews

_CANCEL_REASONS: Final = frozenset(
    {"abandoned", "duplicate", "fraudulent", "requested_by_customer"}
)
_NO_CAPTURE: Final = "a capture of nothing cannot be made: cancel instead"
# 200,000 payments in the searched window; a shop that has more asks for a narrower one.
_MAX_PAGES: Final = 2000


class StripePayments:
    """PaymentIntents of one account. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: StripeCaller) -> None:
        self._caller = caller
        self._reviews = StripeReviews(caller)

    async def create(self, request: CreatePayment) -> PspPayment:
        """Create a PaymentIntent, confirmed at once for an alias or a redirect.

        A decline (HTTP 402) carries the PaymentIntent and is a result.
        """
        parameters = payment_parameters(self._caller.account, request)
        try:
            return await self._caller.change(
                PAYMENT_INTENTS, parameters, request.idempotency_key, read_payment
            )
        except DeclinedError as declined:
            return self._declined_payment(declined)

    async def retrieve(self, psp_reference: str) -> PspPayment:
        """Return the current word on a PaymentIntent, its latest charge and its review."""
        payment, review_id = await self._caller.read(
            self._path(psp_reference),
            {"expand": list(EXPAND)},
            lambda answer: (read_payment(answer), review_to_ask_for(answer)),
        )
        if not review_id:
            return payment
        return replace(payment, review=await self._reviews.retrieve(review_id))

    async def find(
        self, payment_id: str, created_after: datetime, created_before: datetime
    ) -> PspPayment | None:
        """Look for our id in the list of PaymentIntents; searching would lag behind.

        Both ends of the window are included, widened to whole seconds. Raises `UnavailableError`
        rather than answering None on a list it could not read to its end.
        """
        created = {
            "gte": math.floor(created_after.timestamp()),
            "lte": math.ceil(created_before.timestamp()),
        }
        listed = read_all(self._caller, PAYMENT_INTENTS, {"created": created}, _MAX_PAGES)
        async for intent in listed:
            if text(nested(intent, "metadata"), PAYMENT_ID) == payment_id:
                return await self.retrieve(text(intent, "id"))
        return None

    async def capture(self, request: CapturePayment) -> PspPayment:
        """Capture once; Stripe releases the rest.

        If Stripe refuses because the payment is not capturable and it turns out captured with
        exactly this sum, that is the answer: one PaymentIntent can be captured only once.
        """
        amount = amount_of_a_part(self._caller.account, request.amount, _NO_CAPTURE)

        def is_done(payment: PspPayment) -> bool:
            return (
                payment.status is PspStatus.CAPTURED
                and payment.currency == request.amount.currency
                and payment.captured_minor == request.amount.amount_minor
            )

        parameters: dict[str, object] = {"amount_to_capture": amount, "expand": list(EXPAND)}
        return await self._change_or_truth(
            request.psp_reference, "capture", parameters, request.idempotency_key, is_done
        )

    async def cancel(self, request: CancelPayment) -> PspPayment:
        """Cancel before capture; a payment that is canceled already is answered as it is."""
        if request.reason not in _CANCEL_REASONS:
            detail = f"the reason of a cancel is one of {', '.join(sorted(_CANCEL_REASONS))}"
            raise RejectedError(self._caller.account, detail, "cancellation_reason_invalid")
        parameters: dict[str, object] = {
            "cancellation_reason": request.reason,
            "expand": list(EXPAND),
        }
        return await self._change_or_truth(
            request.psp_reference, "cancel", parameters, request.idempotency_key, _is_canceled
        )

    async def _change_or_truth(
        self,
        psp_reference: str,
        verb: str,
        parameters: dict[str, object],
        idempotency_key: str,
        is_done: Callable[[PspPayment], bool],
    ) -> PspPayment:
        """Change a PaymentIntent. On a refusal ask what is true before calling it "not done".

        The refusal may be an echo: an earlier attempt of ours acted, and its key has lapsed.
        """
        path = self._path(psp_reference, verb)
        try:
            return await self._caller.change(path, parameters, idempotency_key, read_payment)
        except NotFoundError:
            raise
        except RejectedError as refusal:
            try:
                payment = await self.retrieve(psp_reference)
            except PspError as unread:
                detail = f"{refusal.detail}; what is true could not be read: {unread.detail}"
                raise OutcomeUnknownError(
                    refusal.account,
                    detail,
                    refusal.code,
                    request_reference=refusal.request_reference,
                ) from unread
            if is_done(payment):
                return payment
            raise

    def _declined_payment(self, declined: DeclinedError) -> PspPayment:
        intent = nested(declined.error, "payment_intent")
        if not intent:
            raise declined
        try:
            payment = read_payment(intent)
        except (UnreadableAnswerError, AmountError) as error:
            raise OutcomeUnknownError(
                declined.account,
                f"a decline that cannot be read: {error}",
                declined.code,
                request_reference=declined.request_reference,
            ) from error
        return replace(payment, failure=payment.failure or failure_of(declined.error))

    def _path(self, psp_reference: str, *more: str) -> str:
        return object_path(self._caller.account, PAYMENT_INTENTS, psp_reference, *more)


def _is_canceled(payment: PspPayment) -> bool:
    return payment.status is PspStatus.CANCELED
