"""payment_download_ncp.asp: the report of payments, as XML."""

from __future__ import annotations

from datetime import date
from typing import Final

from psp.ogone.sandbox.amounts import as_decimal
from psp.ogone.sandbox.books import Books
from psp.ogone.sandbox.model import Operation, Payment
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.replies import element
from psp.ogone.sandbox.statuses import is_settled, meaning
from psp.ogone.sandbox.world import moment

_PER_OPERATION: Final = "HISTLEVEL"
_LEVELS: Final = ("ORDERLEVEL", _PER_OPERATION)
_ANY: Final = (date.min, date.max)


def download(books: Books, parameters: Parameters) -> str:
    """Return the rows between the dates asked for; what is wrong arrives as SYSTEM_ERROR."""
    try:
        _check(books, parameters)
        ordered = _dates(parameters, "o")
        paid = _dates(parameters, "a")
    except ValueError as error:
        return system_error(str(error))
    level = parameters.text("LEVEL").upper()
    rows = [
        _row(payment, step)
        for payment in books.payments.values()
        for step in (payment.history if level == _PER_OPERATION else [payment.latest])
        if _is_between(moment(payment.created).date(), ordered)
        and (paid == _ANY or (is_settled(step.status) and _is_between(_paid(step), paid)))
    ]
    return element("DOWNLOAD_REPLY", {}, "".join(rows))


def system_error(text: str) -> str:
    """Return the reply of a download that is none."""
    return element("DOWNLOAD_REPLY", {}, element("SYSTEM_ERROR", {}, text))


def _check(books: Books, parameters: Parameters) -> None:
    if not books.account.download_profile:
        raise ValueError("the profile of this user does not allow downloads")
    if parameters.text("LEVEL").upper() not in _LEVELS:
        raise ValueError("level is ORDERLEVEL or HISTLEVEL")
    if parameters.text("FORMAT").upper() != "XML":
        raise ValueError("format is XML")


def _dates(parameters: Parameters, kind: str) -> tuple[date, date]:
    """Return the bounds `{kind}fd {kind}fm {kind}fy` to `{kind}td {kind}tm {kind}ty`."""
    return (
        _date(parameters, f"{kind}F", _ANY[0]),
        _date(parameters, f"{kind}T", _ANY[1]),
    )


def _date(parameters: Parameters, prefix: str, missing: date) -> date:
    names = [f"{prefix}{part}".upper() for part in "ymd"]
    given = [parameters.text(name) for name in names]
    if not any(given):
        return missing
    try:
        return date(*(int(part) for part in given))
    except ValueError as error:
        raise ValueError(f"{', '.join(names)} are no date") from error


def _is_between(day: date, bounds: tuple[date, date]) -> bool:
    return bounds[0] <= day <= bounds[1]


def _paid(step: Operation) -> date:
    return moment(step.changed).date()


def _row(payment: Payment, step: Operation) -> str:
    return element(
        "PAYMENT",
        {
            "ID": payment.payid,
            "PAYIDSUB": str(step.payidsub),
            "REF": payment.order_id,
            "ORDER": written(moment(payment.created).date()),
            "STATUS": str(step.status),
            "LIB": meaning(step.status),
            "NCSTER": f"{step.ncerror[0]}/{step.ncerror}",
            "PAYDATE": written(_paid(step)) if is_settled(step.status) else "",
            "TOTAL": as_decimal(step.amount),
            "CUR": payment.currency,
            "METHOD": "CreditCard",
            "BRAND": payment.card.behaviour.brand,
            "CARD": payment.card.masked,
            "EXPDATE": payment.card.expiry,
            "BATCHREF": "",
        },
    )


def written(day: date) -> str:
    """Return a date as d/m/yyyy."""
    return f"{day.day}/{day.month}/{day.year}"
