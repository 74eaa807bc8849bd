"""Refunds at Ogone: maintenance on a captured order, never repeated, and listed from its history.

Ogone has neither idempotency keys nor a reference of ours on an operation. So the history is read
first: a refund of this amount that belongs to no other request is the answer, and nothing is sent.
After a call without an answer nothing is sent again either: `OutcomeUnknownError`, and the list
shows what became of it.
"""

from __future__ import annotations

from typing import Final

from psp.errors import OutcomeUnknownError, PspError, RejectedError, UnavailableError
from psp.money import Money
from psp.ogone.answers import UnreadableAnswerError
from psp.ogone.client import MAINTENANCE, OgoneCaller
from psp.ogone.errors import TO_BE_CHECKED, problem_of, psp_error
from psp.ogone.history import MAX_OPERATIONS, OrderHistory, read_history
from psp.ogone.money import AmountError
from psp.ogone.order_params import ogone_amount
from psp.ogone.refund_reading import done_before, has_doubtful, read_refunds, read_reply
from psp.port import PendingChange, PspRefund, PspStatus, RefundPayment

# DirectLink guide, maintenance: RFD leaves the order open, RFS closes it. Never RFS, not even for
# the last cent: a refund that is refused or reversed later must be able to be made again, and an
# order of which all was given back has nothing left to keep from anybody.
_REFUND: Final = "RFD"

_WRONG_STATE: Final = "50001127"
_OVERFLOW: Final = "50001129"
_CAPTURE_PENDING: Final = "capture_pending"
_TOO_MANY: Final = "too_many_operations"


class OgoneRefunds:
    """Refunds of captured orders. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: OgoneCaller) -> None:
        self._caller = caller

    async def refund(self, request: RefundPayment) -> PspRefund:
        """Give money back once; it is carried out later: pending at first."""
        ogone_amount(self._caller.account, request.amount)
        deadline_s = self._caller.deadline_s()
        history = await read_history(self._caller, request.psp_reference, deadline_s)
        done = done_before(self._refunds(history), request)
        if done is not None:
            return done
        self._require_refundable(history, request.amount)
        return await self._send(history, request, deadline_s)

    async def list(self, order_id: str) -> tuple[PspRefund, ...]:
        """Return every refund of an order, the oldest first, whoever made it.

        A list that may lack one is none: `UnavailableError` while an operation after the capture
        does not say yet what it is.
        """
        history = await read_history(self._caller, order_id, self._caller.deadline_s())
        self._require_clear(history)
        return self._refunds(history)

    async def _send(
        self, history: OrderHistory, request: RefundPayment, deadline_s: float
    ) -> PspRefund:
        account = self._caller.account
        form = {
            "PAYID": history.payid,
            "AMOUNT": ogone_amount(account, request.amount),
            "OPERATION": _REFUND,
        }
        answer = await self._caller.change(MAINTENANCE, form, deadline_s)
        problem = problem_of(answer)
        if problem is not None:
            said = psp_error(account, problem, change=True)
            if problem.kind not in TO_BE_CHECKED:
                raise said
            return await self._shown_or(said, request, deadline_s)
        try:
            refund = read_reply(history, request, answer)
        except (UnreadableAnswerError, AmountError) as error:
            raise OutcomeUnknownError(account, f"the answer cannot be read: {error}") from error
        if refund is not None:
            return refund
        unnamed = OutcomeUnknownError(account, "neither answer nor history names the refund")
        return await self._shown_or(unnamed, request, deadline_s)

    async def _shown_or(
        self, said: PspError, request: RefundPayment, deadline_s: float
    ) -> PspRefund:
        """Return the refund that the history shows by now; raises `said` if it shows none.

        A refusal may be an echo of the same refund, made a moment before, or stand in the history
        as a refund that was refused.
        """
        account = self._caller.account
        try:
            history = await read_history(self._caller, request.psp_reference, deadline_s)
            done = done_before(self._refunds(history), request)
            if done is None:
                self._require_clear(history)
        except PspError as unread:
            detail = f"{said.detail}; what is true could not be read: {unread.detail}"
            raise OutcomeUnknownError(account, detail, said.code) from unread
        if done is not None:
            return done
        raise said

    def _refunds(self, history: OrderHistory) -> tuple[PspRefund, ...]:
        try:
            return read_refunds(history)
        except AmountError as error:
            detail = f"a refund in the order's history cannot be read: {error}"
            raise UnavailableError(self._caller.account, detail) from error

    def _require_clear(self, history: OrderHistory) -> None:
        if has_doubtful(history):
            detail = "an operation after the capture may be a refund, or not: ask again later"
            raise UnavailableError(self._caller.account, detail, _WRONG_STATE)

    def _require_refundable(self, history: OrderHistory, wanted: Money) -> None:
        account, payment = self._caller.account, history.payment
        if payment.pending is PendingChange.CAPTURE:
            detail = f"status {payment.raw_status}: the capture is not carried out yet, wait for it"
            raise RejectedError(account, detail, _CAPTURE_PENDING)
        self._require_clear(history)
        if payment.status is PspStatus.UNKNOWN:
            # An earlier change may still come true: nothing is sent on top of it.
            detail = f"status {payment.raw_status} leaves open what became of the order"
            raise UnavailableError(account, f"{detail}: ask again later", _WRONG_STATE)
        if payment.status is not PspStatus.CAPTURED:
            detail = f"status {payment.raw_status} is no payment that was captured"
            raise RejectedError(account, detail, _WRONG_STATE)
        left = Money(max(0, payment.captured_minor - payment.refunded_minor), payment.currency)
        if wanted.currency != left.currency or wanted.amount_minor > left.amount_minor:
            detail = f"{wanted} is not within the {left} that is left to give back"
            raise RejectedError(account, detail, _OVERFLOW)
        if len(history.operations) >= MAX_OPERATIONS:
            # One more could never be read again.
            detail = f"the order has {MAX_OPERATIONS} operations: refund it in the back office"
            raise RejectedError(account, detail, _TOO_MANY)
