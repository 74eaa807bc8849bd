"""Feedback: what a merchant is told by the shopper's return and by notifications."""

from __future__ import annotations

from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from psp.ogone.sandbox.amounts import as_decimal
from psp.ogone.sandbox.model import Account, Operation, Payment
from psp.ogone.sandbox.signing import SHA_OUT_FIELDS, SIGNATURE, sign_feedback
from psp.ogone.sandbox.world import moment


def feedback(account: Account, payment: Payment, step: Operation) -> dict[str, str]:
    """Return the parameters of one step, signed (Ogone e-Commerce, transaction feedback)."""
    told = {
        "orderID": payment.order_id,
        "currency": payment.currency,
        "amount": as_decimal(step.amount),
        "PM": "CreditCard",
        "ACCEPTANCE": step.acceptance,
        "STATUS": str(step.status),
        "CARDNO": payment.card.masked,
        "ED": payment.card.expiry,
        "CN": payment.card.holder,
        "TRXDATE": moment(step.at).strftime("%m/%d/%y"),
        "PAYID": payment.payid,
        "PAYIDSUB": str(step.payidsub),
        "NCERROR": step.ncerror,
        "BRAND": payment.card.behaviour.brand,
        "IP": payment.ip,
    }
    if payment.alias:
        told["ALIAS"] = payment.alias
    if payment.complus:
        told["COMPLUS"] = payment.complus
    # What PARAMPLUS brings is not signed, and must not pass for what is.
    known = SHA_OUT_FIELDS | {SIGNATURE}
    extra = {key: value for key, value in payment.paramplus.items() if key.upper() not in known}
    signature = sign_feedback(told, account.sha_out, account.algorithm, payment.encoding)
    return {**extra, **told, SIGNATURE: signature}


def encode(parameters: dict[str, str], encoding: str) -> str:
    """Return parameters form-encoded in the encoding of the page that was used."""
    return urlencode(parameters, encoding=encoding, errors="replace")


def with_feedback(url: str, parameters: dict[str, str], encoding: str) -> str:
    """Return an address with the feedback after whatever its query already said."""
    parts = urlsplit(url)
    kept = urlencode(parse_qsl(parts.query, keep_blank_values=True))
    query = "&".join(text for text in (kept, encode(parameters, encoding)) if text)
    return urlunsplit(parts._replace(query=query))
