"""Ids of saved payment methods: opaque to callers, and they name the account that can charge."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Final

_PREFIX: Final = "als_"
_SEPARATOR: Final = ":"
MAX_ALIAS_ID_CHARACTERS: Final = 512


@dataclass(frozen=True, slots=True)
class AliasReference:
    """Where a saved method is kept."""

    psp_account: str
    psp_alias: str
    """The PSP's id of it."""


def alias_id(reference: AliasReference) -> str:
    """Return the id that callers use."""
    named = f"{reference.psp_account}{_SEPARATOR}{reference.psp_alias}"
    return _PREFIX + base64.urlsafe_b64encode(named.encode()).decode().rstrip("=")


def parse_alias_id(text: str) -> AliasReference:
    """Read an id that `alias_id` made; raises `ValueError` for anything else."""
    if not text.startswith(_PREFIX) or len(text) > MAX_ALIAS_ID_CHARACTERS:
        raise ValueError("no alias has this id: take one from GetPaymentProposal")
    encoded = text.removeprefix(_PREFIX)
    try:
        named = base64.b64decode(
            encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True
        ).decode()
    except (binascii.Error, ValueError):
        named = ""
    account, separator, psp_alias = named.partition(_SEPARATOR)
    reference = AliasReference(account, psp_alias)
    # Only one spelling of an id is taken: two ids of one alias would be two requests.
    if not separator or not account or not psp_alias or alias_id(reference) != text:
        raise ValueError("no alias has this id: take one from GetPaymentProposal")
    return reference
