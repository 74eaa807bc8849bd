"""The commands that hand over to others, and what becomes of any error."""

from __future__ import annotations

import json
import os
import pty
import signal
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from gateway.settings import SANDBOX_CONFIG_FILE, Settings, load_settings
from gateway.storage.writes import StorageUnavailableError
from tests.integration.cli.conftest import Run

_PAYGATE = [sys.executable, "-c", "import sys; from gateway.cli import main; sys.exit(main())"]


def _put(monkeypatch: pytest.MonkeyPatch, module: str, **members: object) -> None:
    fake = ModuleType(module)
    vars(fake).update(members)
    monkeypatch.setitem(sys.modules, module, fake)


class _Server:
    def __init__(self, exit_code: int = 0) -> None:
        self.exit_code = exit_code
        self.calls: list[tuple[Settings, bool]] = []
        self.with_workers: list[bool] = []
        self.working: list[Settings] = []

    async def serve(self, settings: Settings, *, with_sandbox: bool, with_workers: bool) -> int:
        self.calls.append((settings, with_sandbox))
        self.with_workers.append(with_workers)
        return self.exit_code

    async def work(self, settings: Settings) -> int:
        self.working.append(settings)
        return self.exit_code


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> _Server:
    """A server that only notes how it was started."""
    server = _Server()
    _put(monkeypatch, "gateway.server", serve=server.serve, work=server.work)
    return server


