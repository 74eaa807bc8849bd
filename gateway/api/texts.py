"""How free text is read: bounded, on one line, never with a card number or a key in it."""

from __future__ import annotations

import ipaddress
import re
import unicodedata
from collections.abc import Callable, Iterable
from typing import Final
from urllib.parse import SplitResult, unquote, urlsplit

from psp.redaction import (
    CARD_GAP,
    holds_key,
    in_plain_digits,
    is_card_number,
    without_escapes,
)

MAX_EMAIL_CHARACTERS: Final = 320
MAX_NAME_CHARACTERS: Final = 200
MAX_PHONE_CHARACTERS: Final = 40
MAX_LOCALE_CHARACTERS: Final = 35
MAX_URL_CHARACTERS: Final = 2048
MAX_NOTE_CHARACTERS: Final = 1000
MAX_FILE_NAME_CHARACTERS: Final = 255

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+")
# BCP 47: a language, then subtags. RFC 5646, section 4.4.1: 35 characters hold every usual tag.
_LOCALE: Final = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", re.ASCII)
# E.164: a plus and at most 15 digits. One in 10 of 13 digits passes for a card's, so a number
# that says it is a telephone's is believed.
_E164: Final = re.compile(r"\+[1-9]([ ./()-]*\d){5,14}", re.ASCII)
# RFC 3986, without the characters that it leaves to nobody; browsers read \ as /.
_URL: Final = re.compile(r"[!#$%&'()*+,\-./0-9:;=?@A-Z\[\]_a-z~]+", re.ASCII)
_NOT_ON_A_LINE: Final = frozenset({"Cc", "Zl", "Zp"})

_DIGIT_RUN: Final = re.compile(rf"\d+(?:{CARD_GAP}\d+)*", re.ASCII)
_DIGITS: Final = re.compile(r"\d+", re.ASCII)
_MAX_CARD_DIGITS: Final = 19
_KEY_REFUSED: Final = "holds what looks like a key or a secret: leave it out"
_CARD_REFUSED: Final = "holds what looks like a card number: no card data may reach the gateway"
# Ids in addresses: UUIDs, and words that are not all digits.
_ID_IN_URL: Final = re.compile(
    r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b\w*[A-Za-z_]\w*\b", re.ASCII | re.IGNORECASE
)


def email(text: str) -> str:
    """Read an e-mail address; empty stays empty."""
    _line(text, MAX_EMAIL_CHARACTERS)
    if text and not _EMAIL.fullmatch(text):
        raise ValueError("is no e-mail address: one @ with something on both sides, no spaces")
    return _harmless(text)


def name(text: str) -> str:
    """Read a person's name; empty stays empty."""
    return _harmless(_line(text, MAX_NAME_CHARACTERS))


def file_name(text: str) -> str:
    """Read what a file is called, for people."""
    if not text:
        raise ValueError("is required: what the file is called, for people")
    return _harmless(_line(text, MAX_FILE_NAME_CHARACTERS))


def note(text: str) -> str:
    """Read a remark of a person's; empty stays empty."""
    return _harmless(_line(text, MAX_NOTE_CHARACTERS))


def phone(text: str) -> str:
    """Read a telephone number; empty stays empty."""
    _line(text, MAX_PHONE_CHARACTERS)
    if not _E164.fullmatch(text) and holds_card_number(text):
        raise ValueError(f"{_CARD_REFUSED}; write a telephone number as E.164, with a plus")
    return _without_key(text)


def locale(text: str) -> str:
    """Read a BCP 47 language tag; empty stays empty."""
    _line(text, MAX_LOCALE_CHARACTERS)
    if text and not _LOCALE.fullmatch(text):
        raise ValueError('is no BCP 47 language tag such as "fr-FR"')
    return _harmless(text)


def return_url(own_ids: Iterable[str] = ()) -> Callable[[str], str]:
    """Return the parser of an address that a browser comes back to; empty stays empty.

    `own_ids` are ids of the same request: digits in them are no card's.
    """

    def parse(text: str) -> str:
        if not text:
            return ""
        _line(text, MAX_URL_CHARACTERS)
        if not _URL.fullmatch(text):
            raise ValueError("has characters that an address cannot have: percent-encode them")
        _require_safe(_split(text))
        plain = unquote(text)
        _without_key(plain)
        _without_card(_without_ids(plain, own_ids))
        return text

    return parse


def holds_card_number(text: str) -> bool:
    """Whether 13 to 19 digits in the text, perhaps with gaps, can be a card's."""
    plain = in_plain_digits(text)
    return any(
        is_card_number(digits)
        for reading in {plain, without_escapes(plain)}
        for run in _DIGIT_RUN.findall(reading)
        for digits in _joined(_DIGITS.findall(run))
    )


def _joined(groups: list[str]) -> Iterable[str]:
    """Yield the digits of every row of neighbouring groups that is short enough for a card."""
    for first in range(len(groups)):
        digits = ""
        for group in groups[first:]:
            digits += group
            if len(digits) > _MAX_CARD_DIGITS:
                break
            yield digits


def _line(text: str, most: int) -> str:
    if len(text) > most:
        raise ValueError(f"has {len(text)} characters: it must have at most {most}")
    if any(unicodedata.category(character) in _NOT_ON_A_LINE for character in text):
        raise ValueError("has control characters or line breaks: leave them out")
    return text


def _harmless(text: str) -> str:
    return _without_key(_without_card(text))


def _without_card(text: str) -> str:
    if holds_card_number(text):
        raise ValueError(_CARD_REFUSED)
    return text


def _without_key(text: str) -> str:
    if holds_key(text):
        raise ValueError(_KEY_REFUSED)
    return text


def _without_ids(url: str, own_ids: Iterable[str]) -> str:
    for own_id in own_ids:
        if own_id:
            url = url.replace(own_id, "~")
    return _ID_IN_URL.sub("~", url)


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # read late, and refused if it is no number
    except ValueError:
        raise ValueError("is no address: send one like https://shop.example/return") from None
    return parts


def _require_safe(parts: SplitResult) -> None:
    if not parts.hostname:
        raise ValueError("names no host: send one like https://shop.example/return")
    if parts.username is not None or parts.password is not None:
        raise ValueError("holds a user or password: leave them out")
    if parts.scheme == "http" and _is_loopback(parts.hostname):
        return  # a developer's own machine
    if parts.scheme != "https":
        raise ValueError("must begin with https:// (http:// only for this machine, localhost)")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
