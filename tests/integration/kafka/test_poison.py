"""Messages that nobody can apply: set aside with their reason, and brought back by a command."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from gateway.cli import main
from gateway.domain.inbox import InboxEvent, InboxOutcome
from gateway.events.kafka.messages import Incoming, Record
from gateway.events.kafka.topics import dead_letters_of
from gateway.settings import Settings
from gateway.storage.inbox import get_event, insert_event
from paygate.v1 import events_pb2 as pb
from psp.port import PspEvent, PspEventSubject
from tests.integration.kafka.playing import Cluster, eventually, gateway, pay, released
from tests.support.rig import Rig

_HEADERS = {
    "ce_specversion": "1.0",
    "ce_id": "evt_nobody",
    "ce_type": "paygate.v1.PspEventReceived",
    "ce_source": "/paygate",
    "content-type": "application/protobuf",
}
_EVENT = pb.PspEventReceived(psp_account="stripe_eu", event_id="evt_nobody")


def _record(topic: str, value: bytes, **headers: str) -> Record:
    named = {**_HEADERS, **{name.replace("__", "-"): text for name, text in headers.items()}}
    return Record(topic, b"order-9", value, tuple((n, t.encode()) for n, t in named.items()))


def _poisons(topic: str) -> dict[str, Record]:
    """Return messages by the reason for which each cannot be applied, and a word for it."""
    good = _EVENT.SerializeToString()
    return {
        "unreadable: bytes": _record(topic, b"\xff\xff\xff"),
        "unreadable: empty": _record(topic, b""),
        "foreign: headers": Record(topic, b"k", good, ()),
        "foreign: type": _record(topic, good, ce_type="shop.v7.Basket"),
        "foreign: version": _record(topic, good, ce_specversion="2.0"),
        "foreign: format": _record(topic, b"{}", content__type="application/json"),
        "foreign: id": _record(topic, good, ce_id="evt_other"),
        "foreign: attempt": _record(topic, good, paygate_attempt="many"),
        "unknown_row: webhook": _record(topic, good),
    }


def _reason(letter: Incoming) -> str:
    return (dict(letter.headers)["dlq_reason"] or b"").decode()


async def test_poison_holds_up_nobody(rig: Rig, cluster: Cluster) -> None:
    """It goes to the topic of dead letters with its reason, and the order beside it is released."""
    topic = cluster.topics.psp_events
    poisons = _poisons(topic)
    async with gateway(rig, cluster.settings()):
        await eventually(lambda: _is_there(cluster, topic))
        cluster.write(*poisons.values())
        await pay(rig, "order-1")

        await eventually(lambda: released(rig))
        await eventually(lambda: _are_buried(cluster, topic, len(poisons)))

    letters = cluster.read(dead_letters_of(topic))
    buried = sorted((letter.value, _reason(letter)) for letter in letters)
    assert buried == sorted((each.value, word.partition(":")[0]) for word, each in poisons.items())
    for letter in letters:
        marks = {name: (value or b"").decode() for name, value in letter.headers}
        (original,) = (
            message
            for message in cluster.read(topic)
            if (str(message.partition), str(message.offset))
            == (marks["dlq_partition"], marks["dlq_offset"])
        )
        assert (original.key, original.value) == (letter.key, letter.value)
        assert marks["dlq_topic"] == topic
        assert marks["dlq_time"]
        assert marks["dlq_detail"]


async def test_a_line_of_another_database_is_buried(rig: Rig, cluster: Cluster) -> None:
    """A line that decides, and is in no journal here, names nothing; other lines need no row."""
    topic = cluster.topics.payments
    async with gateway(rig, cluster.settings()):
        await pay(rig, "order-1")
        await eventually(lambda: released(rig))
        lines = [pb.PaymentChanged.FromString(each.value or b"") for each in cluster.read(topic)]
        for sent, line in zip(cluster.read(topic), lines, strict=True):
            line.event.id = f"jnl_{line.event.sequence}"
            headers = tuple(
                (name, line.event.id.encode() if name == "ce_id" else value)
                for name, value in sent.headers
            )
            cluster.write(replace(sent, value=line.SerializeToString(), headers=headers))
        await eventually(lambda: _are_buried(cluster, topic, 1))

    letters = cluster.read(dead_letters_of(topic))
    assert {_reason(letter) for letter in letters} == {"unknown_row"}
    assert 0 < len(letters) < len(lines)


async def test_dead_letters_are_listed_and_replayed(
    rig: Rig, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One by one or all at once, and each once, however often the command is run."""
    topic = cluster.topics.psp_events
    settings = cluster.settings()
    async with gateway(rig, settings):
        await eventually(lambda: _is_there(cluster, topic))
        cluster.write(*[_record(topic, _EVENT.SerializeToString(), ce_id="evt_other")] * 3)
        await eventually(lambda: _are_buried(cluster, topic, 3))
    _use(settings, monkeypatch)

    capsys.readouterr()  # what the gateway logged

    def run(*words: str) -> Any:
        assert main(["dlq", *words, "--json"]) == 0
        return json.loads(capsys.readouterr().out)

    listed = run("list")["messages"]
    assert [(each["topic"], each["offset"], each["reason"]) for each in listed] == [
        (topic, offset, "foreign") for offset in range(3)
    ]
    assert [
        each["offset"] for each in run("replay", "--topic", topic, "--offset", "1")["replayed"]
    ] == [1]
    assert run("replay", "--topic", topic, "--offset", "1")["replayed"] == []
    assert [each["offset"] for each in run("list", "--topic", topic)["messages"]] == [0, 2]
    assert [each["offset"] for each in run("replay", "--topic", topic)["replayed"]] == [0, 2]
    assert run("replay", "--topic", topic)["replayed"] == []
    assert run("list") == {"messages": []}

    published = cluster.read(topic)
    again = [message for message in published if "paygate_replay_of" in dict(message.headers)]
    assert [message.value for message in again] == [_EVENT.SerializeToString()] * 3
    assert not any(name.startswith("dlq_") for message in again for name, _ in message.headers)


