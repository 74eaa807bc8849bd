"""Payments at Ogone: begin on the hosted page, charge an alias, retrieve, find by our reference.

Our payment id is the ORDERID, and the ORDERID is the PSP reference: the gateway knows it before
anything is sent.
"""

from __future__ import annotations

from typing import Final

from psp.errors import NotFoundError, OutcomeUnknownError, PspError
from psp.ogone.answers import Answer, UnreadableAnswerError
from psp.ogone.client import ORDER, OgoneCaller
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.errors import Problem, ProblemKind, problem_of, psp_error
from psp.ogone.failures import failure_of
from psp.ogone.history import fits_order_id, read_history
from psp.ogone.money import AmountError
from psp.ogone.order_params import charge_fields, page_fields
from psp.ogone.payment_reading import read_payment
from psp.port import CreatePayment, NextAction, NextActionKind, PspPayment, PspStatus

_PAGE: Final = "orderstandard_utf8.asp"

_K = ProblemKind
_DECLINED: Final = "2"
# A reply that refuses, and in the same breath shows an order that stands, is not to be trusted.
_OF_A_REFUSAL: Final = frozenset({"", "0", "1", _DECLINED, "93"})


class OgonePayments:
    """Orders of one account. Raises the errors of `psp.errors` only."""

    def __init__(self, caller: OgoneCaller, config: OgoneAccountConfig) -> None:
        self._caller = caller
        self._config = config

    async def create(self, request: CreatePayment) -> PspPayment:
        """Begin a payment. While the shopper is there Ogone's page does all, and nobody is called.

        Without the shopper the alias is charged by DirectLink; a decline is a result.
        """
        if request.shopper_present:
            return _awaiting(request, self._form(request))
        return await self._charge(request)

    def next_action(self, request: CreatePayment, order_id: str) -> NextAction | None:
        """Make the shopper's form anew; a charge without the shopper has none."""
        if order_id != request.payment_id:
            detail = "this is not the ORDERID of the payment"
            raise NotFoundError(self._caller.account, detail, "order_id_invalid")
        return self._form(request) if request.shopper_present else None

    async def retrieve(self, order_id: str) -> PspPayment:
        """Return Ogone's word on an order; `NotFoundError` until the shopper opened the page."""
        return (await read_history(self._caller, order_id, self._caller.deadline_s())).payment

    async def find(self, payment_id: str) -> PspPayment | None:
        """Look an order up: asked by ORDERID, Ogone's answer needs no window of time."""
        if not fits_order_id(payment_id):
            return None
        try:
            return await self.retrieve(payment_id)
        except NotFoundError:
            return None

    def _form(self, request: CreatePayment) -> NextAction:
        return NextAction(
            NextActionKind.POST_FORM,
            url=f"{self._config.page_base}/{_PAGE}",
            fields=page_fields(self._caller.account, self._config, request),
        )

    async def _charge(self, request: CreatePayment) -> PspPayment:
        account = self._caller.account
        fields = charge_fields(account, self._config, request)
        deadline_s = self._caller.deadline_s()
        answer = await self._caller.change(ORDER, fields, deadline_s)
        problem = problem_of(answer)
        if problem is not None and problem.kind is _K.DUPLICATE:
            return await self._existing(request.payment_id, problem, deadline_s)
        try:
            return read_charge(account, request, answer)
        except (UnreadableAnswerError, AmountError) as error:
            detail = f"the answer cannot be read: {error}"
            raise OutcomeUnknownError(account, detail, answer.error_code) from error

    async def _existing(self, order_id: str, said: Problem, deadline_s: float) -> PspPayment:
        """Ask about an order that was there before: an earlier attempt of ours made it."""
        try:
            return (await read_history(self._caller, order_id, deadline_s)).payment
        except PspError as unread:
            detail = f"{said.detail}; what is true could not be read: {unread.detail}"
            raise OutcomeUnknownError(self._caller.account, detail, said.code) from unread


def read_charge(account: str, request: CreatePayment, answer: Answer) -> PspPayment:
    """Read the reply to a charge; raises `UnreadableAnswerError`, `AmountError` or a `PspError`."""
    if answer.text("ORDERID") not in {"", request.payment_id}:
        raise UnreadableAnswerError("it is about another order")
    problem = problem_of(answer)
    if problem is None:
        # A decline may come without the sums.
        if answer.status == _DECLINED:
            return _declined(request, answer)
        return read_payment(request.payment_id, answer, [answer])
    if answer.status == _DECLINED and _is_final(problem):
        return _declined(request, answer)
    if problem.kind in {_K.DECLINED, _K.REFUSED} and answer.status not in _OF_A_REFUSAL:
        raise UnreadableAnswerError(f"error {problem.code} beside status {answer.status}")
    if problem.kind is _K.DECLINED:
        return _declined(request, answer)
    raise psp_error(account, problem, change=True)


def _is_final(problem: Problem) -> bool:
    """Whether status 2 beside this code means "declined" by whoever issued the card."""
    if problem.kind is _K.OUTCOME_UNKNOWN:
        return problem.code.startswith("00")
    return problem.kind is not _K.MISCONFIGURED


def _awaiting(request: CreatePayment, form: NextAction) -> PspPayment:
    return PspPayment(
        psp_reference=request.payment_id,
        status=PspStatus.AWAITING_CUSTOMER,
        raw_status="",  # Ogone has not heard of it
        currency=request.amount.currency,
        amount_minor=request.amount.amount_minor,
        next_action=form,
        payment_id=request.payment_id,
    )


def _declined(request: CreatePayment, answer: Answer) -> PspPayment:
    return PspPayment(
        psp_reference=request.payment_id,
        status=PspStatus.FAILED,
        raw_status=answer.status,
        currency=request.amount.currency,
        amount_minor=request.amount.amount_minor,
        failure=failure_of(answer),
        payment_id=request.payment_id,
    )
