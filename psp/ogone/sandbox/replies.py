"""DirectLink's XML replies."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from xml.sax.saxutils import quoteattr

from psp.ogone.sandbox.acquiring import AUTHENTICATING, OUTCOME_TEXTS
from psp.ogone.sandbox.amounts import as_decimal
from psp.ogone.sandbox.model import Operation, Payment
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.refusals import NOT_FOUND, Refusal
from psp.ogone.sandbox.statuses import QUERY_FAILED


def document(root: str, encoding: str) -> bytes:
    """Return an XML document in the encoding of its page."""
    return encoded(f"{declaration(encoding)}{root}\n", encoding)


def declaration(encoding: str) -> str:
    """Return the first line of a document."""
    return f'<?xml version="1.0" encoding="{encoding.upper()}"?>\n'


def encoded(text: str, encoding: str) -> bytes:
    """Return a part of a document as it is sent."""
    return text.encode(encoding, errors="xmlcharrefreplace")


def element(name: str, attributes: Mapping[str, str], inner: str = "") -> str:
    """Return an element; `inner` is XML already."""
    written = "".join(f" {key}={quoteattr(value)}" for key, value in attributes.items())
    return f"<{name}{written}>{inner}</{name}>" if inner else f"<{name}{written}/>"


def reply(payment: Payment, step: Operation, *, html_answer: str = "") -> str:
    """Return what is said of an operation, with the page to render if a bank asks its shopper."""
    attributes = {
        "orderID": payment.order_id,
        "PAYID": payment.payid,
        "PAYIDSUB": str(step.payidsub),
        # Ogone DirectLink, 3-D Secure: a shopper who is asked looks like an error.
        "NCSTATUS": "5" if step.status == AUTHENTICATING else step.ncerror[0],
        "NCERROR": step.ncerror,
        "NCERRORPLUS": OUTCOME_TEXTS[step.ncerror],
        "ACCEPTANCE": step.acceptance,
        "STATUS": str(step.status),
        "ECI": payment.eci,
        "amount": as_decimal(step.amount),
        "currency": payment.currency,
        "PM": "CreditCard",
        "BRAND": payment.card.behaviour.brand,
        "CARDNO": payment.card.masked,
        "IP": payment.ip,
    }
    if payment.alias:
        attributes["ALIAS"] = payment.alias
    if not html_answer:
        return element("ncresponse", attributes)
    encoded = base64.b64encode(html_answer.encode()).decode()
    return element("ncresponse", attributes, f"<HTML_ANSWER>{encoded}</HTML_ANSWER>")


def refused(refusal: Refusal, parameters: Parameters, payidsub: str = "") -> str:
    """Return what is said of a request that was refused."""
    is_unknown = refusal.ncerror == NOT_FOUND
    return element(
        "ncresponse",
        {
            "orderID": parameters.text("ORDERID"),
            "PAYID": refusal.payid,
            "PAYIDSUB": payidsub,
            "NCSTATUS": "5",
            "NCERROR": refusal.ncerror,
            "NCERRORPLUS": refusal.ncerrorplus,
            "ACCEPTANCE": "",
            "STATUS": "" if is_unknown else "0",
            "amount": "",
            "currency": "",
        },
    )


def query_failed(parameters: Parameters) -> str:
    """Return the answer of a query that failed itself, which says nothing of the payment."""
    return element(
        "ncresponse",
        {
            "orderID": parameters.text("ORDERID"),
            "PAYID": parameters.text("PAYID"),
            "PAYIDSUB": parameters.text("PAYIDSUB"),
            "NCSTATUS": "0",
            "NCERROR": "0",
            "NCERRORPLUS": "!",
            "ACCEPTANCE": "",
            "STATUS": str(QUERY_FAILED),
            "amount": "",
            "currency": "",
        },
    )
