"""What the code says about itself, for comparing files with it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Final

import typer
from typer.core import TyperGroup
from typer.exceptions import TyperException

from gateway.cli import app
from gateway.metrics import Metrics
from gateway.settings import Settings, SettingsError, load_settings
from gateway.web.app import build_web_app

_PREFIX: Final = "PAYGATE_"
_PINNED: Final = re.compile(r"[a-z0-9./-]+:[a-z0-9][\w.-]*\d[\w.-]*(@sha256:[0-9a-f]{64})?")
GRPC_PORT: Final[int] = Settings.model_fields["grpc_port"].default
HTTP_PORT: Final[int] = Settings.model_fields["http_port"].default
GRACE_S: Final[float] = Settings.model_fields["shutdown_grace_s"].default


def command_problems(where: str, words: Sequence[str]) -> list[str]:
    """Say what of a `paygate` command there is not, or which part that it needs is missing."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while isinstance(command, TyperGroup):
        name = rest.pop(0) if rest else ""
        found = command.commands.get(name)
        if found is None:
            return [f"{where}: there is no command `paygate {' '.join(words)}`"]
        command = found
    try:
        command.make_context("paygate", rest)  # reads the words, and runs nothing
    except TyperException as error:
        return [f"{where}: `paygate {' '.join(words)}`: {error.format_message()}"]
    return []


def setting_problems(where: str, environment: Mapping[str, str | None]) -> list[str]:
    """Say which PAYGATE_ variables there are not, and which values are refused.

    A value of None is one that a secret holds.
    """
    own = {name: value for name, value in environment.items() if name.startswith(_PREFIX)}
    fields = {name: name.removeprefix(_PREFIX).lower() for name in own}
    unknown = [name for name, field in fields.items() if field not in Settings.model_fields]
    found = [f"{where}: there is no setting {name}" for name in unknown]
    given = {fields[name]: value for name, value in own.items() if value and name not in unknown}
    # Options in a file are the cluster's own, and not here.
    if str(given.get("kafka_options", "")).startswith("file:"):
        del given["kafka_options"]
    try:
        load_settings(**given)
    except SettingsError as error:
        found += [f"{where}: {line}" for line in error.lines()]
    return found


def image_problems(where: str, image: str) -> list[str]:
    """Say if an image is not pinned to a version."""
    return [] if _PINNED.fullmatch(image) else [f"{where}: image {image!r} names no version"]


@cache
def routes() -> frozenset[str]:
    """Return what may be asked for over HTTP."""
    inbox: Any = None
    web = build_web_app(inbox, Metrics(), {}, webhook_max_bytes=1024)
    return frozenset(route.resource.canonical for route in web.router.routes() if route.resource)


def metric_problems(where: str, expression: str) -> list[str]:
    """Say which metrics of ours a PromQL expression names that are not there."""
    named = set(re.findall(r"\bpaygate_\w+", expression))
    return [f"{where}: there is no metric {name}" for name in sorted(named - _metrics())]


@cache
def _metrics() -> frozenset[str]:
    return Metrics().names()
