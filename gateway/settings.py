"""The settings of a process, from `PAYGATE_*` environment variables; what is sold is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

if TYPE_CHECKING:
    from psp.registry import PspAccountConfig  # settings load in a third of the time without it

_PREFIX: Final = "PAYGATE_"
_CONFIG_FOLDER: Final = Path(__file__).resolve().parents[1] / "config"

SANDBOX_CONFIG_FILE: Final = _CONFIG_FOLDER / "sandbox.toml"
"""The configuration that goes with the sandbox, complete with the sandbox's own keys."""

_DATABASE_KINDS: Final = ("sqlite+aiosqlite:///", "postgresql+asyncpg://")
_HOST_AND_PORT: Final = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]]*)(:[0-9]{1,5})?", re.ASCII)


class SettingsError(Exception):
    """Settings that cannot be used, with all of their problems at once. Shows no values."""

    def __init__(self, lines: Iterable[str]) -> None:
        self._lines = tuple(lines)
        super().__init__("\n".join(self._lines))

    def lines(self) -> tuple[str, ...]:
        """One line for each problem, naming variable and cure."""
        return self._lines


def _database_url(url: str) -> str:
    if not any(url.startswith(kind) and len(url) > len(kind) for kind in _DATABASE_KINDS):
        raise ValueError("is no address of a database that we use")
    # A password may hold anything, so that what follows the last @ is looked at alone.
    host_and_port = url.partition("://")[2].rpartition("@")[2].partition("/")[0]
    if url.startswith("postgresql") and not _HOST_AND_PORT.fullmatch(host_and_port):
        raise ValueError("names a host or port that cannot be")
    return url


# Hidden from `repr`: it may hold a password.
_DatabaseUrl = Annotated[
    str,
    AfterValidator(_database_url),
    Field(
        repr=False,
        description="sqlite+aiosqlite:///FILE or postgresql+asyncpg://USER:PASSWORD@HOST/NAME",
    ),
]
_Host = Annotated[str, Field(min_length=1, max_length=255, description="a host name or address")]
_Port = Annotated[
    int, Field(ge=0, le=65535, description="a port up to 65535, or 0 for any free one")
]
_Bytes = Annotated[int, Field(ge=1024, le=64 * 1024**2, description="1024 to 67108864 bytes")]
_Switch = Annotated[bool, Field(description="true or false")]


def _seconds(least: float, most: float) -> Any:  # noqa: ANN401 - pydantic's Field is typed so
    return Field(
        ge=least, le=most, allow_inf_nan=False, description=f"{least:g} to {most:g} seconds"
    )


class Settings(BaseSettings):
    """Where a process listens, stores and waits. Make it by `load_settings`."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX,
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    config_file: Annotated[Path, Field(description="the path of a configuration file")] = (
        _CONFIG_FOLDER / "paygate.toml"
    )
    """Accounts and countries, see `gateway.routing.configuration`."""
    database_url: _DatabaseUrl = "sqlite+aiosqlite:///var/paygate.db"
    """SQLAlchemy URL of the gateway's database; a relative file starts from the working folder."""
    back_office_url: _DatabaseUrl = "sqlite+aiosqlite:///var/back_office.db"
    """SQLAlchemy URL of the legacy back office's database."""

    grpc_host: _Host = "127.0.0.1"
    grpc_port: _Port = 50051
    http_host: _Host = "127.0.0.1"
    http_port: _Port = 8080
    """Webhooks, health and metrics."""

    log_format: Annotated[Literal["console", "json"], Field(description="console or json")] = (
        "console"
    )
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="debug, info, warning or error"),
    ] = "info"

    min_deadline_s: Annotated[float, _seconds(0.01, 60)] = 1.0
    """A mutation with less time left is refused before anything is written."""
    operation_lease_s: Annotated[float, _seconds(1, 3600)] = 180.0
    """How long an operation may be in flight before the resolver takes it for abandoned."""
    shutdown_grace_s: Annotated[float, _seconds(0, 600)] = 20.0
    """How long calls in flight may go on after SIGTERM."""
    worker_poll_interval_s: Annotated[float, _seconds(0.01, 60)] = 0.5
    """How often workers look for work that nobody told them of."""

    alias_psp_timeout_s: Annotated[float, _seconds(0.05, 60)] = 2.0
    """How long a list of saved methods waits for one PSP."""
    alias_back_office_timeout_s: Annotated[float, _seconds(0.05, 60)] = 1.0
    """How long a list of saved methods waits for the back office."""

    max_message_bytes: _Bytes = 1024**2
    """Of one gRPC message."""
    webhook_max_bytes: _Bytes = 512 * 1024
    """Of one webhook's body."""

    reflection: _Switch = True
    """gRPC reflection: what grpcurl lists and describes."""
    channelz: _Switch = False
    """gRPC's own statistics of connections and calls."""


def load_settings(**given: Any) -> Settings:  # noqa: ANN401 - each field has a type of its own, which pydantic checks
    """Read the environment; fields that are `given` go before it. Raises `SettingsError`."""
    try:
        return Settings(**given)
    except ValidationError as error:
        details = error.errors(include_url=False, include_input=False)
        raise SettingsError(_line(detail) for detail in details) from None


_CALLS_OF_AN_ATTEMPT: Final = 4
"""Calls that one attempt may make, one after the other, each with an account's total_timeout_s: the
change, what is true if it is refused, its review, and the truth once more."""


def check_lease(settings: Settings, accounts: Mapping[str, PspAccountConfig]) -> None:
    """Raise `SettingsError` if an attempt may outlast the lease of its operation.

    The resolver would take an operation for abandoned that is still being sent.
    """
    lease_s = settings.operation_lease_s
    longer = {
        name: config.total_timeout_s * _CALLS_OF_AN_ATTEMPT
        for name, config in accounts.items()
        if config.total_timeout_s * _CALLS_OF_AN_ATTEMPT >= lease_s
    }
    if longer:
        names = ", ".join(f"{name} ({total_s:g} s)" for name, total_s in sorted(longer.items()))
        problem = (
            f"{lease_s:g} s is not above {_CALLS_OF_AN_ATTEMPT} times total_timeout_s of {names}"
        )
        cure = f"set it above {max(longer.values()):g}, or lower the accounts' total_timeout_s"
        raise SettingsError([f"{_PREFIX}OPERATION_LEASE_S: {problem}: {cure}"])


def _line(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    message = str(detail["ctx"]["error"]) if detail["type"] == "value_error" else detail["msg"]
    message = message.removeprefix("Input ")
    field = Settings.model_fields[name]
    return (
        f"{_PREFIX}{name.upper()}: {message[:1].lower()}{message[1:]}: "
        f"give {field.description}, or unset it for {field.default}"
    )
