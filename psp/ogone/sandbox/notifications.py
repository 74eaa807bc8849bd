"""Notifications: feedback on its way from server to server."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from psp.ogone.sandbox.feedback import encode, feedback
from psp.ogone.sandbox.model import Account, Operation, Payment

RETRY_GAPS_S: Final = (0.1, 0.2, 0.4, 0.8)
"""Ogone repeats every ten minutes, up to four times; this is the same, in a hurry."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_TAKEN: Final = 200
"""A redirect or any other answer is none (Ogone e-Commerce, direct HTTP feedback)."""


@dataclass(frozen=True, slots=True)
class Notification:
    """One step of one payment, as it is told."""

    pspid: str
    payid: str
    payidsub: int
    status: int
    url: str
    parameters: Mapping[str, str]
    body: str

    @property
    def id(self) -> str:
        """PAYID/PAYIDSUB/STATUS."""
        return f"{self.payid}/{self.payidsub}/{self.status}"

    def names(self) -> tuple[str, str, str]:
        """Return what an order of release can call it, the most exact first."""
        return (self.id, f"{self.payid}/{self.payidsub}", str(self.status))


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver a notification."""

    notification_id: str
    pspid: str
    number: int
    """1 for the first."""
    answered: int
    """The HTTP status; 0 if nobody could be reached."""


@dataclass(slots=True)
class _Disorder:
    holding: bool = False
    held: list[Notification] = field(default_factory=list)
    drops: dict[str, int] = field(default_factory=dict)
    """How many of the next notifications of a status never leave."""


class Notifications:
    """Sends one after the other to each merchant; repeats what was not answered 200."""

    def __init__(self, retry_gaps_s: Sequence[float] = RETRY_GAPS_S) -> None:
        self.attempts: list[Attempt] = []
        self._retry_gaps_s = tuple(retry_gaps_s)
        self._disorder = _Disorder()
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def publish(self, account: Account, payment: Payment, operation: Operation) -> None:
        """Tell of a step as it is now, unless there is nobody to tell, or told to hold or drop."""
        if not account.notification_url:
            return
        parameters = feedback(account, payment, operation)
        told = Notification(
            pspid=account.pspid,
            payid=payment.payid,
            payidsub=operation.payidsub,
            status=operation.status,
            url=account.notification_url,
            parameters=parameters,
            body=encode(parameters, payment.encoding),
        )
        if self._dropped(str(told.status)):
            return
        if self._disorder.holding:
            self._disorder.held.append(told)
            return
        self._send(told)

    def hold(self) -> None:
        """Keep notifications back until `release`."""
        self._disorder.holding = True

    def held(self) -> list[Notification]:
        """Return what is kept back, oldest first."""
        return list(self._disorder.held)

    def release(self, order: Sequence[str] = (), copies: int = 1) -> None:
        """Send what is held, each `copies` times, and hold no more.

        `order` names statuses, PAYID/PAYIDSUB or PAYID/PAYIDSUB/STATUS: those go first, in that
        order; `["reversed"]` turns all round. The rest follows as it happened.
        """
        held, self._disorder.held = self._disorder.held, []
        self._disorder.holding = False
        for told in reordered(held, order):
            for _ in range(copies):
                self._send(told)

    def drop(self, status: str, count: int = 1) -> None:
        """Never deliver the next `count` notifications of a status (`*`: of any)."""
        self._disorder.drops[status] = self._disorder.drops.get(status, 0) + count

    def forget(self) -> None:
        """Let go of everything that is held, dropped or logged."""
        self._disorder = _Disorder()
        self.attempts.clear()

    async def settle(self) -> None:
        """Return once nothing is on its way, repetitions included; what is held does not count."""
        while pending := {*self._lines.values(), *self._under_way}:
            await asyncio.wait(pending)
            self._lines = {name: task for name, task in self._lines.items() if not task.done()}

    async def close(self) -> None:
        """Stop delivering."""
        tasks = {*self._lines.values(), *self._under_way}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._lines.clear()
        if self._session is not None:
            await self._session.close()
            self._session = None

    def _dropped(self, status: str) -> bool:
        for name in (status, "*"):
            if self._disorder.drops.get(name, 0) > 0:
                self._disorder.drops[name] -= 1
                return True
        return False

    def _send(self, told: Notification) -> None:
        # First attempts queue up behind each other; a repetition keeps nobody waiting.
        ahead = self._lines.get(told.url)
        self._lines[told.url] = asyncio.create_task(self._in_line(told, ahead))

    async def _in_line(self, told: Notification, ahead: asyncio.Task[None] | None) -> None:
        if ahead is not None:
            await asyncio.wait([ahead])
        if not await self._delivered(told, 1):
            task = asyncio.create_task(self._repeat(told))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _repeat(self, told: Notification) -> None:
        for number, gap_s in enumerate(self._retry_gaps_s, start=2):
            await asyncio.sleep(gap_s)
            if await self._delivered(told, number):
                return

    async def _delivered(self, told: Notification, number: int) -> bool:
        answered = 0
        # Unreachable is an outcome like another: it is logged as 0 and repeated.
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self._open_session().post(
                told.url,
                data=told.body,
                headers={"Content-Type": "application/x-www-form-urlencoded"},
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as response:
                answered = response.status
        self.attempts.append(Attempt(told.id, told.pspid, number, answered))
        return answered == _TAKEN

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def reordered(held: Sequence[Notification], order: Sequence[str]) -> list[Notification]:
    """Return notifications in the order asked for: a pure decision."""
    if list(order) == ["reversed"]:
        return list(reversed(held))
    places = {name: place for place, name in enumerate(order)}

    def place(told: Notification) -> int:
        return next((places[name] for name in told.names() if name in places), len(places))

    return sorted(held, key=place)
