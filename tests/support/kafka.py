"""A broker of the Kafka protocol on 127.0.0.1, from the package `noida-db`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tests.support.ports import free_port

_ROOT: Final = Path(__file__).resolve().parent.parent.parent
_START_TIMEOUT_S: Final = 30.0
_STOP_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.02
_PORT_ATTEMPTS: Final = 5


class BrokerMissingError(Exception):
    """There is no broker to start, or it does not start; says what to do."""

    def __init__(self, problem: str) -> None:
        super().__init__(
            f"no Kafka broker for the tests: {problem}; install the development dependencies "
            "(make does), or name a broker in PAYGATE_TEST_KAFKA_BOOTSTRAP_SERVERS"
        )


class Broker:
    """One broker. It keeps its data over `stop` and `start`, and may lose the last over `kill`.

    Clients reach it through a front that lets them wait for messages, see `long_polling.py`.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port, self._inner_port = free_port(), free_port()
        self._program = _program()
        self._process: subprocess.Popen[bytes] | None = None
        self._front: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where clients find it: `host:port`."""
        return f"127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it and wait until it takes connections. Raises `BrokerMissingError`."""
        self._process = self._running(
            [
                str(self._program),
                "start",
                *("--only", "kafka"),
                *("--kafka-port", str(self._inner_port)),
                *("--data-dir", str(self._folder / "data")),
            ],
            self._inner_port,
            self._folder,
        )
        self._front = self._running(
            [
                sys.executable,
                *("-m", "tests.support.long_polling"),
                *(str(self._port), str(self._inner_port)),
            ],
            self._port,
            _ROOT,
        )

    def _running(self, command: list[str], port: int, folder: Path) -> subprocess.Popen[bytes]:
        """Run a command in a folder until its port is open. Raises `BrokerMissingError`."""
        log = self._folder / "broker.log"
        with log.open("ab") as output:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                process.kill()
                process.wait()
                self.kill()
                raise BrokerMissingError(f"it does not start: {log.read_text()[-500:]}")
            time.sleep(_POLL_S)
        return process

    def stop(self) -> None:
        """Stop it as an operator does: its data is saved."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        front, self._front = self._front, None
        if front is not None:
            front.kill()
            front.wait()
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def running_broker() -> Iterator[Broker]:
    """Run a new, empty broker; its data goes when it is stopped. Raises `BrokerMissingError`."""
    folder = Path(tempfile.mkdtemp(prefix="paygate-kafka-"))
    try:
        broker = _started(folder)
        try:
            yield broker
        finally:
            broker.kill()
    finally:
        shutil.rmtree(folder)


def _started(folder: Path) -> Broker:
    for _ in range(_PORT_ATTEMPTS - 1):
        broker = Broker(folder)
        try:
            broker.start()
        except BrokerMissingError:
            continue  # somebody else took a port meanwhile
        return broker
    broker = Broker(folder)
    broker.start()
    return broker


def _program() -> Path:
    spec = importlib.util.find_spec("noida_db")
    if spec is None or spec.origin is None:
        raise BrokerMissingError("the package noida-db is not installed")
    # Not the package's command, which would stand between the broker and its signals.
    program = Path(spec.origin).with_name("noida-db")
    if not os.access(program, os.X_OK):
        program.chmod(0o755)  # as that command does
    return program


def _listens(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0
