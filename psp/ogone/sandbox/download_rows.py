"""The rows of a download: one operation each, as they are written."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from psp.ogone.sandbox.amounts import as_decimal
from psp.ogone.sandbox.model import Operation, Payment
from psp.ogone.sandbox.replies import element
from psp.ogone.sandbox.statuses import is_settled, meaning
from psp.ogone.sandbox.world import moment


@dataclass(frozen=True, slots=True)
class Line:
    """What is told of one operation; `amount` is hundredths."""

    payid: str
    payidsub: int
    order_id: str
    ordered: date
    status: str
    meaning: str
    ncerror: str
    paid: date | None
    """When its status became final; None while it is not."""
    amount: int
    currency: str
    brand: str
    card: str
    expiry: str
    finer: bool = False
    """Whether the amount has one digit more than its currency."""

    @property
    def operation(self) -> str:
        """PAYID/PAYIDSUB."""
        return f"{self.payid}/{self.payidsub}"


def line_of(payment: Payment, step: Operation) -> Line:
    """Return what there is to tell of an operation."""
    return Line(
        payid=payment.payid,
        payidsub=step.payidsub,
        order_id=payment.order_id,
        ordered=moment(payment.created).date(),
        status=str(step.status),
        meaning=meaning(step.status),
        ncerror=step.ncerror,
        paid=moment(step.changed).date() if is_settled(step.status) else None,
        amount=step.amount,
        currency=payment.currency,
        brand=payment.card.behaviour.brand,
        card=payment.card.masked,
        expiry=payment.card.expiry,
    )


def row(line: Line, total: str = "TOTAL") -> str:
    """Return a row as XML; `total` is what the amount's attribute is called."""
    amount = as_decimal(line.amount)
    if line.finer:
        whole, _, fraction = amount.partition(".")
        amount = f"{whole}.{fraction:0<2}1"
    return element(
        "PAYMENT",
        {
            "ID": line.payid,
            "PAYIDSUB": str(line.payidsub),
            "REF": line.order_id,
            "ORDER": written(line.ordered),
            "STATUS": line.status,
            "LIB": line.meaning,
            "NCSTER": f"{line.ncerror[0]}/{line.ncerror}",
            "PAYDATE": written(line.paid) if line.paid else "",
            total: amount,
            "CUR": line.currency,
            "METHOD": "CreditCard",
            "BRAND": line.brand,
            "CARD": line.card,
            "EXPDATE": line.expiry,
            "BATCHREF": "",
        },
    )


def written(day: date) -> str:
    """Return a date as d/m/yyyy."""
    return f"{day.day}/{day.month}/{day.year}"
