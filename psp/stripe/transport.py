"""HTTP for Stripe's SDK over an aiohttp session that several accounts can share.

The SDK's own aiohttp client lets errors escape while a body is read, and does not tell a request
that never left from one without an answer. This one does both.
"""

from __future__ import annotations

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

    async def close_async(self) -> None:
        """Close the session if it is our own."""
        if self._owns_session and self._session is not None:
            await self._session.close()

    def _open_session(self) -> aiohttp.ClientSession:
        # Made late: a session belongs to the event loop that runs when it is made.
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session
