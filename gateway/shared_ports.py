"""Ports that the processes of one `serve --workers N` share, and nobody else by mistake."""

from __future__ import annotations

import socket
from contextlib import ExitStack
from types import TracebackType
from typing import Final, Self

_SHARED: Final = socket.SO_REUSEPORT


class SharedPort:
    """A port that is held while its processes come and go; it takes no connections itself."""

    def __init__(self, host: str, port: int, setting: str) -> None:
        """Take the port, or any free one for 0; raises `OSError` if somebody listens there.

        `setting` is the variable that would name another port.
        """
        try:
            family, *_, address = socket.getaddrinfo(
                host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            # Asked for alone first: a port that is to be shared would be had from anybody who
            # shares his, such as a second gateway of the same user.
            with _bound(family, address) as alone:
                address = alone.getsockname()
            self._held = _bound(family, address, _SHARED)
        except OSError as error:
            message = f"cannot listen on {host}:{port}: free it, or set {setting}"
            raise OSError(message) from error

    @property
    def number(self) -> int:
        """The port."""
        port: int = self._held.getsockname()[1]
        return port

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._held.close()


def _bound(family: int, address: object, *options: int) -> socket.socket:
    with ExitStack() as stack:
        bound = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
        for option in (socket.SO_REUSEADDR, *options):
            bound.setsockopt(socket.SOL_SOCKET, option, 1)
        bound.bind(address)  # type: ignore[arg-type]  # as getaddrinfo gave it, whichever family
        stack.pop_all()
        return bound
