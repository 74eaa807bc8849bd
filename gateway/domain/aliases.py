"""Saved payment methods: ids that name the account that can charge, links, changes of them."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from gateway.domain.requests import RequestKey
from psp.redaction import is_card_number

_PREFIX: Final = "als_"
_SEPARATOR: Final = ":"
MAX_ALIAS_ID_CHARACTERS: Final = 512
_ACCOUNT: Final = re.compile(r"[a-z][a-z0-9_]{0,39}", re.ASCII)
_ALIAS: Final = re.compile(r"[!-~](?:[ -~]{0,253}[!-~])?", re.ASCII)
"""Printable ASCII: Stripe's ids, and the names that a shop once gave to aliases at Ogone."""


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
        raise ValueError("no alias has this id: take one from GetPaymentProposal or ListAliases")
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
    spelled_so = bool(separator) and alias_id(reference) == text
    proper = _ACCOUNT.fullmatch(account) and _ALIAS.fullmatch(psp_alias)
    if not spelled_so or not proper or is_card_number(psp_alias):
        raise ValueError("no alias has this id: take one from GetPaymentProposal or ListAliases")
    return reference


def has_expired(expiry_month: int, expiry_year: int, now: datetime) -> bool:
    """Whether a card can no longer be charged: it can to the end of its month. 0: no card."""
    return expiry_year > 0 and (expiry_year, expiry_month) < (now.year, now.month)


@dataclass(frozen=True, slots=True)
class AliasLink:
    """A legacy alias that an import moved, and what stands for it since."""

    legacy: AliasReference
    moved_to: AliasReference
    customer_id: str
    psp_customer: str
    """The shopper at the account it was moved to."""
    line_digest: str
    """Of the line that moved it."""


class AliasOperationKind(StrEnum):
    """What is asked of whoever keeps an alias."""

    START_SETUP = "start_setup"
    SET_DEFAULT = "set_default"
    DELETE = "delete"
    VERIFY = "verify"
    """An authorisation that a shopper gives only to save her card: kept, and released."""
    SAVE = "save"
    """What was saved with a payment, told to the back office."""


class AliasOperationState(StrEnum):
    """How far it got."""

    PENDING = "pending"
    """Committed; sent or about to be."""
    UNKNOWN = "unknown"
    """Sent, and no answer to trust came: the same request sends it again under its key."""
    DONE = "done"
    FAILED = "failed"
    """Surely not done."""


@dataclass(frozen=True, slots=True)
class AliasOperation:
    """One change of a shopper's aliases, committed before anybody is told of it."""

    id: str
    kind: AliasOperationKind
    customer_id: str
    psp_account: str
    idempotency_key: str
    parameters: Mapping[str, str]
    """All that it takes to send the very same change again; no secret."""
    key: RequestKey
    create_time: datetime
    state: AliasOperationState = AliasOperationState.PENDING
    error: str = ""
    attempts: int = 0
    next_check_time: datetime | None = None
    """When the resolver may look at it; while its first sender runs, its lease. None: settled."""

    def claimed(self) -> AliasOperation:
        """Return it as the row stands after somebody took it on."""
        return replace(self, attempts=self.attempts + 1, state=AliasOperationState.PENDING)
