"""Whether a server's certificate would be taken now: tried out in memory, before clients see it."""

from __future__ import annotations

import ssl
from typing import Final

_STEPS: Final = 10
"""More than a handshake takes turns."""


def server_problem(server: ssl.SSLContext, certificate: str) -> str:
    """Return why a client would refuse a server's certificate, whoever issued it; empty if not.

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
                return error.verify_message
            except ssl.SSLError as error:
                return error.reason or "the handshake fails"
    return ""
