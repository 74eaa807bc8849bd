"""Where a shopper falls when a canary takes a part of them: always into the same bucket."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

BUCKETS: Final = 10_000
"""One for each hundredth of a percent."""

_HASH_BYTES: Final = 8


def bucket_of(country_code: str, shopper: str) -> int:
    """Return 0 to 9999, spread evenly, for a customer's id or a guest's order id.

    The first 8 bytes of the SHA-256 of `FR:C-1`, big-endian, modulo 10,000: the same in every
    process and release. Neither method nor accounts go into it, so that a shopper meets one PSP
    over all methods with the same canary, and a changed percentage moves nobody back and forth.
    """
    # An id of the command line may hold bytes that are no text.
    text = f"{country_code}:{shopper}".encode(errors="surrogateescape")
    return int.from_bytes(sha256(text).digest()[:_HASH_BYTES], "big") % BUCKETS
