"""The README's tour, as pasted: every block is run against what `make serve` starts."""

from __future__ import annotations

import json
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_ROOT: Final = Path(__file__).resolve().parents[2]
_PROGRAMS: Final = Path(sys.executable).parent
_TOUR: Final = re.compile(r"^## A tour$(.*?)^## ", re.MULTILINE | re.DOTALL)
_PARTS: Final = re.compile(
    r"^### (?P<heading>[^\n]*)$|^```sh ?(?P<tool>\w*)\n(?P<commands>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_GRPC_PORT, _HTTP_PORT, _SANDBOX_PORT = "50051", "8080", "12111"
_OGONE_PORT = "12112"
"""As the README and config/sandbox.toml have them."""

_PORT_ATTEMPTS: Final = 5
_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 60.0
_BLOCK_TIMEOUT_S: Final = 60.0
_PATIENCE_S: Final = 20.0
_LOOK_EVERY_S: Final = 0.1

_TOOLS: Final = ("buf", *(["grpcurl"] if shutil.which("grpcurl") else []))
"""buf is in the development environment; grpcurl is tried where somebody installed it."""
_EXIT_CODES: Final[Mapping[str, Callable[[int], int]]] = {
    "buf": lambda status: status << 3,
    "grpcurl": lambda status: 64 + status if status else 0,
}
"""How each tool ends for a gRPC status, by its own help."""
_INVALID_ARGUMENT, _FAILED_PRECONDITION = 3, 9


@dataclass(frozen=True)
class _Promise:
    """What a block of the tour prints, and with which gRPC status its last command ends."""

    words: tuple[str, ...]
    status: int = 0
    soon: bool = False
    """The block only reads, and what the README says becomes true a moment later."""


_PROMISES: Final[Mapping[str, tuple[_Promise, ...]]] = {
    "": (_Promise(()), _Promise(())),
    "What is there": (_Promise(("PaymentService", "CreatePayment")),),
    "Where would a payment go?": (_Promise(('"stripe_eu"', '"country_served"', '"passed": true')),),
    "What is the shopper offered?": (
        _Promise(("PAYMENT_METHOD_CARD", "PAYMENT_METHOD_PAYPAL", "pk_test_", "AT_ORDER")),
    ),
    "Make her known": (_Promise(("ENSURE_OUTCOME_CREATED", "ENSURE_OUTCOME_UNCHANGED")),),
    "Create a payment": (_Promise(("AWAITING_CUSTOMER", "clientSecret")),),
    "Be the shopper": (_Promise(('"status": "requires_action"', '"status": "requires_capture"')),),
    "Watch it": (_Promise(("payment_created", "state_changed", "capture_requested")),),
    "The order is released": (_Promise(("ORDER_STATE_RELEASED", "nothing: released"), soon=True),),
    "Give a part of it back": (_Promise(("REFUND_STATE_SUCCEEDED", "REFUND_CAUSE_REQUESTED")),),
    "It is invoiced and shipped": (
        _Promise(("MOVEMENT_KIND_INVOICE_CREDIT", "MOVEMENT_KIND_PARCEL_DEBIT")),
    ),
    "A decline": (
        _Promise(('"decline_code": "insufficient_funds"',)),
        _Promise(
            ("AWAITING_CUSTOMER", "FAILURE_CATEGORY_INSUFFICIENT_FUNDS", '"retryable": true'),
            soon=True,
        ),
    ),
    "Cancel it": (_Promise(("PAYMENT_STATE_CANCELED",)),),
    "Stripe acts and says nothing": (
        _Promise(("PAYMENT_STATE_OUTCOME_UNKNOWN",)),
        _Promise(("PAYMENT_STATE_AWAITING_CUSTOMER",), soon=True),
    ),
    "The same request again": (
        _Promise(("PAYMENT_STATE_AWAITING_CUSTOMER", "clientSecret", "order-3")),
        _Promise(("request_id",), _FAILED_PRECONDITION),
    ),
    "A bad request": (_Promise(("request_id, order_id, country_code",), _INVALID_ARGUMENT),),
    "Look after it": (
        _Promise(()),
        _Promise(("invoice_credit", "parcel_debit", "refund_credit", "0 orders"), soon=True),
        _Promise(("stripe_eu", "done"), soon=True),
    ),
    "From Python": (_Promise(("nothing: released", "order_id")),),
}
"""By the heading that the blocks stand under. A block that is not here fails the test."""


@dataclass(frozen=True)
class _Ports:
    """Where the parts of a running set-up answer."""

    grpc: str
    http: str
    sandbox: str

    def instead(self, text: str) -> str:
        """Return text that names the documented ports with these in their place."""
        for documented, actual in (
            (_GRPC_PORT, self.grpc),
            (_HTTP_PORT, self.http),
            (_SANDBOX_PORT, self.sandbox),
        ):
            text = re.sub(rf"\b{documented}\b", actual, text)
        return text


class _Terminal:
    """A shell that stays open from block to block, as a reader's does."""

    def __init__(self, folder: Path) -> None:
        self._block = folder / "block.sh"
        self._shell = subprocess.Popen(
            ["/bin/bash", "--norc"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=_ROOT,
            env={
                "PATH": _path(),
                "HOME": str(folder),
                "TMPDIR": str(folder),
                "BUF_CACHE_DIR": str(folder / "buf"),
            },
        )

    def run(self, commands: str) -> tuple[str, int]:
        """Return what a block prints, and the exit code of its last command."""
        assert self._shell.stdin is not None
        assert self._shell.stdout is not None
        self._block.write_text(commands)
        end = "=== the block ends with "
        self._shell.stdin.write(f"source {self._block} </dev/null\nprintf '\\n{end}%s\\n' \"$?\"\n")
        self._shell.stdin.flush()
        # A block that hangs is ended with its shell; the loop below then comes to an end.
        watchdog = threading.Timer(_BLOCK_TIMEOUT_S, self._shell.kill)
        watchdog.start()
        lines: list[str] = []
        try:
            for line in self._shell.stdout:
                if line.startswith(end):
                    return "".join(lines), int(line.removeprefix(end))
                lines.append(line)
        finally:
            watchdog.cancel()
        raise AssertionError(f"did not end in {_BLOCK_TIMEOUT_S:g} s:\n{commands}{''.join(lines)}")

    def close(self) -> None:
        """End the shell."""
        self._shell.kill()
        self._shell.communicate()


def _path() -> str:
    grpcurl = shutil.which("grpcurl")
    folders = ["/usr/local/bin", "/usr/bin", "/bin"]
    return ":".join([*folders, str(Path(grpcurl).parent)] if grpcurl else folders)


def _tour(tool: str) -> list[tuple[str, str]]:
    """Return heading and commands of each block that is for a tool, or for any."""
    tour = _TOUR.search((_ROOT / "README.md").read_text())
    assert tour is not None
    heading, blocks = "", []
    for part in _PARTS.finditer(tour[1]):
        if part["heading"] is not None:
            heading = part["heading"]
        elif part["tool"] in {"", tool}:
            blocks.append((heading, part["commands"]))
    return blocks


@contextmanager
def _served(folder: Path) -> Iterator[_Ports]:
    """Run what `make serve` runs, on free ports."""
    log = folder / "serve.log"
    for _ in range(_PORT_ATTEMPTS):
        sandbox_port = str(_free_port())
        config = _configuration(folder, sandbox_port)
        with log.open("w") as output:
            server = subprocess.Popen(
                [_PROGRAMS / "paygate", "serve", "--with-sandbox", "--json", "--config", config],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env={
                    "PATH": _path(),
                    "TMPDIR": str(folder),
                    "PAYGATE_GRPC_PORT": "0",
                    "PAYGATE_HTTP_PORT": "0",
                },
            )
        try:
            serving = _serving(server, log)
            if serving is None:
                continue  # somebody else took the sandbox's port meanwhile
            grpc, http = (serving[name].rpartition(":")[2] for name in ("grpc", "http"))
            _wait_until_ready(f"{serving['http']}/readyz")
            yield _Ports(grpc, http, sandbox_port)
        finally:
            _stop(server)
        assert server.returncode == 0, log.read_text()
        assert not list(folder.glob("paygate-serve-*")), "its databases end with it"
        return
    raise AssertionError(log.read_text())


def _configuration(folder: Path, sandbox_port: str) -> Path:
    """Copy config/, so that the sandbox is looked for elsewhere."""
    copied = folder / "config"
    shutil.copytree(_ROOT / "config", copied, dirs_exist_ok=True)
    file = copied / "sandbox.toml"
    file.write_text(
        (_ROOT / "config/sandbox.toml")
        .read_text()
        .replace(_SANDBOX_PORT, sandbox_port)
        .replace(_OGONE_PORT, str(_free_port()))
    )
    return file


def _serving(server: subprocess.Popen[bytes], log: Path) -> dict[str, str] | None:
    """Return the line that says where it serves; None if it ended because a port was taken."""
    deadline = time.monotonic() + _START_TIMEOUT_S
    while time.monotonic() < deadline:
        ended = server.poll() is not None
        for line in log.read_text().splitlines():
            if '"event": "serving"' in line and line.endswith("}"):
                told: dict[str, str] = json.loads(line)
                return told
        if ended:
            assert "address already in use" in log.read_text(), log.read_text()
            return None
        time.sleep(_LOOK_EVERY_S)
    raise AssertionError(f"does not serve: {log.read_text()}")


def _wait_until_ready(url: str) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - http, as logged
                assert json.load(answer)["status"] == "ready"
                return
        except urllib.error.HTTPError as not_ready:
            not_ready.close()
            assert time.monotonic() < deadline, "never ready"
            time.sleep(_LOOK_EVERY_S)


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGTERM)
    try:
        server.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.kill()
        server.wait()


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _kept(terminal: _Terminal, commands: str, promise: _Promise, exit_code: int) -> str:
    """Run a block; the empty text if it did what the README says, else what it did instead."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        printed, ended = terminal.run(commands)
        missing = [word for word in promise.words if word not in printed]
        if not missing and ended == exit_code:
            return ""
        if not promise.soon or time.monotonic() > deadline:
            return f"exit code {ended}, not {exit_code}; missing {missing} in:\n{printed}"
        time.sleep(_LOOK_EVERY_S)


@pytest.mark.parametrize("tool", _TOOLS)
def test_the_tour_works_when_pasted(tool: str, tmp_path: Path) -> None:
    """Each block prints what the README says, one after the other in one terminal."""
    blocks = _tour(tool)
    told: dict[str, int] = {}
    with _served(tmp_path) as ports:
        terminal = _Terminal(tmp_path)
        try:
            for heading, commands in blocks:
                number = told[heading] = told.get(heading, 0) + 1
                promise = _PROMISES[heading][number - 1]
                pasted = ports.instead(commands).replace(".venv/bin/", f"{_PROGRAMS}/")
                broken = _kept(terminal, pasted, promise, _EXIT_CODES[tool](promise.status))
                assert not broken, f"{heading}, block {number}:\n{commands}\n{broken}"
        finally:
            terminal.close()

    assert told == {heading: len(promises) for heading, promises in _PROMISES.items()}
