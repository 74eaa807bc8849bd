"""Calls to one Stripe account: sent through the official SDK, repeated and translated by us."""

from __future__ import annotations

import asyncio
import logging
import os
import random
from collections.abc import Awaitable, Callable, Mapping
from typing import Final, TypeVar

import aiohttp
import stripe

from psp.errors import MisconfiguredError, PspError, RejectedError
from psp.stripe.config import StripeAccountConfig
from psp.stripe.errors import MAY_HAVE_ACTED, psp_error
from psp.stripe.fields import JsonObject, UnreadableAnswerError
from psp.stripe.money import AmountError
from psp.stripe.problems import Problem, ProblemKind, problem_of
from psp.stripe.retries import pause_before_retry
from psp.stripe.transport import StripeTransport

API_VERSION: Final = "2026-10-28.endive"
"""Pinned: an upgrade is a change of this adapter, not of the account."""

_MAX_KEY_CHARACTERS: Final = 255  # Stripe API: idempotent requests

T = TypeVar("T")
Parameters = Mapping[str, object]

# The SDK times every call and sends the result along with the next one; nothing here wants that.
stripe.enable_telemetry = False
# Below WARNING the SDK logs whole answers, client secrets included.
logging.getLogger("stripe").setLevel(logging.WARNING)


class StripeCaller:
    """Reads and changes of one account, each bounded in time, each error in the port's words.

    Raises `MisconfiguredError` where the process would print Stripe's answers.
    """

    def __init__(
        self,
        account: str,
        config: StripeAccountConfig,
        session: aiohttp.ClientSession | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if os.environ.get("STRIPE_LOG") == "debug":
            detail = "unset STRIPE_LOG: the SDK would print client secrets"
            raise MisconfiguredError(account, detail)
        self.account = account
        self._max_retries = config.max_network_retries
        self._total_timeout_s = config.total_timeout_s
        self._sleep = sleep
        self._jitter = jitter
        self._transport = StripeTransport(config, session)
        self._api_key = config.api_key
        self._files_base = config.files_base
        self._sdk = stripe.StripeClient(
            config.api_key.get_secret_value(),
            stripe_version=API_VERSION,
            base_addresses={"api": config.api_base},
            max_network_retries=0,
            http_client=self._transport,
        )

    async def read(self, path: str, parameters: Parameters, parse: Callable[[JsonObject], T]) -> T:
        """GET; never raises `OutcomeUnknownError`, since nothing can have happened."""
        return await self._call("get", path, parameters, parse)

    async def change(
        self,
        path: str,
        parameters: Parameters,
        idempotency_key: str,
        parse: Callable[[JsonObject], T],
    ) -> T:
        """POST under the caller's idempotency key, which every repetition carries again."""
        if not 0 < len(idempotency_key) <= _MAX_KEY_CHARACTERS:
            detail = f"an idempotency key has 1 to {_MAX_KEY_CHARACTERS} characters"
            raise RejectedError(self.account, detail, "idempotency_key_invalid")
        return await self._call("post", path, parameters, parse, idempotency_key)

    async def open_file(self, url: str) -> aiohttp.ClientResponse:
        """GET a file of the account; its body is the caller's to read and to close.

        Raises `MisconfiguredError` for an address that is not below `files_base`: the key goes
        along, and nobody else may see it.
        """
        if not url.startswith(f"{self._files_base}/"):
            detail = f"a file is not below {self._files_base}: set files_base of this account"
            raise MisconfiguredError(self.account, detail)
        key = self._api_key.get_secret_value()
        return await self._repeated(lambda: self._transport.open_file(url, key), change=False)

    async def close(self) -> None:
        """Close the session if it is our own."""
        await self._transport.close_async()

    async def _call(
        self,
        method: str,
        path: str,
        parameters: Parameters,
        parse: Callable[[JsonObject], T],
        idempotency_key: str = "",
    ) -> T:
        async def attempt() -> T:
            return parse(await self._send(method, path, parameters, idempotency_key))

        return await self._repeated(attempt, change=bool(idempotency_key))

    async def _repeated(self, attempt: Callable[[], Awaitable[T]], *, change: bool) -> T:
        loop = asyncio.get_running_loop()
        deadline_s = loop.time() + self._total_timeout_s
        tried_before = False
        retries_done = 0
        while True:
            try:
                async with asyncio.timeout_at(deadline_s):
                    return await attempt()
            except Exception as error:  # noqa: BLE001 - the SDK raises whatever HTTP, JSON and codecs do; the table is total
                problem, cause = _problem(error), error
            remaining_s = deadline_s - loop.time()
            pause_s = pause_before_retry(
                problem, retries_done, self._max_retries, remaining_s, self._jitter()
            )
            if pause_s is None:
                raise self._error(problem, change, tried_before) from cause
            tried_before = tried_before or problem.kind in MAY_HAVE_ACTED
            retries_done += 1
            await self._sleep(pause_s)

    async def _send(
        self, method: str, path: str, parameters: Parameters, idempotency_key: str
    ) -> JsonObject:
        # The raw request leaves out building the SDK's objects: two fifths of a call's CPU time.
        options = {"idempotency_key": idempotency_key} if idempotency_key else {}
        answer = await self._sdk.raw_request_async(method, path, **options, **parameters)
        if not isinstance(answer.data, Mapping):
            raise UnreadableAnswerError("the answer is no JSON object")
        return answer.data

    def _error(self, problem: Problem, change: bool, tried_before: bool) -> PspError:  # noqa: FBT001 - two facts about one call
        return psp_error(self.account, problem, change=change, tried_before=tried_before)


def _problem(error: Exception) -> Problem:
    if isinstance(error, UnreadableAnswerError | AmountError):
        return Problem(ProblemKind.NO_ANSWER, str(error))
    return problem_of(error)
