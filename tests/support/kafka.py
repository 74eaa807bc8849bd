"""A broker of the Kafka protocol on 127.0.0.1, from the package `noida-db`."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

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
    """One broker. It keeps its data over `stop` and `start`, and may lose the last over `kill`."""

    def __init__(self, folder: Path, port: int) -> None:
        self._folder = folder
        self._port = port
        self._program = _program()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        """Where clients find it: `host:port`."""
        return f"127.0.0.1:{self._port}"

    @property
    def pid(self) -> int:
        """Its process; raises `BrokerMissingError` while there is none."""
        if self._process is None:
            raise BrokerMissingError("it was stopped")
        return self._process.pid

    def start(self) -> None:
        """Start it and wait until it takes connections. Raises `BrokerMissingError`."""
        log = self._folder / "broker.log"
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [
                    self._program,
                    "start",
                    *("--only", "kafka"),
                    *("--kafka-port", str(self._port)),
                    *("--data-dir", str(self._folder / "data")),
                ],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self._folder,
            )
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._listens():
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.kill()
                raise BrokerMissingError(f"it does not start: {log.read_text()[-500:]}")
            time.sleep(_POLL_S)

    def stop(self) -> None:
        """Stop it as an operator does: its data is saved."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """End it at once."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(number)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _listens(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self._port)) == 0


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
        broker = Broker(folder, _free_port())
        try:
            broker.start()
        except BrokerMissingError:
            continue  # somebody else took the port meanwhile
        return broker
    broker = Broker(folder, _free_port())
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


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port
