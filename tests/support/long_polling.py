"""`python -m tests.support.long_polling PORT BROKER-PORT`: lets a Fetch wait, as Kafka does.

noida-db answers each Fetch at once, also if there is nothing. A client then asks again at once: two
consumers and the broker keep two cores busy with nothing. Here an empty answer is kept back, and
the broker asked again, until there are messages or the `max_wait_ms` of the request is over.

Sources: Apache Kafka, protocol guide (Fetch, versions 4 to 13; on one connection, requests are
answered one after the other), and KIP-482 for the compact encodings since version 12.
"""

from __future__ import annotations

import asyncio
import struct
import sys
from dataclasses import dataclass
from typing import Final

import uvloop

_HOST: Final = "127.0.0.1"
_FETCH: Final = 1
_OLDEST: Final = 4
_NEWEST: Final = 13
_COMPACT_SINCE: Final = 12
_TOPIC_IDS_SINCE: Final = 13
_SESSIONS_SINCE: Final = 7
_LOG_START_SINCE: Final = 5
_PREFERRED_REPLICA_SINCE: Final = 11
_ASK_AGAIN_S: Final = 0.01


class _Reader:
    """Reads what a message of Kafka's protocol is made of."""

    def __init__(self, data: bytes, *, compact: bool) -> None:
        self._data = data
        self._at = 0
        self._compact = compact

    def number(self, size: int) -> int:
        """Read a whole number of so many bytes."""
        self._at += size
        return int.from_bytes(self._data[self._at - size : self._at], "big", signed=True)

    def skip(self, size: int) -> None:
        """Pass over so many bytes."""
        self._at += max(size, 0)

    def length(self, size: int = 4) -> int:
        """Read how long an array, a text or records are; below 0 if there is none."""
        return self._varint() - 1 if self._compact else self.number(size)

    def tags(self) -> None:
        """Pass over tagged fields, which only compact messages have."""
        if self._compact:
            for _ in range(self._varint()):
                self._varint()
                self.skip(self._varint())

    def _varint(self) -> int:
        value = shift = 0
        while True:
            byte = self._data[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:  # the highest bit says that more follows
                return value
            shift += 7


@dataclass(frozen=True, slots=True)
class Fetch:
    """What a request for messages says."""

    version: int
    max_wait_s: float


def read_fetch(request: bytes) -> Fetch | None:
    """Return what is asked for, or None if it is another kind of request."""
    key, version = struct.unpack_from(">hh", request)
    if key != _FETCH:
        return None
    if not _OLDEST <= version <= _NEWEST:
        raise ValueError(f"Fetch version {version} is not understood here")
    reader = _Reader(request, compact=False)
    reader.skip(2 + 2 + 4)
    # The client's id is never compact, see KIP-482.
    reader.skip(reader.number(2))
    if version >= _COMPACT_SINCE:
        reader.skip(1)  # no tagged field is known in a request's header
    reader.skip(4)
    return Fetch(version, reader.number(4) / 1000)


def is_empty(answer: bytes, version: int) -> bool:
    """Return whether an answer to a Fetch has no message, and no error."""
    reader = _Reader(answer, compact=version >= _COMPACT_SINCE)
    reader.skip(4)
    reader.tags()
    reader.skip(4)
    if version >= _SESSIONS_SINCE:
        if reader.number(2):
            return False
        reader.skip(4)
    for _ in range(reader.length()):
        reader.skip(16 if version >= _TOPIC_IDS_SINCE else reader.length(2))
        for _ in range(reader.length()):
            if not _partition_is_empty(reader, version):
                return False
        reader.tags()
    return True


def _partition_is_empty(reader: _Reader, version: int) -> bool:
    reader.skip(4)
    if reader.number(2):
        return False
    reader.skip(8 + 8)
    if version >= _LOG_START_SINCE:
        reader.skip(8)
    for _ in range(reader.length()):
        reader.skip(8 + 8)
        reader.tags()
    if version >= _PREFERRED_REPLICA_SINCE:
        reader.skip(4)
    if reader.length() > 0:
        return False
    reader.tags()
    return True


class _Front:
    """Listens where clients expect the broker."""

    def __init__(self, port: int, broker_port: int) -> None:
        self._port = port
        self._broker_port = broker_port
        # The broker tells clients its own address; of the same length, so nothing else moves.
        self._told = _HOST.encode() + struct.pack(">i", broker_port)
        self._meant = _HOST.encode() + struct.pack(">i", port)

    async def serve(self) -> None:
        """Serve until the process is ended."""
        server = await asyncio.start_server(self._take, _HOST, self._port)
        await server.serve_forever()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until it or the broker is gone."""
        try:
            broker = await asyncio.open_connection(_HOST, self._broker_port)
        except OSError:
            writer.close()
            return
        try:
            while True:
                request = await _frame(reader)
                writer.write(_framed(await self._answer(request, *broker)))
                await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            # Whoever still listens sees the other's end.
            pass
        finally:
            broker[1].close()
            writer.close()

    async def _answer(
        self, request: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bytes:
        fetch, clock = read_fetch(request), asyncio.get_running_loop().time
        until_s = clock() + (fetch.max_wait_s if fetch else 0)
        while True:
            writer.write(_framed(request))
            answer = await _frame(reader)
            if fetch is None:
                return answer.replace(self._told, self._meant)
            if clock() >= until_s or not is_empty(answer, fetch.version):
                return answer
            await asyncio.sleep(_ASK_AGAIN_S)


async def _frame(reader: asyncio.StreamReader) -> bytes:
    return await reader.readexactly(int.from_bytes(await reader.readexactly(4), "big"))


def _framed(message: bytes) -> bytes:
    return len(message).to_bytes(4, "big") + message


def main() -> None:
    """Run the front until it is ended."""
    uvloop.run(_Front(int(sys.argv[1]), int(sys.argv[2])).serve())


if __name__ == "__main__":
    main()
