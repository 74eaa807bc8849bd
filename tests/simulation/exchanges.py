"""Requests and answers without a network: as much of aiohttp's as sandboxes and adapters use."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, Self, cast

import aiohttp
from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

_FILE = re.compile(r"/v1/files/(\w+)/contents")
_DOWNLOAD = "/payment_download_ncp.asp"


class _Transport:
    aborted = False

    def abort(self) -> None:
        self.aborted = True


class _Writer:
    """Takes what an answer is written into, piece by piece."""

    output_size = 0
    length: int | None = None

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def enable_chunking(self) -> None:
        """Nothing is framed here."""

    async def write_headers(self, status_line: str, headers: CIMultiDict[str]) -> None:
        """They are read from the answer itself."""

    def send_headers(self) -> None:
        """As above."""

    async def write(self, piece: bytes) -> None:
        self.pieces.append(piece)

    async def write_eof(self, piece: bytes = b"") -> None:
        self.pieces.append(piece)


@dataclass
class Request:
    """What the sandboxes read of an aiohttp request, and write their answers into."""

    method: str
    path: str
    query_string: str
    headers: CIMultiDict[str]
    body: bytes
    remote: str = "127.0.0.1"
    transport: _Transport = field(default_factory=_Transport)
    version: aiohttp.HttpVersion = HttpVersion11
    keep_alive: bool = False
    # aiohttp's own names: an answer that is sent in pieces asks its request for them.
    _payload_writer: _Writer = field(default_factory=_Writer)

    async def _prepare_hook(self, _response: Any) -> None:
        """Nobody wants to change an answer."""

    @property
    def content_type(self) -> str:
        return self.headers.get("Content-Type", "").partition(";")[0]

    @property
    def file_id(self) -> str:
        """Which of Stripe's files it asks for; empty: none."""
        found = _FILE.fullmatch(self.path)
        return found[1] if found else ""

    @property
    def is_download(self) -> bool:
        """Whether a report is the answer, read as it comes."""
        return bool(self.file_id) or self.path.endswith(_DOWNLOAD)

    @property
    def match_info(self) -> dict[str, str]:
        return {"id": self.file_id}

    async def read(self) -> bytes:
        return self.body

    def written(self) -> bytes:
        """Return what was answered in pieces."""
        return b"".join(self._payload_writer.pieces)


class _Content:
    """A body, perhaps with its connection closed before the end."""

    def __init__(self, body: bytes, *, is_cut: bool) -> None:
        self._body = body
        self._is_cut = is_cut

    async def readexactly(self, count: int) -> bytes:
        if len(self._body) < count:
            raise asyncio.IncompleteReadError(self._body, count)
        return self._body[:count]

    async def read(self, count: int) -> bytes:
        return self._body[:count]

    async def iter_chunked(self, count: int) -> AsyncIterator[bytes]:
        for start in range(0, len(self._body), count):
            yield self._body[start : start + count]
        if self._is_cut:
            raise aiohttp.ClientPayloadError("the connection closed before the end")


class Response:
    """What the adapters read of an aiohttp response."""

    def __init__(self, answer: web.StreamResponse, request: Request) -> None:
        self.status = answer.status
        self.headers = answer.headers
        whole = isinstance(answer, web.Response)
        self.body = bytes(cast("Any", answer).body or b"") if whole else request.written()
        self.content = _Content(self.body, is_cut=False)

    def cut_off(self) -> Self:
        """Return it with the connection closed half-way."""
        self.content = _Content(self.body[: len(self.body) // 2], is_cut=True)
        return self

    async def read(self) -> bytes:
        return self.body

    async def text(self) -> str:
        return self.body.decode()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        """There is nothing to release."""

    def close(self) -> None:
        """There is nothing to close."""
