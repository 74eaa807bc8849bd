"""The processes that are measured: each runs alone on its port until it is ended."""

from __future__ import annotations

import importlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import uvloop

from benchmarks.usage import listeners

ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_S = 120.0


def free_port() -> int:
    """Return a port of this machine that nobody uses now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(name: str, port: int, environment: dict[str, str] | None = None) -> Iterator[int]:
    """Run `python -m benchmarks.processes NAME PORT`; yields its process id once it listens."""
    command = [sys.executable, "-m", "benchmarks.processes", name, str(port)]
    with _running(command, environment or {}, lambda _: _is_open(port)) as process_id:
        yield process_id


@contextmanager
def serving(port: int, environment: Mapping[str, str], workers: int = 1) -> Iterator[int]:
    """Run `paygate serve --workers N`; yields its process id once all of them listen."""
    command = [sys.executable, "-m", "gateway", "serve", "--workers", str(workers)]
    whole = {**environment, "PAYGATE_GRPC_PORT": str(port), "PAYGATE_HTTP_PORT": "0"}
    with _running(command, whole, lambda pid: listeners(pid, port) == workers) as process_id:
        yield process_id


@contextmanager
def _running(
    command: Sequence[str], environment: Mapping[str, str], is_up: Callable[[int], bool]
) -> Iterator[int]:
    process = subprocess.Popen(  # noqa: S603 - programs of this very project
        command, cwd=ROOT, env={**os.environ, **environment}
    )
    try:
        _wait_until(is_up, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until(is_up: Callable[[int], bool], process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until_s:
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        if is_up(process.pid):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{process.args!r} does not listen after {_START_TIMEOUT_S:g} s")


async def _gateway(port: int) -> None:
    from gateway.server import serve  # noqa: PLC0415 - each process loads what it runs
    from gateway.settings import load_settings  # noqa: PLC0415 - as above

    await serve(load_settings(grpc_port=port), with_sandbox=False)


async def _receiver(port: int) -> None:
    from gateway.server import serve  # noqa: PLC0415 - as above
    from gateway.settings import load_settings  # noqa: PLC0415 - as above

    settings = load_settings(http_port=port, grpc_port=0)
    await serve(settings, with_sandbox=False, with_workers=False)


async def _worker(port: int) -> None:
    from gateway.server import work  # noqa: PLC0415 - as above
    from gateway.settings import load_settings  # noqa: PLC0415 - as above

    await work(load_settings(http_port=port))


_GATEWAYS: Final[Mapping[str, Callable[[int], Coroutine[Any, Any, None]]]] = {
    "gateway": _gateway,
    "receiver": _receiver,
    "worker": _worker,
}


def main() -> None:
    """Run one process: a gateway's, or the module of that name."""
    name, port = sys.argv[1], int(sys.argv[2])
    serve = _GATEWAYS.get(name) or importlib.import_module(f"benchmarks.{name}").serve
    uvloop.run(serve(port))


if __name__ == "__main__":
    main()
