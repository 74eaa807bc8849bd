"""What processes use of the machine, as proc(5) tells it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from benchmarks.load import processor_s

_KIB: Final = 1024
_LISTENING: Final = "0A"
"""The state of a socket in /proc/net/tcp."""


def peak_mib(process_id: int) -> float:
    """Return the most memory that a process has had at once, in MiB (proc(5), status, VmHWM)."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / _KIB
    raise ValueError(f"process {process_id} has no memory: it has ended")


def with_children(process_id: int) -> Iterator[int]:
    """Yield a process and every one that it started, directly or not."""
    yield process_id
    for task in Path(f"/proc/{process_id}/task").iterdir():
        for child in (task / "children").read_text().split():
            yield from with_children(int(child))


def all_processor_s(process_id: int) -> float:
    """Return the processor time of a process and of those it started, in seconds."""
    return sum(processor_s(each) for each in with_children(process_id))


def all_peak_mib(process_id: int) -> float:
    """Return the sum of their peaks, in MiB: at least as much as they had together."""
    return sum(peak_mib(each) for each in with_children(process_id))


def listeners(process_id: int, port: int) -> int:
    """Return how many of a process and those it started listen on a TCP port."""
    sockets = _listening_sockets(port)
    return sum(1 for each in with_children(process_id) if sockets & _sockets_of(each))


def _listening_sockets(port: int) -> set[str]:
    found = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for line in Path(table).read_text().splitlines()[1:]:
            _, local, _, state, *rest = line.split()
            if state == _LISTENING and int(local.rpartition(":")[2], 16) == port:
                found.add(f"socket:[{rest[5]}]")
    return found


def _sockets_of(process_id: int) -> set[str]:
    found = set()
    for each in Path(f"/proc/{process_id}/fd").iterdir():
        with suppress(FileNotFoundError):  # it has been closed since
            found.add(str(each.readlink()))
    return found
