"""HTTP to Ogone over an aiohttp session that several accounts can share."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlencode

import aiohttp

from psp.ogone.answers import MAX_BYTES

_NEVER_SENT: Final = (
    aiohttp.ClientConnectorError,  # refused, unreachable, no such host, TLS handshake
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,  # the proxy would not open a tunnel
    aiohttp.InvalidURL,
)
# RuntimeError is aiohttp's word for a session that is closed; ValueError covers broken framing.
_NO_ANSWER: Final = (aiohttp.ClientError, OSError, TimeoutError, RuntimeError, ValueError)


class TransportError(Exception):
    """No complete answer came. `sent` is False if Ogone surely received nothing."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


class OgoneTransport:
    """Posts forms; never repeats one by itself."""

    def __init__(self, connect_timeout_s: float, session: aiohttp.ClientSession | None) -> None:
        self._connect_timeout_s = connect_timeout_s
        self._session = session
        self._owns_session = session is None

    async def post(
        self, url: str, form: Mapping[str, str], read_timeout_s: float
    ) -> tuple[int, Mapping[str, str], bytes]:
        """Send one form and return status, headers and body; raises `TransportError`."""
        timeout = aiohttp.ClientTimeout(
            total=self._connect_timeout_s + read_timeout_s,
            connect=self._connect_timeout_s,  # waiting for a free connection counts too
            sock_read=read_timeout_s,
        )
        try:
            async with await self._send(url, form, timeout) as response:
                return response.status, response.headers, await _read(response)
        except _NO_ANSWER as error:
            raise _transport_error(error) from error

    async def open(
        self, url: str, form: Mapping[str, str], silence_s: float
    ) -> aiohttp.ClientResponse:
        """Send one form and return the answer with its body unread; the caller closes it.

        However long the body is, only a silence ends it. Raises `TransportError`.
        """
        timeout = aiohttp.ClientTimeout(
            total=None, connect=self._connect_timeout_s, sock_read=silence_s
        )
        try:
            return await self._send(url, form, timeout)
        except _NO_ANSWER as error:
            raise _transport_error(error) from error

    async def close(self) -> None:
        """Close the session if it is our own."""
        if self._owns_session and self._session is not None:
            await self._session.close()

    async def _send(
        self, url: str, form: Mapping[str, str], limits: aiohttp.ClientTimeout
    ) -> aiohttp.ClientResponse:
        # A redirect would carry a payment somewhere else as a GET: it is no answer of Ogone.
        return await self._open_session().post(
            url,
            data=urlencode(form).encode(),
            headers={"Content-Type": "application/x-www-form-urlencoded; charset=utf-8"},
            timeout=limits,
            allow_redirects=False,
        )

    def _open_session(self) -> aiohttp.ClientSession:
        # Made late: a session belongs to the event loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _transport_error(error: Exception) -> TransportError:
    if isinstance(error, _NEVER_SENT):
        return TransportError(f"not sent: {type(error).__name__}", sent=False)
    return TransportError(f"no answer: {type(error).__name__}", sent=True)


async def _read(response: aiohttp.ClientResponse) -> bytes:
    """Read the whole body, or just more of it than any answer has."""
    try:
        return await response.content.readexactly(MAX_BYTES + 1)
    except asyncio.IncompleteReadError as whole:
        return whole.partial
