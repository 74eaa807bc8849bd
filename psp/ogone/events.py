"""Notifications from Ogone: verified, then reduced to whom they are about.

e-Commerce advanced guide, feedback: a form, posted from server to server, repeated and in any
order. It carries no time and no id of its own.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Final
from urllib.parse import parse_qsl

from psp.errors import InvalidEventError
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.money import AmountError, from_ogone_amount
from psp.ogone.saved_alias import read_saved_alias
from psp.ogone.signing import SIGNATURE, SIGNED_IN_FEEDBACK, verify
from psp.port import PspEvent, PspEventSubject

_MAX_FIELDS: Final = 200
_MAX_REFERENCE: Final = 40
# Ogone hashes the bytes that it sends, so the encoding that reads them also verifies them.
_ENCODINGS: Final = ("utf-8", "iso-8859-1")
# What tells one step of one operation from any other; a repeated notification has it all again.
# The shopper's details are left out: they tell nothing apart.
_IDENTITY: Final = (
    "ORDERID",
    "PAYID",
    "PAYIDSUB",
    "STATUS",
    "NCERROR",
    "ACCEPTANCE",
    "AMOUNT",
    "CURRENCY",
    "TRXDATE",
)
_ID_CHARACTERS: Final = 40


def _now() -> datetime:
    return datetime.now(UTC)


class OgoneEvents:
    """The notifications of one account. One only says whom to ask about, never what is true."""

    def __init__(self, config: OgoneAccountConfig, clock: Callable[[], datetime] = _now) -> None:
        self._passphrases = tuple(each.get_secret_value() for each in config.sha_out)
        self._algorithm = config.algorithm
        self._clock = clock

    def parse(self, body: bytes) -> PspEvent:
        """Verify and reduce a notification; raises `InvalidEventError`.

        `occurred_time` is when it came: a notification tells a day at most.
        """
        fields = self._verified(*_decode(body))
        order_id, status = fields.get("ORDERID", ""), fields.get("STATUS", "")
        if not order_id or not status or len(order_id) > _MAX_REFERENCE:
            raise InvalidEventError("the notification lacks its order or its status")
        currency = fields.get("CURRENCY", "").upper()
        return PspEvent(
            event_id=_event_id(fields),
            event_type=f"status_{status}",
            subject=PspEventSubject.PAYMENT,
            psp_reference=order_id,
            payment_id=order_id,
            occurred_time=self._clock(),
            claimed_minor=_claimed_minor(fields.get("AMOUNT", ""), currency),
            claimed_currency=currency,
            saved_alias=read_saved_alias(fields),
        )

    def _verified(self, fields: Mapping[str, str], encoding: str) -> dict[str, str]:
        """Return the fields that a signature of this account covers, by name in upper case."""
        if SIGNATURE not in fields:
            raise InvalidEventError("the signature is missing")
        matched = False
        for passphrase in self._passphrases:
            # No early end: how long it takes must not tell which passphrase came close.
            matched |= verify(fields, passphrase, self._algorithm, encoding=encoding)
        if not matched:
            raise InvalidEventError("no signature matches")
        return {name: value for name, value in fields.items() if name in SIGNED_IN_FEEDBACK}


def _decode(body: bytes) -> tuple[dict[str, str], str]:
    """Return the fields by name in upper case, and the encoding they were sent in."""
    for encoding in _ENCODINGS:
        try:
            pairs = parse_qsl(
                body.decode(encoding),
                keep_blank_values=True,
                encoding=encoding,
                errors="strict",
                max_num_fields=_MAX_FIELDS,
            )
        except UnicodeDecodeError:
            continue
        except ValueError:
            raise InvalidEventError("the body has too many fields") from None
        fields = {name.upper(): value for name, value in pairs}
        if len(fields) != len(pairs):
            # One name twice would be verified as one value and read as another.
            raise InvalidEventError("the body names a field twice")
        return fields, encoding
    raise InvalidEventError("the body is no text")


def _event_id(fields: Mapping[str, str]) -> str:
    identity = "\n".join(f"{name}={fields.get(name, '')}" for name in _IDENTITY)
    return f"ogone_{hashlib.sha256(identity.encode()).hexdigest()[:_ID_CHARACTERS]}"


def _claimed_minor(amount: str, currency: str) -> int | None:
    if not amount:
        return None
    try:
        return from_ogone_amount(amount, currency)
    except AmountError as error:
        raise InvalidEventError(f"the amount cannot be read: {error}") from None
