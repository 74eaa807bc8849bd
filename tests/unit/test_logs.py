"""What is written to the log, and what never is."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
import structlog

from gateway.logs import LogFormat, configure_logging, redact


@dataclass(frozen=True)
class _Config:
    name: str
    api_key: str


class _Opaque:
    def __repr__(self) -> str:
        return "<opaque sk_test_abc>"


@pytest.fixture
def output() -> Iterator[io.StringIO]:
    """Return where the test's log goes; afterwards logging is as it was."""
    root = logging.getLogger()
    handlers, level = [*root.handlers], root.level
    yield io.StringIO()
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()


def _redacted(**event: Any) -> dict[str, Any]:
    return dict(redact(None, "info", event))


def _lines(output: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.getvalue().splitlines()]


@pytest.mark.parametrize(
    "key",
    [
        "secret",
        "client_secret",
        "clientSecret",
        "password",
        "db_password",
        "PSWD",
        "token",
        "access_token",
        "api_key",
        "apiKey",
        "x-api-key",
        "authorization",
        "Authorization",
        "Proxy-Authorization",
        "signature",
        "Stripe-Signature",
        "Set-Cookie",
        "card_number",
        "cvc",
    ],
)
def test_a_secret_is_known_by_its_key(key: str) -> None:
    """Whatever the value looks like, however the key is written, at any depth."""
    assert _redacted(**{key: "harmless"}) == {key: "[redacted]"}
    assert _redacted(**{key: {"inner": 1}}) == {key: "[redacted]"}
    assert _redacted(headers=[{key: "harmless"}]) == {"headers": [{key: "[redacted]"}]}


@pytest.mark.parametrize(
    "value",
    [
        "sk_test_abc",
        "rk_live_abc",
        "whsec_abc",
        "pi_1_secret_abc",
        "Bearer abc",
        "4242424242424242",
        "4242 4242 4242 4242",
        "4242-4242-4242-4242",
        4242424242424242,
    ],
)
def test_a_secret_is_known_by_its_looks(value: object) -> None:
    """Under any key and at any depth: mappings, lists, tuples, sets."""
    gone = "[redacted]"

    assert _redacted(event=value) == {"event": gone}
    assert _redacted(a={"b": [{"c": (value,)}]}) == {"a": {"b": [{"c": [gone]}]}}
    assert _redacted(a={value}) == {"a": [gone]}
    assert [*_redacted(a={value: 1})["a"]] == [gone]
    assert "4242424242424242" not in str(_redacted(text=f"says {value}, twice: {value}"))


@pytest.mark.parametrize(
    "event",
    [
        {"payment_id": "pay_01jd3v4242424242424242abcd"},
        {"request_id": "a1b2c3d4-4242-4242-8242-424242424242"},
        {"at": 1760000000},
        {"at_unix": 1760000000000},
        {"started_ns": 4242424242424242},
        {"amount_minor": 4242424242424242},
        {"captured_minor": 4242424242424242},
        {"duration_ms": 12.345, "bytes": 512, "status": 200},
        {"duplicate": True, "event_type": None, "has_signature": False},
        {"authorized": "12.34", "authorization_window_days": 7},
    ],
)
def test_what_is_no_secret_stays(event: dict[str, Any]) -> None:
    """Ids, Unix times, amounts, sizes and flags are written as they are."""
    assert event == _redacted(**event)


def test_objects_become_plain_data_first() -> None:
    """Their text could hide a secret until it is written."""
    moment = datetime(2026, 10, 18, 12, 30, tzinfo=UTC)

    assert _redacted(
        config=_Config("stripe_fr", "harmless"), thing=_Opaque(), raw=b"whsec_abc", at=moment
    ) == {
        "config": {"name": "stripe_fr", "api_key": "[redacted]"},
        "thing": "<opaque [redacted]>",
        "raw": "b'[redacted]'",
        "at": "2026-10-18T12:30:00+00:00",
    }


def test_an_endless_structure_ends() -> None:
    """A value that contains itself is cut."""
    endless: list[Any] = []
    endless.append(endless)

    assert "[too deep]" in str(_redacted(a=endless))


def test_json_is_one_object_a_line(output: io.StringIO) -> None:
    """Level, time and the context's variables are in every line."""
    configure_logging("json", "INFO", output)
    structlog.contextvars.bind_contextvars(request_id="id-1")

    structlog.get_logger("gateway").info("webhook", account="stripe_fr", client_secret="x")

    (line,) = _lines(output)
    datetime.fromisoformat(line.pop("timestamp"))
    assert line == {
        "event": "webhook",
        "level": "info",
        "account": "stripe_fr",
        "client_secret": "[redacted]",
        "request_id": "id-1",
    }


def test_console_lines_are_redacted_too(output: io.StringIO) -> None:
    """The format for people is no less careful; off a terminal it has no colours."""
    configure_logging("console", "INFO", output)

    structlog.get_logger().info("made", key="sk_test_abc")

    assert "made" in output.getvalue()
    assert "key=[redacted]" in output.getvalue()
    assert "\x1b" not in output.getvalue()


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_tracebacks_are_redacted(log_format: LogFormat, output: io.StringIO) -> None:
    """An exception's words are written without the secret in them, ours and libraries'."""
    configure_logging(log_format, "INFO", output)
    try:
        raise ValueError("bad key sk_test_abc")
    except ValueError:
        structlog.get_logger().exception("failed")
        logging.getLogger("library").exception("failed there")

    assert "sk_test_abc" not in output.getvalue()
    assert output.getvalue().count("ValueError: bad key [redacted]") == 2


def test_libraries_log_in_the_same_way(output: io.StringIO) -> None:
    """Their lines carry the logger's name and the context, and are redacted."""
    configure_logging("json", "INFO", output)
    structlog.contextvars.bind_contextvars(request_id="id-1")

    logging.getLogger("aiohttp.server").warning("bad %s", "Bearer abc")

    (line,) = _lines(output)
    datetime.fromisoformat(line.pop("timestamp"))
    assert line == {
        "event": "bad [redacted]",
        "level": "warning",
        "logger": "aiohttp.server",
        "request_id": "id-1",
    }


def test_libraries_never_log_debug(output: io.StringIO) -> None:
    """At DEBUG the Stripe SDK logs request bodies."""
    configure_logging("json", "DEBUG", output)

    structlog.get_logger().debug("ours")
    logging.getLogger("stripe").debug("Post details", extra={"post_data": "email=a@b.example"})

    assert [line["event"] for line in _lines(output)] == ["ours"]


def test_the_level_holds_for_all(output: io.StringIO) -> None:
    """Below it nothing is written."""
    configure_logging("json", "warning", output)

    structlog.get_logger().info("ours")
    logging.getLogger("library").info("theirs")
    structlog.get_logger().warning("heard")

    assert [line["event"] for line in _lines(output)] == ["heard"]


def test_configuring_again_replaces(output: io.StringIO) -> None:
    """A library's line is not written twice."""
    configure_logging("console", "INFO", io.StringIO())
    configure_logging("json", "INFO", output)

    logging.getLogger("library").warning("once")

    assert [line["event"] for line in _lines(output)] == ["once"]


def test_an_unknown_level_is_refused() -> None:
    """The message says what may be used."""
    with pytest.raises(ValueError, match="use DEBUG, INFO, WARNING or ERROR"):
        configure_logging("json", "LOUD")
