"""Who asks, with which signature, and whether what an order says can be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlsplit

from psp.ogone.sandbox.amounts import check_currency, parse_amount
from psp.ogone.sandbox.model import Account
from psp.ogone.sandbox.parameters import Parameters
from psp.ogone.sandbox.refusals import WRONG_PASSWORD, Refusal, invalid
from psp.ogone.sandbox.signing import SIGNATURE, is_signed
from psp.ogone.sandbox.transitions import Family
from psp.redaction import is_card_number

_ORDER_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,30}", re.ASCII)
_ECI: Final = re.compile(r"[0-9]{1,2}", re.ASCII)
_URLS: Final = ("ACCEPTURL", "DECLINEURL", "EXCEPTIONURL", "CANCELURL")
_LENGTHS: Final[Mapping[str, int]] = {
    "CN": 35,
    "EMAIL": 50,
    "COM": 100,
    "ALIAS": 50,
    **dict.fromkeys(_URLS, 200),
}
"""Ogone DirectLink and e-Commerce, request parameters: longest value."""
_CHOICES: Final[Mapping[str, frozenset[str]]] = {
    "OPERATION": frozenset({"", "RES", "SAL"}),
    "PM": frozenset({"", "CreditCard"}),
    "ALIASOPERATION": frozenset({"", "BYMERCHANT", "BYPSP"}),
    "FLAG3D": frozenset({"", "Y", "N"}),
    "WIN3DS": frozenset({"", "MAINW", "POPUP", "POPIX"}),
    "COF_INITIATOR": frozenset({"", "CIT", "MIT"}),
    "COF_TRANSACTION": frozenset({"", "FIRST", "SUBSEQ"}),
}
ORDER_FAMILIES: Final[Mapping[str, Family]] = {"RES": Family.AUTHORISE, "SAL": Family.CAPTURE}
RECURRING: Final = "9"


@dataclass(frozen=True, slots=True)
class Urls:
    """Where the shopper goes afterwards; empty is nowhere."""

    accept: str = ""
    decline: str = ""
    exception: str = ""
    cancel: str = ""

    def after(self, status: int) -> str:
        """Return the address for a status (Ogone e-Commerce, redirection by result)."""
        places = {1: self.cancel, 2: self.decline, 93: self.decline, 52: self.exception}
        return places.get(status, self.exception if status == 92 else self.accept)  # noqa: PLR2004 - payment uncertain


@dataclass(frozen=True, slots=True)
class Terms:
    """An order as it was asked for."""

    order_id: str
    amount: int
    currency: str
    operation: str
    urls: Urls
    eci: str = "7"
    alias: str = ""
    alias_usage: str = ""
    alias_by_psp: bool = False
    brand: str = ""
    holder: str = ""
    complus: str = ""
    paramplus: Mapping[str, str] | None = None
    encoding: str = "utf-8"

    @property
    def family(self) -> Family:
        """What the order does once it is authorised."""
        return ORDER_FAMILIES[self.operation]


def check_user(account: Account, parameters: Parameters) -> None:
    """Raise `Refusal` unless USERID and PSWD are the account's."""
    given = (parameters.text("USERID"), parameters.text("PSWD"))
    if given != (account.userid, account.password):
        raise Refusal(WRONG_PASSWORD, "USERID or PSWD is wrong, or the user is not active")


def check_signature(
    account: Account, parameters: Parameters, passphrase: str, *, required: bool = True
) -> None:
    """Raise `Refusal` for a signature that is wrong, or missing where one is required."""
    if not parameters.text(SIGNATURE):
        if required:
            raise invalid("unknown order/0/s")
        return
    if not is_signed(parameters.values, passphrase, account.algorithm, parameters.encoding):
        raise invalid("unknown order/1/s")


def read_terms(parameters: Parameters) -> Terms:
    """Return what an order asks for; raises `Refusal`."""
    order_id = parameters.text("ORDERID")
    if not _ORDER_ID.fullmatch(order_id):
        raise invalid("ORDERID is 1 to 30 characters of A-Z a-z 0-9 - _")
    amount, currency = parse_amount(parameters.text("AMOUNT")), parameters.text("CURRENCY")
    check_currency(currency, amount)
    for name, longest in _LENGTHS.items():
        if len(parameters.text(name)) > longest:
            raise invalid(f"{name} is longer than {longest} characters")
    for name, choices in _CHOICES.items():
        if parameters.text(name) not in choices:
            raise invalid(f"{name} is one of {', '.join(sorted(choices - {''}))}")
    if is_card_number(parameters.text("ALIAS")):
        raise invalid("ALIAS must not be a card number")
    eci = parameters.text("ECI") or "7"
    if not _ECI.fullmatch(eci):
        raise invalid("ECI is a number")
    return Terms(
        order_id=order_id,
        amount=amount,
        currency=currency,
        operation=parameters.text("OPERATION") or "RES",
        urls=_read_urls(parameters),
        eci=eci,
        alias=parameters.text("ALIAS"),
        alias_usage=parameters.text("ALIASUSAGE"),
        alias_by_psp=parameters.text("ALIASOPERATION") == "BYPSP",
        brand=parameters.text("BRAND"),
        holder=parameters.text("CN"),
        complus=parameters.text("COMPLUS"),
        paramplus=dict(parse_qsl(parameters.text("PARAMPLUS"), keep_blank_values=True)),
        encoding=parameters.encoding,
    )


def _read_urls(parameters: Parameters) -> Urls:
    urls = [parameters.text(name) for name in _URLS]
    for name, url in zip(_URLS, urls, strict=True):
        if url and (urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).netloc):
            raise invalid(f"{name} is an http or https address")
    return Urls(*urls)
