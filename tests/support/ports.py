"""A free port of this machine, for what cannot be told to choose one itself."""

from __future__ import annotations

import socket


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
