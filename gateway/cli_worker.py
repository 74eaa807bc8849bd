"""`paygate worker`: a process that does what is due, beside others who do the same."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli_routes import ConfigOption
from gateway.hangups import hangups_held_back
from gateway.settings import Settings, load_settings


@hangups_held_back()
def worker(
    config: ConfigOption = None,
    json_output: Annotated[bool, typer.Option("--json", help="Log as JSON lines.")] = False,
) -> int:
    """Do what is due until SIGTERM or Ctrl-C; as many replicas as you like share it."""
    import uvloop  # noqa: PLC0415 - --help and short commands do without

    from gateway.server import work as run  # noqa: PLC0415 - as above

    return uvloop.run(run(settings_of_process(config, json_output=json_output)))


def settings_of_process(config: Path | None, *, json_output: bool) -> Settings:
    """Return the settings of a process that lasts; what the command line says goes first."""
    given: dict[str, Any] = {}
    if config is not None:
        given["config_file"] = config
    if json_output:
        given["log_format"] = "json"
    return load_settings(**given)
