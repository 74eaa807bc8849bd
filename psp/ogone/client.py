"""Calls to one Ogone account: signed, bounded in time, and only queries ever repeated."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import aiohttp

from psp.errors import UnavailableError
from psp.ogone.answers import Answer, UnreadableAnswerError, parse_answer
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.errors import Problem, ProblemKind, problem_of, psp_error
from psp.ogone.signing import SIGNATURE, sign
from psp.ogone.statuses import NO_ANSWER_YET
from psp.ogone.transport import OgoneTransport, TransportError

ORDER: Final = "orderdirect"
MAINTENANCE: Final = "maintenancedirect"
_QUERY: Final = "querydirect"
_DOWNLOAD: Final = "payment_download_ncp.asp"

Form = Mapping[str, str]

_OK: Final = 200
_TOO_MANY: Final = 429
_LONGEST_WISH_S: Final = 3600
# What never arrived kept nobody busy: there is no need to wait as long as after a silence.
_PAUSE_BEFORE_CONNECTING_AGAIN_S: Final = 0.5
# These speak of the query, whatever else the reply holds.
_OF_THE_QUERY: Final = frozenset({ProblemKind.MISCONFIGURED, ProblemKind.NOT_FOUND})


class OgoneCaller:
    """Queries and changes of one account, each error in the port's words."""

    def __init__(
        self,
        account: str,
        config: OgoneAccountConfig,
        session: aiohttp.ClientSession | None = None,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        self.account = account
        self._config = config
        self._sleep = sleep
        self._transport = OgoneTransport(config.connect_timeout_s, session)

    def deadline_s(self) -> float:
        """Return when a call of the port that begins now must end, in the loop's time."""
        return asyncio.get_running_loop().time() + self._config.total_timeout_s

    async def query(self, form: Form, deadline_s: float) -> Answer:
        """Ask about an order or one operation of it; the reply's NCERROR is the payment's own.

        Never raises `OutcomeUnknownError`. Raises `NotFoundError` where Ogone knows no such order
        or operation, `UnavailableError` where it could not look.
        """
        retries_left = self._config.max_query_retries
        while True:
            said = await self._send(_QUERY, form, self._config.query_timeout_s, deadline_s)
            if isinstance(said, Answer):
                return self._of_payment(said)
            pause_s = self._pause_s(said, deadline_s) if retries_left else None
            if pause_s is None:
                raise psp_error(self.account, said, change=False)
            retries_left -= 1
            await self._sleep(pause_s)

    async def change(self, page: str, form: Form, deadline_s: float) -> Answer:
        """Send an order or a maintenance call, once; its reply may still hold a refusal.

        Raises `OutcomeUnknownError` without a reply, and `NotSentError` rather than begin what
        could not be waited for.
        """
        timeout_s = self._config.read_timeout_s
        if asyncio.get_running_loop().time() + timeout_s > deadline_s:
            late = Problem(ProblemKind.NOT_SENT, "not sent: the queries before took all the time")
            raise psp_error(self.account, late, change=True)
        said = await self._send(page, form, timeout_s, deadline_s)
        if isinstance(said, Answer):
            return said
        raise psp_error(self.account, said, change=True)

    async def open_download(self, form: Form) -> aiohttp.ClientResponse:
        """Ask for a download and return it with its body unread; the caller closes it.

        It is a read and not signed: its description lists no SHASIGN. Raises `NotSentError`,
        `RateLimitedError` or `UnavailableError`.
        """
        url = f"{self._config.api_base}/{_DOWNLOAD}"
        whole = {**self._credentials(), **form}
        try:
            response = await self._transport.open(url, whole, self._config.download_timeout_s)
        except TransportError as error:
            raise psp_error(self.account, _unanswered(error), change=False) from error
        problem = _problem_of_status(response.status, response.headers, "the download")
        if problem is None:
            return response
        response.close()
        raise psp_error(self.account, problem, change=False)

    async def close(self) -> None:
        """Close the session if it is our own."""
        await self._transport.close()

    def _of_payment(self, answer: Answer) -> Answer:
        problem, payid = problem_of(answer), answer.text("PAYID")
        if problem and (problem.kind in _OF_THE_QUERY or not payid):
            raise psp_error(self.account, problem, change=False)
        if answer.status == NO_ANSWER_YET or not payid:
            raise UnavailableError(self.account, "Ogone's query failed", answer.error_code)
        return answer

    def _pause_s(self, problem: Problem, deadline_s: float) -> float | None:
        """Return how long to wait before asking again, or None to give up.

        DirectLink guide, time-outs: without an answer in 10 seconds, query again every 30.
        """
        pause_s = {
            ProblemKind.NO_ANSWER: self._config.query_pause_s,
            ProblemKind.NOT_SENT: _PAUSE_BEFORE_CONNECTING_AGAIN_S,
            ProblemKind.RATE_LIMITED: problem.retry_after_s,
        }[problem.kind]
        left_s = deadline_s - asyncio.get_running_loop().time()
        return pause_s if pause_s < left_s else None

    async def _send(
        self, page: str, form: Form, timeout_s: float, deadline_s: float
    ) -> Answer | Problem:
        # The `_utf8` pages read, and hash, UTF-8.
        url = f"{self._config.api_base}/{page}_utf8.asp"
        try:
            async with asyncio.timeout_at(deadline_s):
                posted = await self._transport.post(url, self._signed(form), timeout_s)
        except TransportError as error:
            return _unanswered(error)
        except TimeoutError:
            return Problem(ProblemKind.NO_ANSWER, "no answer within total_timeout_s")
        return _read(*posted)

    def _signed(self, form: Form) -> dict[str, str]:
        config = self._config
        whole = {**self._credentials(), **form}
        passphrase = config.sha_in_directlink.get_secret_value()
        return {**whole, SIGNATURE: sign(whole, passphrase, config.algorithm)}

    def _credentials(self) -> dict[str, str]:
        return {
            "PSPID": self._config.pspid,
            "USERID": self._config.user_id,
            "PSWD": self._config.password.get_secret_value(),
        }


def _unanswered(error: TransportError) -> Problem:
    kind = ProblemKind.NO_ANSWER if error.sent else ProblemKind.NOT_SENT
    return Problem(kind, str(error))


def _read(status: int, headers: Mapping[str, str], body: bytes) -> Answer | Problem:
    problem = _problem_of_status(status, headers, "DirectLink")
    if problem is not None:
        return problem
    try:
        return parse_answer(body)
    except UnreadableAnswerError as error:
        return Problem(ProblemKind.NO_ANSWER, str(error))


def _problem_of_status(status: int, headers: Mapping[str, str], whose: str) -> Problem | None:
    if status == _TOO_MANY:
        wish_s = _seconds(headers.get("Retry-After", ""))
        return Problem(ProblemKind.RATE_LIMITED, "too many requests", "429", wish_s)
    if status != _OK:
        # Ogone refuses within its XML: this is a server or a proxy in trouble.
        return Problem(ProblemKind.NO_ANSWER, f"no answer of {whose}, but HTTP {status}")
    return None


def _seconds(value: str) -> float:
    whole = value.isascii() and value.isdigit() and len(value) <= len(str(_LONGEST_WISH_S))
    return float(min(int(value), _LONGEST_WISH_S)) if whole else 1.0
