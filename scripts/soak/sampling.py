"""What can be seen of a gateway's process: by the system, and by what it measures of itself."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

import aiohttp
from prometheus_client.parser import text_string_to_metric_families

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_ANSWERED: Final = frozenset({"paygate_rpc_duration_seconds_count", "paygate_webhooks_total"})
_TASKS: Final = "paygate_asyncio_tasks"
_ESTABLISHED: Final = "01"
"""State of a connection in `/proc/net/tcp` (proc(5))."""


class Looker:
    """Looks at one process. A process that ended raises `FileNotFoundError`."""

    def __init__(
        self,
        pid: int,
        http_address: str,
        *,
        database_ports: Collection[int],
        psp_ports: Collection[int],
    ) -> None:
        self._proc = Path("/proc") / str(pid)
        self._metrics = f"{http_address}/metrics"
        self._ports = {"database_connections": database_ports, "psp_connections": psp_ports}

    async def look(self, session: aiohttp.ClientSession) -> tuple[int, dict[str, int]]:
        """Return how much it has answered so far, and what it holds now."""
        async with session.get(self._metrics, timeout=_TIMEOUT) as answer:
            values = _values(await answer.text())
        handles = _handles(self._proc)
        figures = {
            "memory_kib": _status(self._proc, "VmRSS"),
            "handles": len(handles),
            "tasks": int(values[_TASKS]),
            "threads": _status(self._proc, "Threads"),
        }
        remote_ports = _remote_ports(self._proc, handles)
        for figure, ports in self._ports.items():
            figures[figure] = sum(port in ports for port in remote_ports)
            figures["handles"] -= figures[figure]  # they are judged by themselves
        return int(sum(values.get(name, 0) for name in _ANSWERED)), figures


def _values(exposition: str) -> Mapping[str, float]:
    """Return each metric's value, summed over its labels."""
    values: dict[str, float] = {}
    for family in text_string_to_metric_families(exposition):
        for sample in family.samples:
            values[sample.name] = values.get(sample.name, 0.0) + sample.value
    return values


def _status(proc: Path, field: str) -> int:
    for line in (proc / "status").read_text(encoding="ascii", errors="replace").splitlines():
        name, _, value = line.partition(":")
        if name == field:
            return int(value.split()[0])
    raise LookupError(f"{proc}/status has no {field}")


def _handles(proc: Path) -> list[str]:
    """Return what each open handle leads to."""
    found = []
    for handle in (proc / "fd").iterdir():
        try:
            found.append(str(handle.readlink()))
        except FileNotFoundError:
            continue  # closed since the folder was read
    return found


def _remote_ports(proc: Path, handles: Collection[str]) -> list[int]:
    """Return the other end's port of every established connection of the process."""
    own = {handle.removeprefix("socket:[").rstrip("]") for handle in handles if "socket" in handle}
    ports = []
    for table in ("tcp", "tcp6"):
        for line in (proc / "net" / table).read_text(encoding="ascii").splitlines()[1:]:
            _, _, remote, state, *_, inode = line.split()[:10]
            if state == _ESTABLISHED and inode in own:
                ports.append(int(remote.rpartition(":")[2], 16))
    return ports
