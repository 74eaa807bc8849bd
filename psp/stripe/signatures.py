"""Whether a webhook comes from Stripe: its signature over the raw bytes, and its age."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Final

from psp.errors import InvalidEventError

TOLERANCE_S: Final = 300
"""Stripe, webhooks: how old a signature may be. One from the future is refused alike."""

_HEADER: Final = "stripe-signature"
# More than Stripe ever sends, so that a forger cannot make us work for long.
_MAX_HEADER_CHARACTERS: Final = 4096
_TIMESTAMP: Final = re.compile(r"[0-9]{1,12}", re.ASCII)
_SIGNATURE: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)


def verify_signature(
    headers: Mapping[str, str], body: bytes, secrets: Sequence[bytes], now_s: float
) -> None:
    """Return if one of the secrets signed exactly these bytes lately.

    Several secrets serve several endpoints, and an endpoint whose secret is being rolled: Stripe
    then signs with the old and the new one for up to a day. Raises `InvalidEventError`.
    """
    timestamp, signatures = _parse(_signature_header(headers))
    signed = b"%d." % timestamp + body
    matched = False
    for secret in secrets:
        expected = hmac.new(secret, signed, sha256).hexdigest()
        for signature in signatures:
            # No early end: how long it takes must not tell which secret came close.
            matched |= hmac.compare_digest(expected, signature)
    if not matched:
        raise InvalidEventError("no signature matches")
    if abs(now_s - timestamp) > TOLERANCE_S:
        raise InvalidEventError("the signature is too old or from the future")


def _signature_header(headers: Mapping[str, str]) -> str:
    for name, value in headers.items():
        if name.lower() == _HEADER:
            return value
    raise InvalidEventError("the Stripe-Signature header is missing")


def _parse(header: str) -> tuple[int, list[str]]:
    """Split `t=...,v1=...[,v1=...]`; other schemes, such as the test mode's v0, are passed over."""
    if len(header) > _MAX_HEADER_CHARACTERS:
        raise InvalidEventError("the Stripe-Signature header is too long")
    pairs = [part.strip().partition("=") for part in header.split(",")]
    timestamps = [value for name, _, value in pairs if name == "t"]
    signatures = [value for name, _, value in pairs if name == "v1" and _SIGNATURE.fullmatch(value)]
    if len(timestamps) != 1 or not _TIMESTAMP.fullmatch(timestamps[0]) or not signatures:
        raise InvalidEventError("the Stripe-Signature header cannot be read")
    return int(timestamps[0]), signatures
