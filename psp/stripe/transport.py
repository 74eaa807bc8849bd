"""HTTP for Stripe's SDK over an aiohttp session that several accounts can share.

The SDK's own aiohttp client lets errors escape while a body is read, and does not tell a request
that never left from one without an answer. This one does both.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final

import aiohttp
import stripe

from psp.stripe.config import StripeAccountConfig

_NEVER_SENT: Final = (
    aiohttp.ClientConnectorError,  # refused, unreachable, no such host, TLS handshake
    aiohttp.ConnectionTimeoutError,
    aiohttp.ClientHttpProxyError,  # the proxy would not open a tunnel
    aiohttp.InvalidURL,
)
# RuntimeError is aiohttp's word for a session that is closed; ValueError covers broken framing.
_NO_ANSWER: Final = (aiohttp.ClientError, OSError, TimeoutError, RuntimeError, ValueError)

_OK: Final = 200
_MAX_ERROR_BYTES: Final = 65_536
# What the SDK raises for these answers of the API; other statuses have no class of their own.
_BY_STATUS: Final[Mapping[int, type[stripe.StripeError]]] = {
    401: stripe.AuthenticationError,
    403: stripe.PermissionError,
    429: stripe.RateLimitError,
}
_REFUSED: Final = frozenset({400, 404})


class TransportError(stripe.APIConnectionError):
    """No complete answer came. `sent` is False if Stripe surely received nothing."""

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
        self.sent = sent


class StripeTransport(stripe.HTTPClient):
    """The SDK's HTTP client; never repeats a request by itself."""

    name = "aiohttp"

    def __init__(self, config: StripeAccountConfig, session: aiohttp.ClientSession | None) -> None:
        super().__init__()
        self._timeout = aiohttp.ClientTimeout(
            total=config.connect_timeout_s + config.read_timeout_s,
            connect=config.connect_timeout_s,  # waiting for a free connection counts too
            sock_read=config.read_timeout_s,
        )
        self._session = session
        self._owns_session = session is None

    async def request_async(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,  # noqa: ANN401 - the SDK's signature
    ) -> tuple[bytes, int, Mapping[str, str]]:
        """Send one request and read the whole answer; raises `TransportError`."""
        try:
            # A redirect would carry a payment somewhere else as a GET: it is no answer of Stripe.
            async with self._open_session().request(
                method,
                url,
                headers=headers,
                data=post_data,
                timeout=self._timeout,
                allow_redirects=False,
            ) as response:
                return await response.read(), response.status, response.headers
        except _NEVER_SENT as error:
            raise TransportError(f"not sent: {type(error).__name__}", sent=False) from error
        except _NO_ANSWER as error:
            raise TransportError(f"no answer: {type(error).__name__}", sent=True) from error

    async def open_file(self, url: str, api_key: str) -> aiohttp.ClientResponse:
        """GET a file and return it with its body unread; the caller closes it.

        Raises `TransportError`, and for an error status what the SDK would raise. The body comes as
        it was sent, compressed perhaps; only a silence ends it, however long it is.
        """
        headers = {"Authorization": f"Bearer {api_key}", "Accept-Encoding": "gzip"}
        timeout = aiohttp.ClientTimeout(
            total=None, connect=self._timeout.connect, sock_read=self._timeout.sock_read
        )
        try:
            response = await self._open_session().get(
                url, headers=headers, timeout=timeout, allow_redirects=False, auto_decompress=False
            )
            if response.status == _OK:
                return response
            async with response:
                body = await response.content.read(_MAX_ERROR_BYTES)
                raise _status_error(response, body)
        except _NEVER_SENT as error:
            raise TransportError(f"not sent: {type(error).__name__}", sent=False) from error
        except _NO_ANSWER as error:
            raise TransportError(f"no answer: {type(error).__name__}", sent=True) from error

    async def close_async(self) -> None:
        """Close the session if it is our own."""
        if self._owns_session and self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Made late: a session belongs to the event loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def _status_error(response: aiohttp.ClientResponse, body: bytes) -> stripe.StripeError:
    """Return the SDK's exception for an error answer, with what it says of itself."""
    try:
        told = json.loads(body)
    except ValueError:
        told = None
    said = told if isinstance(told, dict) else {}
    about = {
        "http_body": body,
        "http_status": response.status,
        "json_body": said,
        "headers": response.headers,
    }
    message = f"HTTP {response.status}"
    if response.status in _REFUSED:
        error = said.get("error")
        code = error.get("code") if isinstance(error, dict) else None
        return stripe.InvalidRequestError(message, None, code=code, **about)  # type: ignore[no-untyped-call]  # the SDK leaves it untyped
    return _BY_STATUS.get(response.status, stripe.APIError)(message, **about)  # type: ignore[arg-type]  # fields by name
