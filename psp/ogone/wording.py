"""Taking secrets and personal data out of what Ogone tells us in words."""

from __future__ import annotations

import re
from typing import Final

from psp.redaction import REDACTED, without_secrets

_MAX_CHARACTERS: Final = 300
_PERSONAL: Final = re.compile(
    r"[^\s@<>\"']+@[^\s@<>\"']+"  # e-mail addresses
    r"|\d(?:[ -]?\d){11,}"  # card numbers, mistyped ones too
)


def redacted(message: str) -> str:
    """Return the message in one line, cut, without e-mail addresses and card numbers."""
    return _PERSONAL.sub(REDACTED, without_secrets(" ".join(message.split())))[:_MAX_CHARACTERS]
