"""SIGHUP has a process read its configuration: it waits until there is somebody to hear it."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

_HANGUP: Final = frozenset({signal.SIGHUP})


@contextmanager
def hangups_held_back() -> Iterator[None]:
    """Let no SIGHUP end a process that only begins: the system keeps it until `hear_hangups`."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _HANGUP)
    try:
        yield
    finally:
        # One that nobody came to hear must not be how the process ends.
        if signal.SIGHUP in signal.sigpending():
            signal.sigwait(_HANGUP)
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def hear_hangups(hear: Callable[[], None]) -> None:
    """Call this at each SIGHUP from now on, and for one that was held back."""
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, hear)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, _HANGUP)
