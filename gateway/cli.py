"""`paygate`: the commands, and what becomes of their errors.

Exit codes: 0 success, 1 ran with a negative answer, 2 wrong usage or configuration.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated, Final

import typer

from gateway.cli_account import account_app
from gateway.cli_aliases import aliases_app
from gateway.cli_config import config_app
from gateway.cli_dlq import dlq_app
from gateway.cli_errors import failure_of
from gateway.cli_events import events_app
from gateway.cli_output import JsonFlag, print_errors, print_json, print_line
from gateway.cli_reconcile import reconcile
from gateway.cli_refunds import refunds_app
from gateway.cli_routes import ConfigOption, routes_app
from gateway.cli_sweep import sweep
from gateway.cli_worker import settings_of_process, worker
from gateway.hangups import hangups_held_back
from gateway.settings import SANDBOX_CONFIG_FILE, Settings, SettingsError, load_settings

if TYPE_CHECKING:
    from gateway.settings import Settings

_SANDBOX_PORT: Final = 12111
"""Where config/sandbox.toml looks for the sandbox."""

app = typer.Typer(
    help="A gRPC payment gateway for many countries and more than one PSP.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
db_app = typer.Typer(help="Look after the database.", rich_markup_mode=None)
app.add_typer(account_app, name="account")
app.add_typer(aliases_app, name="aliases")
app.add_typer(config_app, name="config")
app.add_typer(db_app, name="db")
app.add_typer(dlq_app, name="dlq")
app.add_typer(events_app, name="events")
app.add_typer(refunds_app, name="refunds")
app.add_typer(routes_app, name="routes")
app.command()(reconcile)
app.command()(sweep)
app.command()(worker)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command and return its exit code; None reads the process's own arguments."""
    words = sys.argv[1:] if arguments is None else list(arguments)
    command = typer.main.get_command(app)
    try:
        code: int | None = command.main(words, prog_name="paygate", standalone_mode=False)
    except Exception as error:
        failure = failure_of(error)
        if failure is None:
            raise
        print_errors(failure.lines)
        if "--json" in words:
            print_json({"errors": list(failure.lines)})
        return failure.exit_code
    return code or 0


@app.command()
@hangups_held_back()
def serve(
    with_sandbox: Annotated[
        bool,
        typer.Option("--with-sandbox", help="Run the PSPs' sandboxes too, as configured for them."),
    ] = False,
    no_workers: Annotated[
        bool,
        typer.Option("--no-workers", help="Leave what is due to processes of `paygate worker`."),
    ] = False,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="Processes that share the ports.")
    ] = 1,
    own_http_port: Annotated[int | None, typer.Option(hidden=True)] = None,
    config: ConfigOption = None,
    json_output: Annotated[bool, typer.Option("--json", help="Log as JSON lines.")] = False,
) -> int:
    """Serve gRPC and HTTP until SIGTERM or Ctrl-C."""
    import uvloop  # noqa: PLC0415 - --help and short commands do without

    from gateway.server import serve as run  # noqa: PLC0415 - as above

    settings = settings_of_process(config, json_output=json_output)
    if workers > 1:
        if with_sandbox:
            problem = "goes with one process only: leave it out, or run `paygate sandbox` beside"
            raise typer.BadParameter(problem, param_hint="--with-sandbox")
        words = serve_words(config, no_workers=no_workers, json_output=json_output)
        return uvloop.run(_several(settings, workers, words))
    if own_http_port is not None:
        return uvloop.run(
            run(
                settings,
                with_sandbox=False,
                with_workers=not no_workers,
                own_http_port=own_http_port,
            )
        )
    if not with_sandbox:
        return uvloop.run(run(settings, with_sandbox=False, with_workers=not no_workers))
    with _beside_a_sandbox(settings) as played:
        return uvloop.run(run(played, with_sandbox=True, with_workers=not no_workers))


async def _several(settings: Settings, workers: int, words: Sequence[str]) -> int:
    from gateway.identity.listening import listening_credentials  # noqa: PLC0415 - as below
    from gateway.server import prepare  # noqa: PLC0415 - --help and short commands do without
    from gateway.supervisor import supervise  # noqa: PLC0415 - as above

    # Once, and what is wrong is told once: a process that it ends would be started for ever.
    listening_credentials(settings)
    await prepare(settings)
    return await supervise(settings, workers, words)


def serve_words(config: Path | None, *, no_workers: bool, json_output: bool) -> list[str]:
    """Return the words that have another process serve as this one was told to."""
    words = ["--no-workers"] * no_workers + ["--json"] * json_output
    return words if config is None else [*words, "--config", str(config)]


@contextmanager
def _beside_a_sandbox(settings: Settings) -> Iterator[Settings]:
    """Fill in what was not set: the sandbox's configuration, and databases that end with it.

    The sandbox forgets its books when it ends, and begins its ids anew: a gateway that remembered
    would know customers and payments that are not there.
    """
    with TemporaryDirectory(prefix="paygate-serve-") as folder:
        own = {
            "config_file": SANDBOX_CONFIG_FILE,
            "database_url": f"sqlite+aiosqlite:///{folder}/paygate.db",
            "back_office_url": f"sqlite+aiosqlite:///{folder}/back_office.db",
        }
        chosen = settings.model_fields_set
        yield settings.model_copy(
            update={name: value for name, value in own.items() if name not in chosen}
        )


@app.command()
def sandbox(
    host: Annotated[str, typer.Option(help="A loopback address.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, help="The port; 0 takes any free one.")
    ] = _SANDBOX_PORT,
    json_output: JsonFlag = False,
) -> int:
    """Play Stripe's API on this machine until SIGTERM or Ctrl-C."""
    import uvloop  # noqa: PLC0415 - --help and short commands do without

    from gateway.cli_sandbox import play  # noqa: PLC0415 - as above

    uvloop.run(play(host, port, json_output=json_output))
    return 0


@app.command()
def demo(json_output: JsonFlag = False) -> int:
    """Play a purchase end to end: sandbox, back office, gateway, shopper."""
    # The demo starts a process while gRPC's threads run; it never forks without executing.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    from gateway.demo import main as play  # noqa: PLC0415 - --help and other commands do without

    return play(json_output=json_output)


@db_app.callback()
def _db_group() -> None:
    """Look after the database."""


@db_app.command("upgrade")
def db_upgrade(json_output: JsonFlag = False) -> int:
    """Bring the database at PAYGATE_DATABASE_URL to this program's revision."""
    from gateway.storage.upgrade import upgrade  # noqa: PLC0415 - --help and other commands do without

    try:
        revision = upgrade(load_settings().database_url)
    except ValueError as error:
        raise SettingsError([f"PAYGATE_DATABASE_URL: {error}"]) from error
    if json_output:
        print_json({"revision": revision})
    else:
        print_line(f"the database is at revision {revision}")
    return 0
