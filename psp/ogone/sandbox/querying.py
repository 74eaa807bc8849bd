"""querydirect.asp: a payment by PAYID or ORDERID, as a whole or one operation of it."""

from __future__ import annotations

from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.model import Operation, Payment
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.refusals import NO_SUCH_OPERATION, Refusal, invalid


def query(books: Books, parameters: Parameters) -> tuple[Payment, Operation]:
    """Return a payment with the operation asked for, its latest by default; raises `Refusal`."""
    payid, order_id = parameters.text("PAYID"), parameters.text("ORDERID")
    if not payid and not order_id:
        raise invalid("PAYID or ORDERID is missing")
    payment = books.payment(payid, order_id)
    sub = parameters.text("PAYIDSUB")
    if not sub:
        return payment, payment.latest
    for step in payment.history:
        if str(step.payidsub) == sub:
            return payment, step
    problem = f"history item {payment.payid}/{sub} is not accessible"
    raise Refusal(NO_SUCH_OPERATION, problem, payid=payment.payid)
