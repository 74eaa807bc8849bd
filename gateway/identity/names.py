"""Names of callers: what a certificate says its holder is called, and what such a name is like."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from gateway.errors import PaygateError, Reason

MAX_NAME_CHARACTERS: Final = 2048
"""Of a SPIFFE id, by its specification; other names are shorter."""

_SPIFFE_SCHEME: Final = "spiffe:"
# SPIFFE-ID, sections 2.1 and 2.2: the trust domain, then segments, none of them only dots.
_SPIFFE_ID: Final = re.compile(
    r"spiffe://[a-z0-9._-]{1,255}(/(?!\.{1,2}(/|$))[A-Za-z0-9._-]+)+", re.ASCII
)


class CallerName(StrEnum):
    """The part of a client's certificate that names the caller."""

    SPIFFE_ID = "spiffe_id"
    COMMON_NAME = "common_name"
    DNS_NAME = "dns_name"


_PROPERTY: Final[Mapping[CallerName, str]] = MappingProxyType(
    {
        # gRPC sets it only for a certificate with one URI, and that a SPIFFE id.
        CallerName.SPIFFE_ID: "peer_spiffe_id",
        CallerName.COMMON_NAME: "x509_common_name",
        CallerName.DNS_NAME: "peer_dns",
    }
)
"""Where gRPC's authentication context has it."""


def caller_of(peer: Mapping[str, Iterable[bytes]], part: CallerName) -> str:
    """Return the caller's name from a verified connection's authentication context.

    Raises `PaygateError` unless the certificate has exactly one such name: of two, either could be
    meant, and each might be another caller's.
    """
    names = [name.decode(errors="replace") for name in peer.get(_PROPERTY[part], ())]
    if len(names) != 1 or not is_caller_name(names[0]):
        raise PaygateError(
            Reason.CALLER_NOT_IDENTIFIED,
            f"the client's certificate names no caller: it needs exactly one usable {part}",
        )
    return names[0]


def is_caller_name(name: str) -> bool:
    """Whether a text can be a caller's name: printable, no spaces; a SPIFFE id is well-formed."""
    if name.lower().startswith(_SPIFFE_SCHEME):
        return len(name) <= MAX_NAME_CHARACTERS and _SPIFFE_ID.fullmatch(name) is not None
    return 0 < len(name) <= MAX_NAME_CHARACTERS and name.isprintable() and " " not in name
