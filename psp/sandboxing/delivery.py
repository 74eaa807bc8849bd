"""Delivery: parcels on their way from a sandbox to whoever is told."""

from __future__ import annotations

import abc
import asyncio
from collections.abc import Container, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import ClassVar, Final, Generic, Protocol, TypeVar

import aiohttp

_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)


class Parcel(Protocol):
    """One thing to tell one receiver."""

    @property
    def line(self) -> str:
        """The line that it queues in, behind what was told there before."""

    def names(self) -> Sequence[str]:
        """Return what an order of release can call it, the most exact first."""


@dataclass(frozen=True, slots=True)
class Letter:
    """A parcel as it is posted."""

    url: str
    body: str | bytes
    headers: Mapping[str, str]


P = TypeVar("P", bound=Parcel)
A = TypeVar("A")


@dataclass(slots=True)
class _Disorder(Generic[P]):
    holding: bool = False
    held: list[P] = field(default_factory=list)
    drops: dict[str, int] = field(default_factory=dict)
    """How many of the next things of a kind are never told."""


class Delivery(abc.ABC, Generic[P, A]):
    """Sends one parcel after the other in each line; repeats what was not taken."""

    taken: ClassVar[Container[int]]
    """The HTTP statuses by which a receiver takes a parcel."""

    def __init__(self, retry_gaps_s: Sequence[float]) -> None:
        self.attempts: list[A] = []
        self._retry_gaps_s = tuple(retry_gaps_s)
        self._disorder: _Disorder[P] = _Disorder()
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    @abc.abstractmethod
    def write(self, parcel: P) -> Letter:
        """Return what is posted, written anew for each attempt."""

    @abc.abstractmethod
    def log(self, parcel: P, number: int, answered: int) -> A:
        """Return what attempt `number` (1 for the first) is logged as; 0 answered is nobody."""

    def hold(self) -> None:
        """Keep parcels back until `release`."""
        self._disorder.holding = True

    def held(self) -> list[P]:
        """Return what is kept back, oldest first."""
        return list(self._disorder.held)

    def release(self, order: Sequence[str] = (), copies: int = 1) -> None:
        """Send what is held, each `copies` times, and hold no more; see `reordered`."""
        held, self._disorder.held = self._disorder.held, []
        self._disorder.holding = False
        for parcel in reordered(held, order):
            for _ in range(copies):
                self._send(parcel)

    def drop(self, kind: str, count: int = 1) -> None:
        """Never tell the next `count` things of a kind (`*`: of any)."""
        self._disorder.drops[kind] = self._disorder.drops.get(kind, 0) + count

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

    def _tell(self, kind: str, parcels: Sequence[P]) -> None:
        """Send one thing to all who are told of it, unless told to hold or drop it."""
        if parcels and self._dropped(kind):
            return
        if self._disorder.holding:
            self._disorder.held.extend(parcels)
            return
        for parcel in parcels:
            self._send(parcel)

    def _dropped(self, kind: str) -> bool:
        for name in (kind, "*"):
            if self._disorder.drops.get(name, 0) > 0:
                self._disorder.drops[name] -= 1
                return True
        return False

    def _send(self, parcel: P) -> None:
        # First attempts queue up behind each other; a repetition keeps nobody waiting.
        ahead = self._lines.get(parcel.line)
        self._lines[parcel.line] = asyncio.create_task(self._in_line(parcel, ahead))

    async def _in_line(self, parcel: P, ahead: asyncio.Task[None] | None) -> None:
        if ahead is not None:
            await asyncio.wait([ahead])
        if not await self._delivered(parcel, 1):
            task = asyncio.create_task(self._repeat(parcel))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _repeat(self, parcel: P) -> None:
        for number, gap_s in enumerate(self._retry_gaps_s, start=2):
            await asyncio.sleep(gap_s)
            if await self._delivered(parcel, number):
                return

    async def _delivered(self, parcel: P, number: int) -> bool:
        answered = 0
        letter = self.write(parcel)
        # Unreachable is an outcome like another: it is logged as 0 and repeated.
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self._open_session().post(
                letter.url,
                data=letter.body,
                headers=letter.headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as response:
                answered = response.status
        self.attempts.append(self.log(parcel, number, answered))
        return answered in self.taken

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def reordered(held: Sequence[P], order: Sequence[str]) -> list[P]:
    """Return parcels in the order asked for: a pure decision.

    `order` names parcels: those go first, in that order; `["reversed"]` turns all round. The rest
    follows as it happened.
    """
    if list(order) == ["reversed"]:
        return list(reversed(held))
    places = {name: place for place, name in enumerate(order)}

    def place(parcel: P) -> int:
        return next((places[name] for name in parcel.names() if name in places), len(places))

    return sorted(held, key=place)
