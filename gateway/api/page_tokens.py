"""Page tokens: opaque to callers, bound to the list and the filters that they were made for."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from typing import Final, TypeVar

T = TypeVar("T")

_VERSION: Final = "1"
_SEPARATOR: Final = ":"
_DIGEST_CHARACTERS: Final = 16
_MAX_CHARACTERS: Final = 256
_FOREIGN: Final = "is no token of this list with these filters: send next_page_token as answered"


def page_token(rpc: str, filters: Sequence[str], cursor: str) -> str:
    """Return the token of the page after `cursor`, the last row's place in the list of `rpc`."""
    text = _SEPARATOR.join((_VERSION, _digest(rpc, filters), cursor))
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def cursor_of(
    rpc: str, filters: Sequence[str], parse: Callable[[str], T], first: T
) -> Callable[[str], T]:
    """Return the parser of tokens that `page_token` made; an empty one is read as `first`.

    Tokens are not signed, so the cursor is parsed like anything else that a caller sends.
    """

    def parse_token(token: str) -> T:
        if not token:
            return first
        version, _, rest = _decoded(token).partition(_SEPARATOR)
        digest, _, cursor = rest.partition(_SEPARATOR)
        if version != _VERSION or digest != _digest(rpc, filters):
            raise ValueError(_FOREIGN)
        try:
            return parse(cursor)
        except ValueError:
            raise ValueError(_FOREIGN) from None

    return parse_token


def _digest(rpc: str, filters: Sequence[str]) -> str:
    bound_to = json.dumps([rpc, *filters]).encode()
    return hashlib.sha256(bound_to).hexdigest()[:_DIGEST_CHARACTERS]


def _decoded(token: str) -> str:
    if len(token) > _MAX_CHARACTERS:
        raise ValueError(_FOREIGN)
    try:
        padded = token + "=" * (-len(token) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise ValueError(_FOREIGN) from None
