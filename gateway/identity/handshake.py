"""Whether a server's certificate would be taken now: tried out in memory, before clients see it."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from typing import Final

_STEPS: Final = 10
"""More than a handshake takes turns."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What a client makes of a server's certificate."""

    problem: str = ""
    """Why it refuses it; empty if it does not."""
    expires_s: float = 0.0
    """When it will, in Unix time; only of one that it takes."""


def try_server(server: ssl.SSLContext, certificate: str) -> Trial:
    """Return what a client would make of a server's certificate, whoever issued it.

    Finds what reading alone does not: expired, not valid yet, not meant for servers.
    """
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    # The certificate vouches for itself: who issued it is for clients to judge.
    client.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    client.load_verify_locations(cadata=certificate)
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    sides = (
        client.wrap_bio(to_client, to_server),
        server.wrap_bio(to_server, to_client, server_side=True),
    )
    for _ in range(_STEPS):
        for side in sides:
            try:
                side.do_handshake()
            except ssl.SSLWantReadError:
                continue
            except ssl.SSLCertVerificationError as error:
                return Trial(error.verify_message)
            except ssl.SSLError as error:
                return Trial(error.reason or "the handshake fails")
    ends = (sides[0].getpeercert() or {}).get("notAfter")
    if not isinstance(ends, str):
        return Trial("the handshake shows no certificate")
    return Trial(expires_s=ssl.cert_time_to_seconds(ends))
