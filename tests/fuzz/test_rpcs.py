"""Every RPC, with messages that nobody would send: refused in words, and nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.descriptor_pool import Default
from google.protobuf.message import Message
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from hypothesis import event, given, note
from hypothesis import strategies as st

from gateway.api.server import SERVICES
from gateway.errors import Reason
from tests.fuzz.effort import effort
from tests.fuzz.messages import Messages, mutated
from tests.fuzz.server import Fuzzed, running_in_a_thread

_FAULTS: Final = frozenset({grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN})
_METHODS: Final[dict[str, MethodDescriptor]] = {
    f"{service}/{method.name}": method
    for service in SERVICES
    for method in Default().FindServiceByName(service).methods
}
_TIMEOUT_S: Final = 5.0
_WATCH_TIMEOUT_S: Final = 0.3
"""A watch of a payment that is there does not end by itself."""

_OF_FILES: Final = frozenset({"requests", "refund_batches", "refund_batch_lines"})
"""A file that cannot be read stays known, with the reason: whoever sent it may ask for it."""

methods = pytest.mark.parametrize("method", _METHODS)


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fuzzed]:
    """One server for all examples."""
    with running_in_a_thread(tmp_path_factory.mktemp("fuzz")) as running:
        yield running


@dataclass
class Caller:
    """Sends bytes, and sees whether anything was committed meanwhile."""

    channel: grpc.Channel
    connections: list[sqlite3.Connection]
    known: Messages

    def rows(self) -> dict[str, str]:
        """Return every table's rows but those that say what became of a file."""
        (own, _) = self.connections
        listed = own.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return {
            name: repr(own.execute(f"SELECT * FROM {name}").fetchall())  # noqa: S608 - the schema's own names
            for (name,) in listed
            if name not in _OF_FILES
        }

    def versions(self) -> list[int]:
        """Return numbers that change with every commit of somebody else."""
        return [
            connection.execute("PRAGMA data_version").fetchone()[0]
            for connection in self.connections
        ]

    def send(self, path: str, messages: list[bytes]) -> grpc.RpcError | None:
        """Call a method with these bytes; return how it failed."""
        method = _METHODS[path]
        timeout_s = _WATCH_TIMEOUT_S if "Watch" in path else _TIMEOUT_S
        kind = _kind(method.client_streaming, method.server_streaming)
        call = getattr(self.channel, kind)(f"/{path}")
        request: Any = iter(messages) if method.client_streaming else messages[0]
        try:
            answer = call(request, timeout=timeout_s)
            if method.server_streaming:
                for _ in answer:
                    pass
        except grpc.RpcError as error:
            return error
        return None

    def expect_words(self, path: str, messages: list[bytes]) -> None:
        """Call, and expect an answer or a documented refusal; the invalid changes nothing."""
        is_file = _METHODS[path].client_streaming
        before, rows = self.versions(), self.rows() if is_file else {}
        error: Any = self.send(path, messages)
        event("OK" if error is None else error.code().name)
        if error is None:
            return
        note(f"{path}: {error.code()}: {error.details()}")
        assert error.code() not in _FAULTS
        if error.code() is grpc.StatusCode.DEADLINE_EXCEEDED:
            return  # gRPC's own word, if it is a watch's
        trailers = dict(error.trailing_metadata())
        (info,) = [
            found
            for detail in Status.FromString(trailers["grpc-status-details-bin"]).details
            if detail.Unpack(found := ErrorInfo())
        ]
        assert Reason(info.reason)
        if error.code() is grpc.StatusCode.INVALID_ARGUMENT:
            assert self.rows() == rows if is_file else self.versions() == before


def _kind(client_streaming: bool, server_streaming: bool) -> str:
    return (
        f"{'stream' if client_streaming else 'unary'}_{'stream' if server_streaming else 'unary'}"
    )


@pytest.fixture(scope="module")
def caller(fuzzed: Fuzzed) -> Iterator[Caller]:
    """One channel for all examples."""
    connections = [sqlite3.connect(file) for file in fuzzed.files]
    with grpc.insecure_channel(fuzzed.address) as channel:
        yield Caller(channel, connections, Messages(fuzzed.known))
    for connection in connections:
        connection.close()


def _messages(data: st.DataObject, caller: Caller, path: str) -> list[Message]:
    method = _METHODS[path]
    if method.client_streaming:
        return data.draw(caller.known.stream(method.input_type))
    return [data.draw(caller.known.of(method.input_type))]


@methods
@effort(25)
@given(data=st.data())
def test_a_random_message_is_answered_in_words(
    caller: Caller, method: str, data: st.DataObject
) -> None:
    """Never a fault of ours; and what is refused as invalid has not changed a row."""
    messages = _messages(data, caller, method)

    caller.expect_words(method, [message.SerializeToString() for message in messages])


@methods
@effort(15)
@given(data=st.data())
def test_a_mutated_message_is_answered_in_words(
    caller: Caller, method: str, data: st.DataObject
) -> None:
    """Likewise for bytes that are hardly a message any more."""
    messages = _messages(data, caller, method) or [Status()]
    broken = [data.draw(mutated(message.SerializeToString())) for message in messages]

    caller.expect_words(method, broken)


def test_the_check_sees_a_changed_row(fuzzed: Fuzzed, caller: Caller) -> None:
    """So that it could fail at all."""
    before = caller.versions()
    for file in fuzzed.files:
        with closing(sqlite3.connect(file)) as connection, connection:
            connection.execute("CREATE TABLE fuzz_canary (id INTEGER)")
            connection.execute("DROP TABLE fuzz_canary")

    assert all(old != new for old, new in zip(before, caller.versions(), strict=True))
