"""Refunds at Stripe: money given back, and what was given back of a payment."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from psp.errors import (
    NotFoundError,
    OutcomeUnknownError,
    PspError,
    RejectedError,
    UnavailableError,
)
from psp.port import PspRefund, RefundPayment
from psp.stripe.amounts import amount_of_a_part
from psp.stripe.client import StripeCaller
from psp.stripe.fields import UnreadableAnswerError
from psp.stripe.money import AmountError
from psp.stripe.paging import read_all
from psp.stripe.paths import PAYMENT_INTENTS, REFUNDS, object_path
from psp.stripe.refund_reading import REFUND_ID, gives_money_back, read_refund

_REASONS: Final = frozenset({"duplicate", "fraudulent", "requested_by_customer"})
_MAX_ID: Final = 500  # Stripe API, metadata: characters of a value
_MAX_PAGES: Final = 20
_NO_REFUND: Final = "a refund of nothing cannot be made"
_NOT_REFUNDABLE: Final = "not_refundable"


class StripeRefunds:
    """Refunds of one account's PaymentIntents. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: StripeCaller) -> None:
        self._caller = caller

    async def refund(self, request: RefundPayment) -> PspRefund:
        """Give money back under the caller's idempotency key.

        On a refusal the list is asked before it counts as "not done": an earlier attempt of ours
        may have acted, and its key has lapsed. A refusal that Stripe gives no code for is told as
        `amount_invalid` (more than is left) or `not_refundable` (nothing was captured, say).
        """
        self._require_reference(request.psp_reference)
        parameters = self._parameters(request)
        try:
            return await self._caller.change(
                REFUNDS,
                parameters,
                request.idempotency_key,
                lambda answer: read_refund(answer, request.psp_reference),
            )
        except NotFoundError:
            raise
        except RejectedError as refusal:
            done = await self._done_before(request, refusal)
            if done is not None:
                return done
            if refusal.code:
                raise
            raise replace(refusal, code=_NOT_REFUNDABLE) from refusal

    async def of_payment(self, psp_reference: str) -> tuple[PspRefund, ...]:
        """Return a payment's refunds, the oldest first, from Stripe's list: searching would lag.

        Raises `UnavailableError` rather than answering with a part of them.
        """
        # An empty or odd reference would list the refunds of the whole account.
        self._require_reference(psp_reference)
        listed = read_all(self._caller, REFUNDS, {"payment_intent": psp_reference}, _MAX_PAGES)
        found = [refund async for refund in listed if gives_money_back(refund)]
        try:
            return tuple(read_refund(refund, psp_reference) for refund in reversed(found))
        except (UnreadableAnswerError, AmountError) as error:
            raise UnavailableError(self._caller.account, str(error)) from error

    async def _done_before(
        self, request: RefundPayment, refusal: RejectedError
    ) -> PspRefund | None:
        try:
            refunds = await self.of_payment(request.psp_reference)
        except PspError as unread:
            detail = f"{refusal.detail}; what is true could not be read: {unread.detail}"
            raise OutcomeUnknownError(
                refusal.account,
                detail,
                refusal.code,
                request_reference=refusal.request_reference,
            ) from unread
        return next((made for made in refunds if made.refund_id == request.refund_id), None)

    def _parameters(self, request: RefundPayment) -> dict[str, object]:
        account = self._caller.account
        if request.reason not in _REASONS:
            detail = f"the reason of a refund is one of {', '.join(sorted(_REASONS))}"
            raise RejectedError(account, detail, "refund_reason_invalid")
        if not 0 < len(request.refund_id) <= _MAX_ID:
            detail = f"a refund's id has 1 to {_MAX_ID} characters"
            raise RejectedError(account, detail, "metadata_invalid")
        return {
            "payment_intent": request.psp_reference,
            "amount": amount_of_a_part(account, request.amount, _NO_REFUND),
            "reason": request.reason,
            "metadata": {REFUND_ID: request.refund_id},
        }

    def _require_reference(self, psp_reference: str) -> None:
        object_path(self._caller.account, PAYMENT_INTENTS, psp_reference)
