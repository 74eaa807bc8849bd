"""Taking secrets and personal data out of what Stripe tells us in words."""

from __future__ import annotations

import re
from typing import Final

_MAX_CHARACTERS: Final = 300
_SECRET: Final = re.compile(
    r"\b(?:sk|rk|whsec)_\S+"  # keys
    r"|\b\w+_secret_\w+"  # client secrets
    r"|[^\s@<>\"']+@[^\s@<>\"']+"  # e-mail addresses
    r"|\d(?:[ -]?\d){11,}"  # card numbers
)


def redacted(message: str) -> str:
    """Return the message in one line, cut, without keys, client secrets, e-mails, card numbers."""
    return _SECRET.sub("[redacted]", " ".join(message.split()))[:_MAX_CHARACTERS]
