"""The processes that are measured: each runs alone on its port until it is ended."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import uvloop

ROOT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_S = 30.0


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
    process = subprocess.Popen(  # noqa: S603 - this very program
        command, cwd=ROOT, env={**os.environ, **(environment or {})}
    )
    try:
        _wait_for(port, process)
        yield process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    until_s = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < until_s:
        if process.poll() is not None:
            raise RuntimeError(f"the process for port {port} ended with {process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise TimeoutError(f"nothing listens on port {port}")


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


def main() -> None:
    """Run one process."""
    from benchmarks import echo, paying, stub  # noqa: PLC0415 - as above

    name, port = sys.argv[1], int(sys.argv[2])
    serve = {
        "echo": echo.serve,
        "stub": stub.serve,
        "paying": paying.serve,
        "gateway": _gateway,
        "receiver": _receiver,
        "worker": _worker,
    }[name]
    uvloop.run(serve(port))


if __name__ == "__main__":
    main()
