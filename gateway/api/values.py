"""How single fields are read: from what a caller sent to a value that cannot be malformed.

Every parser raises `ValueError` with what is wrong and what to send instead. What callers sent is
not repeated, unless it is a short code: it may be long, and it may be what must not be logged.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from typing import Final

from gateway.domain.countries import COUNTRY_CODES
from psp.money import CURRENCY_DECIMALS, MAX_AMOUNT_MINOR
from psp.redaction import holds_key

DEFAULT_PAGE_SIZE: Final = 50
MAX_PAGE_SIZE: Final = 500

IDENTIFIER: Final = re.compile(r"[A-Za-z0-9._:-]{1,64}", re.ASCII)
"""What ids of the retailer's systems are made of."""
# What gateway.ids.new_id makes.
_PAYMENT_ID: Final = re.compile(r"pay_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)
_REFUND_ID: Final = re.compile(r"ref_[0-9a-hjkmnp-tv-z]{26}", re.ASCII)
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_NIL_UUID: Final = str(uuid.UUID(int=0))
_SHOWN_CHARACTERS: Final = 12


def request_id(text: str) -> str:
    """Read a UUID of any version in its canonical form; capitals are read as small letters."""
    if not text:
        raise ValueError("is required: make a UUID before you send, and keep it for retries")
    # RFC 9562, section 4: written in small letters, read in either.
    canonical = text.lower()
    if not _UUID.fullmatch(canonical):
        raise ValueError("is no UUID: send one like 0190d3a2-7c1e-7b4e-9f6a-3d2c1b0a9e8f")
    if canonical == _NIL_UUID:
        raise ValueError("is the nil UUID, which is nobody's own: make a random one")
    return canonical


def identifier(text: str) -> str:
    """Read an id of the retailer's."""
    if not text:
        raise ValueError("is required")
    if not IDENTIFIER.fullmatch(text):
        raise ValueError("must be 1 to 64 of A-Z a-z 0-9 . _ - :")
    if holds_key(text):
        raise ValueError("looks like a key or a secret, which is no id: send the id alone")
    return text


def optional(parse: Callable[[str], str]) -> Callable[[str], str]:
    """Return a parser that leaves an empty text empty."""
    return lambda text: parse(text) if text else ""


def payment_id(text: str) -> str:
    """Read an id in the form that the gateway gives to payments; it need not exist."""
    if not text:
        raise ValueError("is required")
    if not _PAYMENT_ID.fullmatch(text):
        raise ValueError('is no payment\'s id: send one as answered, "pay_" and 26 characters')
    return text


def refund_id(text: str) -> str:
    """Read an id in the form that the gateway gives to refunds; it need not exist."""
    if not text:
        raise ValueError("is required")
    if not _REFUND_ID.fullmatch(text):
        raise ValueError('is no refund\'s id: send one as answered, "ref_" and 26 characters')
    return text


def country_code(text: str) -> str:
    """Read an ISO 3166-1 alpha-2 code."""
    if not text:
        raise ValueError('is required: an ISO 3166-1 alpha-2 code such as "FR"')
    if text not in COUNTRY_CODES:
        raise ValueError(f'{shown(text)} is no ISO 3166-1 alpha-2 code in capitals, e.g. "FR"')
    return text


def currency_code(text: str) -> str:
    """Read an ISO 4217 code whose decimals are known."""
    if not text:
        raise ValueError('is required: an ISO 4217 code such as "EUR"')
    if text not in CURRENCY_DECIMALS:
        raise ValueError(f'{shown(text)} is no known ISO 4217 code in capitals, e.g. "EUR"')
    return text


def positive_amount_minor(amount_minor: int) -> int:
    """Read an amount above zero."""
    if amount_minor <= 0:
        raise ValueError(f"is {amount_minor}: it must be above 0, in minor units of the currency")
    if amount_minor > MAX_AMOUNT_MINOR:
        raise ValueError(f"is {amount_minor}: it must be at most {MAX_AMOUNT_MINOR} minor units")
    return amount_minor


def page_size(given: int) -> int:
    """Read how many rows a page may have; too large a wish is cut, as the contract says."""
    if given < 0:
        raise ValueError(f"is negative: send 0 for {DEFAULT_PAGE_SIZE}, or 1 to {MAX_PAGE_SIZE}")
    return min(given or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE)


def sequence(given: int) -> int:
    """Read the number of a journal line; 0 stands before the first."""
    if given < 0:
        raise ValueError("is negative: send 0 for the whole journal, or a sequence you have seen")
    return given


def shown(code: str) -> str:
    """Return a code as it may stand in an answer: on one line, and only if it is short.

    Nothing long is repeated, not even in part: it is no code, and may be what must not be logged.
    """
    if len(code) > _SHOWN_CHARACTERS:
        return f"a text of {len(code)} characters"
    return ascii(code) if not code.isprintable() else f'"{code}"'
