"""Settings from the environment."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.settings import (
    SANDBOX_CONFIG_FILE,
    Settings,
    SettingsError,
    check_lease,
    load_settings,
)
from psp.stripe.config import StripeAccountConfig
from tests.unit.psp.stripe.support import account_config


def _account(total_timeout_s: float) -> StripeAccountConfig:
    return account_config().model_copy(update={"total_timeout_s": total_timeout_s})


def test_a_fresh_process_needs_no_settings() -> None:
    """Everything has a default, on this machine alone and with limits."""
    settings = load_settings()

    assert settings.config_file.is_file()
    assert SANDBOX_CONFIG_FILE.is_file()
    assert settings.database_url == "sqlite+aiosqlite:///var/paygate.db"
    assert (settings.grpc_host, settings.grpc_port) == ("127.0.0.1", 50051)
    assert (settings.http_host, settings.http_port) == ("127.0.0.1", 8080)
    assert settings.reflection
    assert not settings.channelz


def test_the_environment_sets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each setting has a variable; an empty one is as good as none."""
    monkeypatch.setenv("PAYGATE_GRPC_PORT", "0")
    monkeypatch.setenv("PAYGATE_CONFIG_FILE", "/etc/paygate.toml")
    monkeypatch.setenv("PAYGATE_CHANNELZ", "true")
    monkeypatch.setenv("PAYGATE_LOG_FORMAT", "json")
    monkeypatch.setenv("PAYGATE_HTTP_PORT", "")

    settings = load_settings()

    assert settings.grpc_port == 0
    assert settings.config_file == Path("/etc/paygate.toml")
    assert settings.channelz
    assert settings.log_format == "json"
    assert settings.http_port == 8080


def test_what_is_given_goes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """A command's option is nearer than a variable."""
    monkeypatch.setenv("PAYGATE_CONFIG_FILE", "/etc/paygate.toml")

    assert load_settings(config_file=Path("mine.toml")).config_file == Path("mine.toml")


@pytest.mark.parametrize(
    "name,value,line",
    [
        (
            "GRPC_PORT",
            "65536",
            (
                "should be less than or equal to 65535: "
                "give a port up to 65535, or 0 for any free one, or unset it for 50051"
            ),
        ),
        (
            "HTTP_PORT",
            "http",
            (
                "should be a valid integer, unable to parse string as an integer: "
                "give a port up to 65535, or 0 for any free one, or unset it for 8080"
            ),
        ),
        (
            "LOG_FORMAT",
            "xml",
            "should be 'console' or 'json': give console or json, or unset it for console",
        ),
        (
            "LOG_LEVEL",
            "loud",
            (
                "should be 'debug', 'info', 'warning' or 'error': "
                "give debug, info, warning or error, or unset it for info"
            ),
        ),
        (
            "REFLECTION",
            "maybe",
            (
                "should be a valid boolean, unable to interpret input: "
                "give true or false, or unset it for True"
            ),
        ),
        (
            "OPERATION_LEASE_S",
            "0",
            "should be greater than or equal to 1: give 1 to 3600 seconds, or unset it for 180.0",
        ),
        (
            "MIN_DEADLINE_S",
            "nan",
            "should be a finite number: give 0.01 to 60 seconds, or unset it for 1.0",
        ),
        (
            "SHUTDOWN_GRACE_S",
            "-1",
            "should be greater than or equal to 0: give 0 to 600 seconds, or unset it for 20.0",
        ),
        (
            "MAX_MESSAGE_BYTES",
            "1",
            (
                "should be greater than or equal to 1024: "
                "give 1024 to 67108864 bytes, or unset it for 1048576"
            ),
        ),
        (
            "DATABASE_URL",
            "mysql://me:topsecret@host/db",
            (
                "is no address of a database that we use: give sqlite+aiosqlite:///FILE or "
                "postgresql+asyncpg://USER:PASSWORD@HOST/NAME, "
                "or unset it for sqlite+aiosqlite:///var/paygate.db"
            ),
        ),
        (
            "DATABASE_URL",
            "postgresql+asyncpg://me:topsecret@host:topsecret/db",
            (
                "names a host or port that cannot be: give sqlite+aiosqlite:///FILE or "
                "postgresql+asyncpg://USER:PASSWORD@HOST/NAME, "
                "or unset it for sqlite+aiosqlite:///var/paygate.db"
            ),
        ),
        (
            "BACK_OFFICE_URL",
            "sqlite+aiosqlite:///",
            (
                "is no address of a database that we use: give sqlite+aiosqlite:///FILE or "
                "postgresql+asyncpg://USER:PASSWORD@HOST/NAME, "
                "or unset it for sqlite+aiosqlite:///var/back_office.db"
            ),
        ),
    ],
)
def test_a_wrong_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    """The line names the variable, what is wrong and the cure; it does not show the value."""
    monkeypatch.setenv(f"PAYGATE_{name}", value)

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert caught.value.lines() == (f"PAYGATE_{name}: {line}",)


@pytest.mark.parametrize(
    "url",
    [
        "sqlite+aiosqlite:///var/a@b:c.db",
        "sqlite+aiosqlite:////var/lib/paygate.db",
        "postgresql+asyncpg://me:p#a:s/s@host:5432/db",
        "postgresql+asyncpg://me@[::1]:5432/db",
        "postgresql+asyncpg:///db?host=/run/postgresql",
    ],
)
def test_any_database_address_of_its_kind_is_taken(
    monkeypatch: pytest.MonkeyPatch, url: str
) -> None:
    """Passwords, addresses and sockets are the driver's to read."""
    monkeypatch.setenv("PAYGATE_DATABASE_URL", url)

    assert load_settings().database_url == url


def test_all_wrong_settings_come_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two mistakes are two lines."""
    monkeypatch.setenv("PAYGATE_GRPC_PORT", "x")
    monkeypatch.setenv("PAYGATE_LOG_LEVEL", "x")

    with pytest.raises(SettingsError) as caught:
        load_settings()

    assert [line.split(":")[0] for line in caught.value.lines()] == [
        "PAYGATE_GRPC_PORT",
        "PAYGATE_LOG_LEVEL",
    ]


def test_every_setting_says_what_to_give() -> None:
    """No setting can be wrong without a cure."""
    assert all(field.description for field in Settings.model_fields.values())


def test_a_databases_password_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings can be printed."""
    monkeypatch.setenv("PAYGATE_DATABASE_URL", "postgresql+asyncpg://me:topsecret@host/db")

    assert "topsecret" not in repr(load_settings())


def test_the_lease_outlasts_every_call() -> None:
    """An operation that is still being sent is never taken for abandoned."""
    settings = load_settings(operation_lease_s=160.0)

    check_lease(settings, {"a": _account(39.9)})
    with pytest.raises(SettingsError) as caught:
        check_lease(settings, {"a": _account(39.9), "b": _account(40), "c": _account(60)})

    assert caught.value.lines() == (
        (
            "PAYGATE_OPERATION_LEASE_S: 160 s is not above 4 times total_timeout_s of b (160 s), "
            "c (240 s): set it above 240, or lower the accounts' total_timeout_s"
        ),
    )
