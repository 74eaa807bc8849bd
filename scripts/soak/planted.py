"""`python -m scripts.soak.planted KIND,KIND ...`: a `paygate` that leaks, to see it noticed."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

import asyncpg
from sqlalchemy import make_url

from gateway.cli import main
from gateway.metrics import Metrics

_KEPT: Final[list[Any]] = []


async def _for_ever() -> None:
    await asyncio.Event().wait()


async def _connect() -> None:
    url = make_url(os.environ["PAYGATE_DATABASE_URL"]).set(drivername="postgresql")
    _KEPT.append(await asyncpg.connect(url.render_as_string(hide_password=False)))


def _memory() -> None:
    _KEPT.append(bytearray(4096))


def _handle() -> None:
    _KEPT.append(os.open(os.devnull, os.O_RDONLY))


def _socket() -> None:
    address = os.environ["PAYGATE_SOAK_PSP_ADDRESS"].rpartition("//")[2]
    host, _, port = address.partition(":")
    _KEPT.append(socket.create_connection((host, int(port))))


def _task() -> None:
    _KEPT.append(asyncio.get_running_loop().create_task(_for_ever()))


def _thread() -> None:
    threading.Thread(target=threading.Event().wait, daemon=True).start()


def _connection() -> None:
    _KEPT.append(asyncio.get_running_loop().create_task(_connect()))


LEAKS: Final[Mapping[str, tuple[Callable[[], None], int]]] = MappingProxyType(
    {
        "memory": (_memory, 1),
        "handles": (_handle, 50),
        "tasks": (_task, 50),
        "threads": (_thread, 50),
        "database_connections": (_connection, 25),
        "psp_connections": (_socket, 50),
    }
)
"""What is kept for ever, and at every how many-th call."""


def leaking(observe: Callable[..., None], kind: str) -> Callable[..., None]:
    """Return how calls are counted from now on: as before, and something is left behind."""
    leak, every = LEAKS[kind]
    numbers = itertools.count(1)

    def observe_and_leak(*call: object) -> None:
        observe(*call)
        if next(numbers) % every == 0:
            leak()

    return observe_and_leak


if __name__ == "__main__":
    for planted in sys.argv.pop(1).split(","):
        Metrics.observe_rpc = leaking(Metrics.observe_rpc, planted)  # type: ignore[method-assign] # that is the plant
    sys.exit(main())
