"""The one maker of ids: opaque, prefixed, and in the order of their making in this process."""

from __future__ import annotations

import os
import time
from typing import Final

_ALPHABET: Final = "0123456789abcdefghjkmnpqrstvwxyz"
_RANDOM_BITS: Final = 80
_PAIRS: Final = tuple(first + second for first in _ALPHABET for second in _ALPHABET)
_SHIFTS: Final = tuple(range(120, -1, -10))  # 13 pairs of characters, the highest first


class _Last:
    """The newest value that was given out."""

    value = 0


def new_id(prefix: str) -> str:
    """Return a new id such as `pay_01jd3v…`: 48 bits of milliseconds, then 80 random bits.

    Ids of one process sort as they were made, also within a millisecond and when the machine's
    clock is set back; between processes they do so to the millisecond.
    """
    value = (time.time_ns() // 1_000_000 << _RANDOM_BITS) | int.from_bytes(os.urandom(10))
    if value <= _Last.value:
        value = _Last.value + 1 + int.from_bytes(os.urandom(4))
    _Last.value = value
    return prefix + "_" + "".join([_PAIRS[(value >> shift) & 1023] for shift in _SHIFTS])
