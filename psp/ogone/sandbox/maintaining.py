"""maintenancedirect.asp: captures, cancellations, refunds, renewals."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from psp.ogone.sandbox.acquiring import Doubt, doubted, maintained
from psp.ogone.sandbox.amounts import parse_amount
from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.model import Operation, Payment, standing
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.refusals import (
    CAPTURE_OVERFLOW,
    NO_PARTIAL_CAPTURE,
    REFUND_OVERFLOW,
    TOO_OLD,
    WRONG_STATUS,
    Refusal,
    invalid,
)
from psp.ogone.sandbox.transitions import OPERATIONS, Family, refusal
from psp.ogone.sandbox.world import AUTHORISATION_LASTS_S

_TEXTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        CAPTURE_OVERFLOW: "|overflow in operation: more than was authorised|",
        REFUND_OVERFLOW: "|overflow in refund: more than was captured|",
        WRONG_STATUS: "|this order is not authorized|",
        TOO_OLD: "|authorisation too old|",
        NO_PARTIAL_CAPTURE: "|partial capture not allowed|",
    }
)


def maintain(books: Books, parameters: Parameters, doubt: Doubt) -> tuple[Payment, Operation]:
    """Carry an operation out; raises `Refusal`, which leaves nothing.

    There is no idempotency key: the same request again is another operation. `doubt` is a
    fault's.
    """
    payment = books.payment(parameters.text("PAYID"), parameters.text("ORDERID"))
    name = parameters.text("OPERATION")
    if name not in OPERATIONS:
        raise invalid(f"OPERATION is one of {', '.join(OPERATIONS)}")
    given = parameters.text("AMOUNT")
    amount = parse_amount(given) if given else None
    return payment, operate(books, payment, name, amount, doubt)


def operate(
    books: Books,
    payment: Payment,
    name: str,
    amount: int | None = None,
    doubt: Doubt = Doubt.NONE,
    *,
    by_hand: bool = False,
) -> Operation:
    """Carry an operation out on an amount, on what is left if None; raises `Refusal`."""
    sums = standing(payment, books.now(), AUTHORISATION_LASTS_S)
    rule = OPERATIONS[name]
    if amount is None:
        amount = sums.remaining(rule.family)
    refused = refusal(name, amount, sums, partial=books.account.partial_captures)
    if refused is not None:
        text = _TEXTS[refused]
        if refused == WRONG_STATUS and rule.family is Family.REFUND:
            text = "|this order is not captured|"
        raise Refusal(refused, text, payid=payment.payid)
    outcome = doubted(rule.family, doubt) or maintained(payment.card.behaviour, rule.family)
    return books.record(payment, name, rule.family, amount, outcome, by_hand=by_hand)
