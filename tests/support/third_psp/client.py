"""Calls to the third PSP, and what went wrong with them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import aiohttp

from psp.errors import (
    MisconfiguredError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    PspError,
    RejectedError,
    UnavailableError,
)
from tests.support.third_psp.config import ThirdAccountConfig

JsonDict = dict[str, object]
_ERRORS: Final[Mapping[int, type[PspError]]] = MappingProxyType(
    {
        400: RejectedError,
        401: MisconfiguredError,
        404: NotFoundError,
        409: RejectedError,
    }
)
"""By HTTP status: what surely did not happen. After any other a change may have."""


class ThirdCaller:
    """The connection of one account. A session that was given is shared and stays open."""

    def __init__(
        self, account: str, config: ThirdAccountConfig, session: aiohttp.ClientSession | None
    ) -> None:
        self.account = account
        self._config = config
        self._session = session or aiohttp.ClientSession()
        self._owns_session = session is None

    async def call(self, method: str, path: str, body: JsonDict | None = None) -> JsonDict:
        """Return the answer, or raise an error of `psp.errors`; only a GET changes nothing."""
        in_doubt = UnavailableError if method == "GET" else OutcomeUnknownError
        headers = {"Authorization": f"Bearer {self._config.api_key.get_secret_value()}"}
        try:
            async with self._session.request(
                method,
                f"{self._config.api_base}{path}",
                json=body or {},
                headers=headers,
                timeout=aiohttp.ClientTimeout(total=self._config.timeout_s),
            ) as response:
                status, answer = response.status, await response.json()
        except aiohttp.ClientConnectorError as error:
            raise NotSentError(self.account, "nobody answers") from error
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise in_doubt(self.account, "no answer that can be read") from error
        if status in _ERRORS:
            raise _ERRORS[status](self.account, str(answer.get("problem")), str(status))
        if status != 200 or not isinstance(answer, dict):
            raise in_doubt(self.account, "no answer that can be trusted", str(status))
        return answer

    async def close(self) -> None:
        """Close the session if it is our own."""
        if self._owns_session:
            await self._session.close()
