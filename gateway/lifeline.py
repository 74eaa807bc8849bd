"""The line between a parent and its process: each hears by it whether the other lives.

It is the process's standard input. The parent never writes to it, and it closes when the parent
dies, which not even one that is killed can leave undone. The process beats on it once it serves.
"""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Final

BEAT_EVERY_S: Final = 1.0
_MANY_BEATS: Final = 4096


class ParentLine:
    """A process's end."""

    def __init__(self) -> None:
        self._end = sys.stdin.fileno()
        # A parent that does not read must not stop its process.
        os.set_blocking(self._end, False)

    def on_end(self, ended: Callable[[], None]) -> None:
        """Call this once the parent has died."""
        loop = asyncio.get_running_loop()

        def closed() -> None:
            loop.remove_reader(self._end)
            ended()

        loop.add_reader(self._end, closed)

    def beat(self) -> None:
        """Say that this process serves, and go on saying it for as long as its loop turns."""
        with suppress(OSError):  # the parent does not read, or is dead: the other end tells
            os.write(self._end, b".")
        asyncio.get_running_loop().call_later(BEAT_EVERY_S, self.beat)


class ProcessLine:
    """The parent's end, and the other until the process has it."""

    def __init__(self) -> None:
        """Open both; raises `OSError` if files are short."""
        self._end, self.others = socket.socketpair()
        self._end.settimeout(0)

    async def heard(self, within_s: float) -> bool:
        """Wait for a beat at most so long; whether one came. The line's end is none."""
        loop = asyncio.get_running_loop()
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                if await loop.sock_recv(self._end, _MANY_BEATS):
                    return True
                await loop.create_future()  # the process has closed its end, or is dead
        return False

    def close(self) -> None:
        """Close what is open of it."""
        self._end.close()
        self.others.close()
