"""The settings of a process, from `PAYGATE_*` environment variables; what is sold is elsewhere."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from pydantic import AfterValidator, Field, ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, SettingsConfigDict

from gateway.events.kafka.options import read_options

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


def _kafka_options(text: str) -> str:
    read_options(text)
    return text


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
_AtOnce = Annotated[int, Field(ge=1, le=100_000, description="1 to 100000")]
_KafkaOptions = Annotated[
    str,
    AfterValidator(_kafka_options),
    Field(repr=False, description="a JSON object of librdkafka options, or file:PATH of one"),
]
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
    tls_cert_file: Annotated[Path | None, Field(description="the path of a PEM file")] = None
    """This process's certificate; with its key and authorities, gRPC is mutual TLS, see
    `gateway.identity.listening`."""
    tls_key_file: Annotated[Path | None, Field(description="the path of a PEM file")] = None
    """The certificate's key, unlocked."""
    tls_ca_file: Annotated[Path | None, Field(description="the path of a PEM file")] = None
    """Authorities that are believed about the other side."""
    tls_caller: Annotated[
        Literal["spiffe_id", "common_name", "dns_name"],
        Field(description="spiffe_id, common_name or dns_name"),
    ] = "spiffe_id"
    """What of a client's certificate names the caller."""
    allow_plaintext: _Switch = False
    """Listen without TLS also where other machines reach it."""

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

    traces: Annotated[
        Literal["none", "console", "otlp"], Field(description="none, console or otlp")
    ] = "none"
    """Where traces go, see `gateway.tracing`; log lines have trace ids in any case."""
    trace_ratio: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False, description="0 to 1")] = (
        1.0
    )
    """How many traces that begin here are kept. Who calls decides for those that it begins."""

    min_deadline_s: Annotated[float, _seconds(0.01, 60)] = 1.0
    """A mutation with less time left is refused before anything is written."""
    operation_lease_s: Annotated[float, _seconds(1, 3600)] = 180.0
    """How long an operation may be in flight before the resolver takes it for abandoned."""
    shutdown_delay_s: Annotated[float, _seconds(0, 300)] = 0.0
    """How long after SIGTERM calls are still taken, while health says that nothing serves: what a
    load balancer needs to hear of it."""
    shutdown_grace_s: Annotated[float, _seconds(0, 600)] = 20.0
    """How long calls in flight may go on after that."""
    work_lease_s: Annotated[float, _seconds(1, 3600)] = 30.0
    """How long after a worker died another one takes over what it was at."""
    worker_poll_interval_s: Annotated[float, _seconds(0.01, 60)] = 0.5
    """How often workers look for work that nobody told them of."""

    sweep_after_s: Annotated[float, _seconds(60, 7 * 86400)] = 3600.0
    """From which age on the sweeper looks at a draft."""
    cancel_after_s: Annotated[float, _seconds(60, 30 * 86400)] = 86400.0
    """From which age on it cancels one that nobody paid."""
    sweep_interval_s: Annotated[float, _seconds(1, 86400)] = 600.0
    """How often it goes through all drafts."""
    catch_up_interval_s: Annotated[float, _seconds(1, 86400)] = 600.0
    """How often a PSP's list of events is compared with the inbox."""

    refund_folder: Annotated[Path | None, Field(description="the path of a folder")] = None
    """Where the back office's refund files come in and their results go; None: files come by call
    only. See `legacy_bridge.files`."""
    refund_settle_s: Annotated[float, _seconds(0, 86400)] = 60.0
    """How long a file in it must not have changed before it is taken for complete."""
    refund_look_interval_s: Annotated[float, _seconds(0.05, 86400)] = 10.0
    """How often it is looked into."""
    refund_rate_per_s: Annotated[float, Field(ge=0.01, le=1000, description="0.01 to 1000")] = 20.0
    """Refunds of files that go to one PSP account in a second, unless it has a rate of its own."""
    refund_at_once: Annotated[int, Field(ge=1, le=64, description="1 to 64")] = 4
    """Refunds of files that are under way at one PSP account at the same time."""
    refund_ask_after_s: Annotated[float, _seconds(60, 86400)] = 21600.0
    """From which age on the PSP is asked about a refund that it has not confirmed."""
    refund_overdue_after_s: Annotated[float, _seconds(60, 30 * 86400)] = 86400.0
    """From which age on such a refund is overdue."""

    delivery: Annotated[Literal["local", "kafka"], Field(description="local or kafka")] = "local"
    """How work gets from the database to those who do it."""
    kafka_bootstrap_servers: Annotated[
        str, Field(min_length=1, description="HOST:PORT, and more of them after commas")
    ] = "127.0.0.1:9092"
    kafka_options: _KafkaOptions = "{}"
    """Options of librdkafka, e.g. for TLS and SASL."""
    kafka_topic_prefix: Annotated[
        str, Field(pattern=r"^[a-zA-Z0-9._-]{1,200}$", description="1 to 200 of A-Z a-z 0-9 . _ -")
    ] = "paygate"
    kafka_create_topics: _Switch = True
    """Create the topics that are missing; otherwise a process that misses one does not start."""
    kafka_partitions: Annotated[int, Field(ge=1, le=1000, description="1 to 1000")] = 12
    """Of a topic that is created: as many replicas can share its work."""
    kafka_replication: Annotated[
        int,
        Field(ge=-1, le=32767, description="copies of each message, or -1 for the brokers' own"),
    ] = -1
    """Of a topic that is created."""
    kafka_lease_s: Annotated[float, _seconds(1, 3600)] = 120.0
    """How long after it was published something that nobody dealt with is published again."""

    alias_psp_timeout_s: Annotated[float, _seconds(0.05, 60)] = 2.0
    """How long a list of saved methods waits for one PSP."""
    alias_back_office_timeout_s: Annotated[float, _seconds(0.05, 60)] = 1.0
    """How long a list of saved methods waits for the back office."""

    max_message_bytes: _Bytes = 1024**2
    """Of one gRPC message."""
    max_concurrent_rpcs: _AtOnce = 2000
    """Unary calls under way at the same time; more are refused at once."""
    max_concurrent_streams: _AtOnce = 1000
    """Watches, imports and other streams, likewise."""
    caller_rate_per_s: Annotated[
        float, Field(ge=0, le=1e6, allow_inf_nan=False, description="0 to 1000000; 0: no limit")
    ] = 0.0
    """Calls that one caller may make in a second, on average; 0: as many as it likes."""
    caller_burst: Annotated[int, Field(ge=1, le=1_000_000, description="1 to 1000000")] = 100
    """Calls that it may make at once after it made none for a while."""
    max_connection_age_s: Annotated[float, _seconds(1, 7 * 86400)] = 1800.0
    """When a client is asked to connect anew, so that it finds replicas that came since."""
    max_connection_age_grace_s: Annotated[float, _seconds(1, 86400)] = 300.0
    """How long its calls may go on over the old connection."""
    webhook_max_bytes: _Bytes = 512 * 1024
    """Of one webhook's body."""
    webhook_max_at_once: Annotated[int, Field(ge=1, le=10_000, description="1 to 10000")] = 100
    """Webhooks that are read and stored at once; more are refused, and sent again."""

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


_MOST_OF_THE_REST: Final = 0.9
"""The rest is for what happens between an attempt's calls."""


def turn_wait_s(operation_lease_s: float, total_timeout_s: float) -> float:
    """Return how long a call may wait until its account has room for it.

    An attempt's calls and their waits fit into the lease of its operation: see `check_lease`.
    """
    rest_s = operation_lease_s / _CALLS_OF_AN_ATTEMPT - total_timeout_s
    return min(total_timeout_s / 2, max(rest_s, 0.0) * _MOST_OF_THE_REST)


def _line(detail: ErrorDetails) -> str:
    name = str(detail["loc"][0])
    message = str(detail["ctx"]["error"]) if detail["type"] == "value_error" else detail["msg"]
    message = message.removeprefix("Input ")
    field = Settings.model_fields[name]
    return (
        f"{_PREFIX}{name.upper()}: {message[:1].lower()}{message[1:]}: "
        f"give {field.description}, or unset it for {field.default}"
    )
