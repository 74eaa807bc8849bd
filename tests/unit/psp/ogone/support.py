"""Values that tests of the Ogone adapter start from."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlencode
from xml.sax.saxutils import quoteattr

from pydantic import SecretStr

from psp.money import Money
from psp.ogone.answers import Answer, parse_answer
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.signing import SIGNATURE, SIGNED_IN_FEEDBACK, sign
from psp.port import CapturePolicy, CreatePayment, PaymentMethod

PAYMENT_ID = "pay_01jd3v8e2m0000000000000000"
"""As long as our ids are: exactly what Ogone takes."""
PAYID = "3014644340"
SHA_OUT = "sha-out-one"


def account_config(**changes: object) -> OgoneAccountConfig:
    """Return a valid configuration whose secrets need no environment."""
    values: dict[str, object] = {
        "psp": "ogone",
        "pspid": "PaygateTest",
        "user_id": "paygate_api",
        "password": SecretStr("topsecret-password"),
        "sha_in_ecommerce": SecretStr("topsecret-ecommerce"),
        "sha_in_directlink": SecretStr("topsecret-directlink"),
        "sha_out": (SecretStr(SHA_OUT), SecretStr("sha-out-two")),
        "algorithm": "sha512",
        "api_base": "https://ogone.test/ncol/test",
        "page_base": "https://ogone.test/ncol/test",
        "connect_timeout_s": 5.0,
        "read_timeout_s": 10.0,
        "query_timeout_s": 5.0,
        "query_pause_s": 0.0,
        "max_query_retries": 1,
        "total_timeout_s": 20.0,
    }
    return OgoneAccountConfig.model_construct(None, **{**values, **changes})  # type: ignore[arg-type]  # fields by name


def create_request(**changes: object) -> CreatePayment:
    """Return a card payment of 12.34 EUR that the gateway captures."""
    values: dict[str, object] = {
        "payment_id": PAYMENT_ID,
        "order_id": "order-1",
        "amount": Money(1234, "EUR"),
        "method": PaymentMethod.CARD,
        "country_code": "BE",
        "capture_policy": CapturePolicy.AT_ORDER,
        "idempotency_key": "key-1",
    }
    return CreatePayment(**{**values, **changes})  # type: ignore[arg-type]  # fields by name


def off_session(**changes: object) -> CreatePayment:
    """Return a charge of an alias while the shopper is away."""
    return create_request(**{"psp_alias": "als_1", "shopper_present": False, **changes})


def attributes(status: str = "5", **changes: str) -> dict[str, str]:
    """Return what a reply says of an order of 12.34 EUR; a change to "" is an empty attribute."""
    return {
        "orderID": PAYMENT_ID,
        "PAYID": PAYID,
        "NCSTATUS": "0",
        "NCERROR": "0",
        "NCERRORPLUS": "!",
        "ACCEPTANCE": "test123",
        "STATUS": status,
        "amount": "12.34",
        "currency": "EUR",
        **changes,
    }


def reply(status: str = "5", **changes: str) -> bytes:
    """Return `attributes` as DirectLink answers them."""
    said = " ".join(
        f"{name}={quoteattr(value)}" for name, value in attributes(status, **changes).items()
    )
    return f'<?xml version="1.0" encoding="ISO-8859-1"?>\n<ncresponse {said}/>'.encode("iso-8859-1")


def answer(status: str = "5", **changes: str) -> Answer:
    """Return `reply` as it is read."""
    return parse_answer(reply(status, **changes))


def unknown_order() -> bytes:
    """Return the reply about an order, or an operation of one, that Ogone does not know."""
    return reply(
        "", PAYID="", NCSTATUS="5", NCERROR="50001130", NCERRORPLUS="unknown orderid", amount=""
    )


def notification(**changes: str) -> dict[str, str]:
    """Return the fields of a notification that the shopper's card was authorised, unsigned."""
    return {
        "orderID": PAYMENT_ID,
        "currency": "EUR",
        "amount": "12.34",
        "PM": "CreditCard",
        "ACCEPTANCE": "test123",
        "STATUS": "5",
        "CARDNO": "XXXXXXXXXXXX1111",
        "ED": "1230",
        "CN": "Ana",
        "TRXDATE": "11/24/26",
        "PAYID": PAYID,
        "NCERROR": "0",
        "BRAND": "VISA",
        "IP": "192.0.2.1",
        **changes,
    }


def signed_body(
    fields: Mapping[str, str], passphrase: str = SHA_OUT, encoding: str = "utf-8"
) -> bytes:
    """Return a notification's body, signed as Ogone signs what it sends."""
    signed = {name: value for name, value in fields.items() if name.upper() in SIGNED_IN_FEEDBACK}
    signature = sign(signed, passphrase, "sha512", encoding=encoding)
    return urlencode({**fields, SIGNATURE: signature}, encoding=encoding).encode()
