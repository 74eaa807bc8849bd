"""What an order is sent with, on the hosted page and by DirectLink: pure functions of the request.

Everything raises `RejectedError` before anything is sent.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from psp.errors import RejectedError
from psp.money import Money
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.history import fits_order_id
from psp.ogone.money import AmountError, to_ogone_amount
from psp.ogone.signing import SIGNATURE, sign
from psp.ogone.traits import METHODS
from psp.port import CapturePolicy, CreatePayment
from psp.redaction import is_card_number

_OPERATIONS: Final[Mapping[CapturePolicy, str]] = MappingProxyType(
    {
        CapturePolicy.AUTOMATIC: "SAL",
        CapturePolicy.AT_ORDER: "RES",
        CapturePolicy.MANUAL: "RES",
    }
)
# e-Commerce advanced guide, feedback: each address has at most 200 characters.
_RETURN_FIELDS: Final = ("ACCEPTURL", "DECLINEURL", "EXCEPTIONURL", "CANCELURL")
_MAX_RETURN_URL: Final = 200
# Alias guide: at most 50 characters, and never the card number.
_MAX_ALIAS: Final = 50
_ALIAS_PREFIX: Final = "als_"
_ALIAS_USAGE: Final = "Saved for your next purchase"
_MAX_COMMENT: Final = 100
# e-Commerce advanced guide, LANGUAGE. A country with several languages gets the page's default.
_DEFAULT_LANGUAGE: Final = "en_US"
_LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "AT": "de_DE",
        "DE": "de_DE",
        "ES": "es_ES",
        "FR": "fr_FR",
        "IT": "it_IT",
        "NL": "nl_NL",
        "PL": "pl_PL",
        "PT": "pt_PT",
    }
)
# DirectLink guide, RTIMEOUT: 30 to 90 seconds, below one's own time-out.
_MIN_RTIMEOUT_S: Final = 30
_MAX_RTIMEOUT_S: Final = 90
_SPARED_S: Final = 2


def page_fields(account: str, config: OgoneAccountConfig, request: CreatePayment) -> dict[str, str]:
    """Return the signed fields of `orderstandard_utf8.asp`, the page that takes the card."""
    fields = {
        "PSPID": config.pspid,
        **_order_fields(account, request),
        "LANGUAGE": _LANGUAGES.get(request.country_code, _DEFAULT_LANGUAGE),
        "PM": "CreditCard",
        **_return_fields(account, request.return_url),
        **_alias_fields(account, request),
    }
    passphrase = config.sha_in_ecommerce.get_secret_value()
    return {**fields, SIGNATURE: sign(fields, passphrase, config.algorithm)}


def charge_fields(
    account: str, config: OgoneAccountConfig, request: CreatePayment
) -> dict[str, str]:
    """Return what `orderdirect` charges an alias with while the shopper is away.

    DirectLink and Alias guides: ECI 9 is a recurring payment, and the stored credential is used
    by the merchant, after a first time.
    """
    if not request.psp_alias:
        detail = "without the shopper only a saved card can be charged"
        raise RejectedError(account, detail, "alias_required")
    fields = {
        **_order_fields(account, request),
        "ALIAS": checked_alias(account, request.psp_alias),
        "ECI": "9",
        "COF_INITIATOR": "MIT",
        "COF_TRANSACTION": "SUBSEQ",
        "COM": f"Order {request.order_id}"[:_MAX_COMMENT],
    }
    longest_s = math.floor(config.read_timeout_s) - _SPARED_S
    if longest_s >= _MIN_RTIMEOUT_S:
        fields["RTIMEOUT"] = str(min(longest_s, _MAX_RTIMEOUT_S))
    return fields


def ogone_amount(account: str, amount: Money) -> str:
    """Return an amount as requests write it."""
    try:
        return to_ogone_amount(amount)
    except AmountError as error:
        raise RejectedError(account, str(error), "amount_invalid") from error


def checked_alias(account: str, alias: str) -> str:
    """Return an alias that Ogone can hold and that is nobody's card number."""
    if not 0 < len(alias) <= _MAX_ALIAS or is_card_number(alias.replace(" ", "").replace("-", "")):
        detail = f"an alias has 1 to {_MAX_ALIAS} characters and is no card number"
        raise RejectedError(account, detail, "alias_invalid")
    return alias


def new_alias_of(payment_id: str) -> str:
    """Return the name that a card gets which is saved with a payment."""
    return _ALIAS_PREFIX + payment_id


def _order_fields(account: str, request: CreatePayment) -> dict[str, str]:
    if not fits_order_id(request.payment_id):
        detail = "an ORDERID is 1 to 30 letters, digits, - and _: a cut one would be another's"
        raise RejectedError(account, detail, "order_id_invalid")
    if request.method not in METHODS:
        detail = f"{request.method} is not taken by Ogone here"
        raise RejectedError(account, detail, "method_invalid")
    return {
        "ORDERID": request.payment_id,
        "AMOUNT": ogone_amount(account, request.amount),
        "CURRENCY": request.amount.currency,
        "OPERATION": _OPERATIONS[request.capture_policy],
    }


def _return_fields(account: str, return_url: str) -> dict[str, str]:
    if not return_url:
        return {}
    if len(return_url) > _MAX_RETURN_URL or urlsplit(return_url).scheme not in {"http", "https"}:
        detail = f"Ogone sends a shopper back to a web address of {_MAX_RETURN_URL} characters"
        raise RejectedError(account, detail, "return_url_invalid")
    return dict.fromkeys(_RETURN_FIELDS, return_url)


def _alias_fields(account: str, request: CreatePayment) -> dict[str, str]:
    if request.psp_alias:
        alias = checked_alias(account, request.psp_alias)
    elif request.save_alias:
        # Named by us, from a name that is never used twice: one PSPID has one space of names.
        alias = checked_alias(account, new_alias_of(request.payment_id))
    else:
        return {}
    return {"ALIAS": alias, "ALIASUSAGE": _ALIAS_USAGE}