async def test_what_was_mended_is_applied_when_it_is_replayed(
    rig: Rig, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once its row is there, a dead letter is a message like any other."""
    topic = cluster.topics.psp_events
    settings = cluster.settings()
    _use(settings, monkeypatch)
    async with gateway(rig, settings):
        await eventually(lambda: _is_there(cluster, topic))
        cluster.write(_record(topic, _EVENT.SerializeToString()))
        await eventually(lambda: _are_buried(cluster, topic, 1))

        # Not due before tomorrow: only the message can bring it up today.
        tomorrow = rig.now() + timedelta(days=1)
        event = PspEvent("evt_nobody", "a.b", PspEventSubject.OTHER, "", "", tomorrow)
        await rig.database.commit([insert_event(InboxEvent("stripe_eu", event, tomorrow))])
        assert await asyncio.to_thread(main, ["dlq", "replay", "--topic", topic]) == 0

        await eventually(lambda: _is_ignored(rig))

    assert len(cluster.read(dead_letters_of(topic))) == 1


async def _is_ignored(rig: Rig) -> bool:
    received = await get_event(rig.database, "stripe_eu", "evt_nobody")
    return received is not None and received.outcome is InboxOutcome.IGNORED


def _use(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let commands find the brokers of these settings."""
    for name in ("kafka_bootstrap_servers", "kafka_topic_prefix", "kafka_options"):
        monkeypatch.setenv(f"PAYGATE_{name.upper()}", str(getattr(settings, name)))


def test_commands_name_what_is_wrong(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A topic that is none of ours, and topics that are not there yet."""
    monkeypatch.setenv("PAYGATE_KAFKA_BOOTSTRAP_SERVERS", cluster.address)
    monkeypatch.setenv("PAYGATE_KAFKA_TOPIC_PREFIX", cluster.topics.prefix)

    assert main(["dlq", "replay", "--topic", "elsewhere"]) == 2
    assert "there is no topic 'elsewhere': give one of" in capsys.readouterr().err
    assert main(["dlq", "list"]) == 1
    assert "PAYGATE_KAFKA_TOPIC_PREFIX" in capsys.readouterr().err


async def _is_there(cluster: Cluster, topic: str) -> bool:
    return cluster.exists(topic)


async def _are_buried(cluster: Cluster, topic: str, number: int) -> bool:
    return len(cluster.read(dead_letters_of(topic))) >= number
