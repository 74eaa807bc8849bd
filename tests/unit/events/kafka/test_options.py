"""librdkafka's options as an operator gives them."""

from __future__ import annotations

from pathlib import Path

import pytest

from gateway.events.kafka.config import explaining_refusals, kafka_config
from gateway.events.kafka.options import read_options
from gateway.settings import SettingsError, load_settings

_SECRET = "hunter2-of-nobody"


def test_options_come_from_the_variable_or_from_a_file(tmp_path: Path) -> None:
    """A file keeps a password out of the environment."""
    text = '{"security.protocol": "SASL_SSL", "sasl.password": "x"}'
    (tmp_path / "options.json").write_text(text)

    assert read_options(text) == read_options(f"file:{tmp_path}/options.json")


@pytest.mark.parametrize(
    "text,problem",
    [
        (_SECRET, "is no JSON"),
        (f'["{_SECRET}"]', "no object"),
        (f'{{"sasl.password": ["{_SECRET}"]}}', "gives sasl.password a value that is no text"),
        ('{"enable.auto.commit": true, "acks": 1}', "sets acks, enable.auto.commit, which the"),
        ("file:/nowhere/options.json", "names /nowhere/options.json, which cannot be read"),
    ],
)
def test_bad_options_are_refused_at_start(text: str, problem: str) -> None:
    """With the variable's name, what is wrong, and no value."""
    with pytest.raises(SettingsError) as refused:
        load_settings(kafka_options=text)

    (line,) = refused.value.lines()
    assert line.startswith("PAYGATE_KAFKA_OPTIONS: ")
    assert problem in line
    assert _SECRET not in line


def test_options_are_never_shown() -> None:
    """Neither by the settings nor by what is made of them."""
    settings = load_settings(kafka_options=f'{{"sasl.password": "{_SECRET}"}}')

    assert _SECRET not in repr(settings)
    assert _SECRET not in repr(kafka_config(settings))


def test_what_the_library_refuses_is_named_without_its_value() -> None:
    """The library itself would repeat the value."""
    from confluent_kafka import Producer  # noqa: PLC0415 - the one test that makes a client

    with pytest.raises(SettingsError) as refused, explaining_refusals():
        Producer({"bootstrap.servers": "127.0.0.1:1", "security.protocol": _SECRET})

    (line,) = refused.value.lines()
    assert "security.protocol" in line
    assert _SECRET not in line


def test_what_delivery_depends_on_stands() -> None:
    """At-least-once needs these; an operator's options come beside them."""
    config = kafka_config(
        load_settings(kafka_options='{"linger.ms": 1, "session.timeout.ms": 6000}')
    )
    producer, consumer = config.producer(), config.consumer("group")

    assert (producer["enable.idempotence"], producer["acks"]) == (True, "all")
    assert consumer["enable.auto.commit"] is False
    assert consumer["partition.assignment.strategy"] == "cooperative-sticky"
    assert producer["linger.ms"] == 1
    assert "linger.ms" not in consumer
    assert consumer["session.timeout.ms"] == 6000
    assert "session.timeout.ms" not in producer