def test_serve_uses_the_settings(
    run: Run, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The environment says how to serve."""
    monkeypatch.setenv("PAYGATE_GRPC_PORT", "0")

    ran = run("serve")

    ((settings, with_sandbox),) = server.calls
    assert ran.exit_code == 0
    assert not with_sandbox
    assert settings.grpc_port == 0
    assert settings.config_file.name == "paygate.toml"
    assert settings.log_format == "console"


@pytest.mark.parametrize(
    "arguments,variable,expected",
    [
        ((), "", str(SANDBOX_CONFIG_FILE)),
        (("--config", "mine.toml"), "", "mine.toml"),
        ((), "theirs.toml", "theirs.toml"),
        (("--config", "mine.toml"), "theirs.toml", "mine.toml"),
    ],
)
def test_the_sandbox_brings_its_configuration(
    run: Run,
    server: _Server,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    variable: str,
    expected: str,
) -> None:
    """A file that is named goes before the sandbox's own."""
    monkeypatch.setenv("PAYGATE_CONFIG_FILE", variable)

    run("serve", "--with-sandbox", *arguments)

    ((settings, with_sandbox),) = server.calls
    assert with_sandbox
    assert settings.config_file == Path(expected)


def test_beside_a_sandbox_the_databases_are_new(
    run: Run, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sandbox remembers nothing of an earlier run, so neither may the gateway; its own stay."""
    run("serve", "--with-sandbox")
    run("serve", "--with-sandbox")
    monkeypatch.setenv("PAYGATE_DATABASE_URL", "sqlite+aiosqlite:///mine.db")
    run("serve", "--with-sandbox")

    first, second, third = (settings for settings, _ in server.calls)
    urls = {first.database_url, first.back_office_url, second.database_url, second.back_office_url}
    assert len(urls) == 4
    assert not urls & {load_settings().database_url, load_settings().back_office_url}
    assert third.database_url == "sqlite+aiosqlite:///mine.db"


def test_serve_works_too_unless_told_otherwise(run: Run, server: _Server) -> None:
    """One process is a whole gateway; beside workers it need not be."""
    run("serve")
    run("serve", "--no-workers")
    run("serve", "--with-sandbox", "--no-workers")

    assert server.with_workers == [True, False, False]


def test_a_worker_uses_the_settings(
    run: Run, server: _Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As `serve` does, and its exit code is the process's."""
    monkeypatch.setenv("PAYGATE_HTTP_PORT", "0")
    server.exit_code = 1

    ran = run("worker", "--json", "--config", str(tmp_path / "own.toml"))

    (settings,) = server.working
    assert ran.exit_code == 1
    assert server.calls == []
    assert (settings.http_port, settings.log_format) == (0, "json")
    assert settings.config_file.name == "own.toml"


def test_serve_logs_json_on_demand(run: Run, server: _Server) -> None:
    """--json goes before the setting."""
    run("serve", "--json")

    assert server.calls[0][0].log_format == "json"


def test_serves_exit_code_is_the_processs(run: Run, server: _Server) -> None:
    """How serving ended is how the process ends."""
    server.exit_code = 1

    assert run("serve").exit_code == 1


def test_a_wrong_setting_serves_nothing(
    run: Run, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit code 2 and the variable's name, before anything is started."""
    monkeypatch.setenv("PAYGATE_GRPC_PORT", "high")

    ran = run("serve")

    assert (ran.exit_code, server.calls) == (2, [])
    assert ran.errors[0].startswith("PAYGATE_GRPC_PORT: ")


@pytest.mark.parametrize(
    "variable,value",
    [
        ("PAYGATE_GRPC_HOST", "0.0.0.0"),  # noqa: S104 - what is refused
        ("PAYGATE_TLS_KEY_FILE", "/of/no/certificate"),
        ("PAYGATE_OPERATION_LEASE_S", "20"),
    ],
)
def test_what_would_end_every_process_is_told_by_their_parent(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, variable: str, value: str
) -> None:
    """None is started: each would die of it, and be started again."""
    supervised = []

    async def supervise(*arguments: object) -> int:
        supervised.append(arguments)
        return 0

    _put(monkeypatch, "gateway.supervisor", supervise=supervise)
    monkeypatch.setattr("gateway.server.configure_logging", lambda *_: None)  # of this process
    monkeypatch.setenv("PAYGATE_DATABASE_URL", f"sqlite+aiosqlite:///{tmp_path}/paygate.db")
    config = ("--config", str(SANDBOX_CONFIG_FILE))
    assert run("serve", "--workers", "2", *config).exit_code == 0
    monkeypatch.setenv(variable, value)

    ran = run("serve", "--workers", "2", *config)

    assert (ran.exit_code, len(supervised)) == (2, 1)
    assert any(line.startswith("PAYGATE_") for line in ran.errors)


@pytest.mark.parametrize("exit_code", [0, 1])
@pytest.mark.parametrize("arguments,as_json", [((), False), (("--json",), True)])
def test_the_demo_decides_the_exit_code(
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    exit_code: int,
    arguments: tuple[str, ...],
    as_json: bool,
) -> None:
    """A step that did not end as promised ends the process with 1."""
    asked: list[bool] = []

    def play(json_output: bool) -> int:
        asked.append(json_output)
        return exit_code

    _put(monkeypatch, "gateway.demo", main=play)

    assert run("demo", *arguments).exit_code == exit_code
    assert asked == [as_json]


def test_the_database_is_upgraded(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """The revision is told, the address with its password is not."""
    url = "postgresql+asyncpg://me:topsecret@host/db"
    urls: list[str] = []

    def upgrade(url: str) -> str:
        urls.append(url)
        return "0001"

    monkeypatch.setenv("PAYGATE_DATABASE_URL", url)
    _put(monkeypatch, "gateway.storage.upgrade", upgrade=upgrade)

    assert run("db", "upgrade").out == "the database is at revision 0001\n"
    assert json.loads(run("db", "upgrade", "--json").out) == {"revision": "0001"}
    assert urls == [url, url]


def test_a_fresh_database_is_made(
    run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The embedded database needs nothing but its place; once more changes nothing."""
    file = tmp_path / "var" / "paygate.db"
    monkeypatch.setenv("PAYGATE_DATABASE_URL", f"sqlite+aiosqlite:///{file}")

    first, second = run("db", "upgrade"), run("db", "upgrade")

    assert (first.exit_code, first.errors) == (0, [])
    assert first == second
    assert file.is_file()


@pytest.mark.parametrize(
    "error,line",
    [
        (
            StorageUnavailableError("connection\nrefused"),
            "paygate: the database does not answer: connection refused",
        ),
        (
            OSError(98, "Address already in use"),
            "paygate: the system refused: [Errno 98] Address already in use",
        ),
    ],
)
def test_an_outage_is_one_line(
    run: Run, monkeypatch: pytest.MonkeyPatch, error: Exception, line: str
) -> None:
    """A command that could not do its work says why, without a traceback."""

    def upgrade(url: str) -> str:
        raise error

    _put(monkeypatch, "gateway.storage.upgrade", upgrade=upgrade)

    ran = run("db", "upgrade")

    assert (ran.exit_code, ran.errors) == (1, [line])


def test_a_bug_keeps_its_traceback(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """What no user can mend is not dressed up as their mistake."""

    def upgrade(url: str) -> str:
        raise ZeroDivisionError

    _put(monkeypatch, "gateway.storage.upgrade", upgrade=upgrade)

    with pytest.raises(ZeroDivisionError):
        run("db", "upgrade")


@pytest.mark.parametrize(
    "arguments,line",
    [
        ((), "paygate: Missing command: see paygate --help"),
        (("db",), "paygate db: Missing command: see paygate db --help"),
        (("serv",), "paygate: No such command 'serv'. Did you mean 'serve'?: see paygate --help"),
        (("serve", "--quick"), "paygate serve: No such option: --quick: see paygate serve --help"),
    ],
)
def test_wrong_usage_is_one_line(run: Run, arguments: tuple[str, ...], line: str) -> None:
    """Exit code 2, and where help is."""
    ran = run(*arguments)

    assert (ran.exit_code, ran.out, ran.errors) == (2, "", [line])


@pytest.mark.parametrize("command", ["", "serve", "sandbox", "demo", "db", "config", "routes"])
def test_every_command_has_help(run: Run, command: str) -> None:
    """Help is an answer: exit code 0."""
    ran = run(*command.split(), "--help")

    assert (ran.exit_code, ran.errors) == (0, [])
    assert ran.out.startswith(f"Usage: {' '.join(['paygate', *command.split()])}")


def test_help_loads_nothing_heavy() -> None:
    """Asking for help does not pay for servers, databases and SDKs."""
    program = (
        "import sys; from gateway.cli import main; main(['--help']); "
        "heavy = {'aiohttp', 'grpc', 'rich', 'sqlalchemy', 'stripe', 'uvloop'} & set(sys.modules); "
        "sys.exit(', '.join(heavy) or 0)"
    )

    finished = subprocess.run(  # noqa: S603 - our own interpreter and program
        [sys.executable, "-c", program], check=False, capture_output=True, text=True
    )

    assert (finished.returncode, finished.stderr) == (0, "")


def test_an_exit_code_reaches_the_shell(tmp_path: Path) -> None:
    """The process ends as `main` says."""
    finished = subprocess.run(  # noqa: S603 - our own interpreter and program
        [*_PAYGATE, "config", "check", str(tmp_path / "gone.toml")],
        check=False,
        capture_output=True,
        text=True,
    )

    assert finished.returncode == 2
    assert finished.stderr.startswith(f"{tmp_path}/gone.toml: cannot be read")
    assert "Traceback" not in finished.stderr


def test_a_terminal_gets_a_table() -> None:
    """People read a table with titles, programs lines."""
    ours, theirs = pty.openpty()
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [*_PAYGATE, "config", "check", str(SANDBOX_CONFIG_FILE)],
        stdout=theirs,
        env={**os.environ, "COLUMNS": "100", "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        shown = _read_to_end(ours)
    os.close(ours)

    assert process.returncode == 0
    assert "capture" in shown
    assert "│ FR" in shown


def _read_to_end(terminal: int) -> str:
    pieces: list[bytes] = []
    while True:
        try:
            pieces.append(os.read(terminal, 65536))
        except OSError:
            # Linux tells so that the other side of a terminal was closed.
            return b"".join(pieces).decode()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_sandbox_serves_until_it_is_told_to_end(number: signal.Signals) -> None:
    """It says where it answers once it does, and ends well."""
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [*_PAYGATE, "sandbox", "--port", "0", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        api_base = json.loads(process.stdout.readline())["api_base"]
        host, port = api_base.removeprefix("http://").split(":")
        socket.create_connection((host, int(port))).close()
        process.send_signal(number)
        _, errors = process.communicate()

    assert (process.returncode, errors) == (0, "")


@pytest.mark.parametrize("words", [("serve",), ("serve", "--workers", "2"), ("worker",)])
def test_a_hangup_ends_no_process_that_begins(tmp_path: Path, words: tuple[str, ...]) -> None:
    """It is to read the configuration, which it is just about to do."""
    configuration = tmp_path / "paygate.toml"
    os.mkfifo(configuration)
    with subprocess.Popen(  # noqa: S603 - our own interpreter and program
        [*_PAYGATE, *words, "--config", str(configuration)], stderr=subprocess.PIPE, text=True
    ) as process:
        with configuration.open("w") as file:  # it has begun once it opens the other end
            process.send_signal(signal.SIGHUP)
            file.write("wrong")
        _, errors = process.communicate()

    assert process.returncode == 2
    assert str(configuration) in errors


def test_a_port_that_is_taken_is_one_line() -> None:
    """Who already has the port is for the operator to find; that it is taken is for us to say."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        finished = subprocess.run(  # noqa: S603 - our own interpreter and program
            [*_PAYGATE, "sandbox", "--port", str(taken.getsockname()[1])],
            check=False,
            capture_output=True,
            text=True,
        )

    assert finished.returncode == 1
    assert finished.stderr.startswith("paygate: the system refused: ")
    assert "address already in use" in finished.stderr
    assert len(finished.stderr.splitlines()) == 1
