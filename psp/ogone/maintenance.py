"""Captures and cancels at Ogone: maintenance on an order, never repeated.

Ogone has no idempotency keys. So the operations are read first, and what was done already is the
answer; after a call without an answer nothing is sent again: `OutcomeUnknownError`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from psp.errors import OutcomeUnknownError, PspError, RejectedError, UnavailableError
from psp.money import Money
from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.client import MAINTENANCE, OgoneCaller
from psp.ogone.errors import TO_BE_CHECKED, Problem, problem_of, psp_error
from psp.ogone.history import OrderHistory, read_history
from psp.ogone.money import AmountError
from psp.ogone.order_params import ogone_amount
from psp.ogone.payment_reading import read_payment
from psp.port import CancelPayment, CapturePayment, PendingChange, PspPayment, PspStatus

# DirectLink guide, maintenance: both close the order, so that what is not taken is released.
_CAPTURE: Final = "SAS"
_CANCEL: Final = "DES"

_WRONG_STATE: Final = "50001127"
_OVERFLOW: Final = "50001126"

IsDone = Callable[[OrderHistory], bool]


class OgoneMaintenance:
    """Changes of authorised orders. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: OgoneCaller) -> None:
        self._caller = caller

    async def capture(self, request: CapturePayment) -> PspPayment:
        """Capture once; Ogone releases the rest. It is carried out later: pending at first."""
        wanted = request.amount
        ogone_amount(self._caller.account, wanted)

        def is_done(history: OrderHistory) -> bool:
            payment = history.payment
            taken = Money(history.taken_minor, payment.currency)
            return _is_captured(payment) and taken == wanted

        deadline_s = self._caller.deadline_s()
        history = await read_history(self._caller, request.psp_reference, deadline_s)
        if is_done(history):
            return history.payment
        self._require_authorized(history.payment)
        self._require_within(history.payment, wanted)
        return await self._change(history, _CAPTURE, wanted, is_done, deadline_s)

    async def cancel(self, request: CancelPayment) -> PspPayment:
        """Release an authorisation; one that is or will be released is answered as it is."""
        deadline_s = self._caller.deadline_s()
        history = await read_history(self._caller, request.psp_reference, deadline_s)
        if _is_canceled(history):
            return history.payment
        self._require_authorized(history.payment)
        whole = Money(history.payment.authorized_minor, history.payment.currency)
        return await self._change(history, _CANCEL, whole, _is_canceled, deadline_s)

    async def _change(
        self,
        history: OrderHistory,
        operation: str,
        amount: Money,
        is_done: IsDone,
        deadline_s: float,
    ) -> PspPayment:
        account, order_id = self._caller.account, history.payment.psp_reference
        form = {
            "PAYID": history.payid,
            "AMOUNT": ogone_amount(account, amount),
            "OPERATION": operation,
        }
        answer = await self._caller.change(MAINTENANCE, form, deadline_s)
        problem = problem_of(answer)
        if problem is not None and problem.kind in TO_BE_CHECKED:
            return await self._truth_or_refusal(order_id, problem, is_done, deadline_s)
        if problem is not None:
            raise psp_error(account, problem, change=True)
        try:
            return _read_change(history, answer)
        except (UnreadableAnswerError, AmountError) as error:
            raise OutcomeUnknownError(account, f"the answer cannot be read: {error}") from error

    async def _truth_or_refusal(
        self, order_id: str, said: Problem, is_done: IsDone, deadline_s: float
    ) -> PspPayment:
        account = self._caller.account
        try:
            history = await read_history(self._caller, order_id, deadline_s)
        except PspError as unread:
            detail = f"{said.detail}; what is true could not be read: {unread.detail}"
            raise OutcomeUnknownError(account, detail, said.code) from unread
        if is_done(history):
            return history.payment
        # "Done already" of what does not show proves nothing: it stays unknown.
        raise psp_error(account, said, change=True)

    def _require_authorized(self, payment: PspPayment) -> None:
        account, status = self._caller.account, payment.raw_status
        if payment.status is PspStatus.UNKNOWN:
            # An earlier change may still come true: nothing is sent on top of it.
            detail = f"status {status} leaves open what became of the order: ask again later"
            raise UnavailableError(account, detail, _WRONG_STATE)
        if payment.status is not PspStatus.AUTHORIZED:
            detail = f"status {status} is no authorisation that stands"
            raise RejectedError(account, detail, _WRONG_STATE)

    def _require_within(self, payment: PspPayment, wanted: Money) -> None:
        largest = Money(payment.authorized_minor, payment.currency)
        if wanted.currency != largest.currency or wanted.amount_minor > largest.amount_minor:
            detail = f"{wanted} is not within the authorised {largest}"
            raise RejectedError(self._caller.account, detail, _OVERFLOW)


def _read_change(history: OrderHistory, answer: Answer) -> PspPayment:
    """Read the reply to a change: it is the newest operation of the order."""
    if answer.text("PAYID") not in {"", history.payid}:
        raise UnreadableAnswerError("it is about another payment")
    operations = (*history.operations, answer)
    return read_payment(history.payment.psp_reference, answer, operations)


def _is_captured(payment: PspPayment) -> bool:
    return payment.status is PspStatus.CAPTURED or payment.pending is PendingChange.CAPTURE


def _is_canceled(history: OrderHistory) -> bool:
    payment = history.payment
    return payment.status is PspStatus.CANCELED or payment.pending is PendingChange.CANCEL
