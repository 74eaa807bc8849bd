"""Webhooks: endpoints, and events on their way to them."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import aiohttp

from psp.stripe.sandbox.listing import matches
from psp.stripe.sandbox.model import Event
from psp.stripe.sandbox.rendering import render_event
from psp.stripe.sandbox.signing import signature_header
from psp.stripe.sandbox.world import Clock

RETRY_GAPS_S: Final = (0.1, 0.5, 2.0, 8.0)
"""Stripe retries for three days; this is the same, in a hurry."""
_TIMEOUT: Final = aiohttp.ClientTimeout(total=10)
_SUCCESS: Final = range(200, 300)


@dataclass(slots=True)
class Endpoint:
    """Where events are sent."""

    id: str
    url: str
    secrets: list[str]
    account: str | None = None
    """None hears of every account."""
    event_types: Sequence[str] = ("*",)

    def wants(self, account: str, event_type: str) -> bool:
        """Return whether it subscribed to such events."""
        return self.account in {None, account} and any(
            matches(pattern, event_type) for pattern in self.event_types
        )


@dataclass(frozen=True, slots=True)
class Attempt:
    """One attempt to deliver an event."""

    event_id: str
    event_type: str
    endpoint: str
    number: int
    """1 for the first."""
    status: int
    """What the endpoint answered; 0 if it could not be reached."""


@dataclass(frozen=True, slots=True)
class Parcel:
    """One event to deliver to one endpoint."""

    event: Event
    endpoint: Endpoint
    body: bytes


@dataclass(slots=True)
class _Disorder:
    holding: bool = False
    held: list[Parcel] = field(default_factory=list)
    drops: dict[str, int] = field(default_factory=dict)
    """How many of the next events of a type never leave."""


class Webhooks:
    """Sends events one after the other to each endpoint; repeats what was not answered 2xx."""

    def __init__(self, clock: Clock, retry_gaps_s: Sequence[float] = RETRY_GAPS_S) -> None:
        self.attempts: list[Attempt] = []
        self.endpoints: dict[str, Endpoint] = {}
        self._clock = clock
        self._retry_gaps_s = tuple(retry_gaps_s)
        self._disorder = _Disorder()
        self._lines: dict[str, asyncio.Task[None]] = {}
        self._under_way: set[asyncio.Task[None]] = set()
        self._session: aiohttp.ClientSession | None = None

    def interested(self, account: str, event_type: str) -> int:
        """Return how many endpoints want such an event."""
        return sum(endpoint.wants(account, event_type) for endpoint in self.endpoints.values())

    def publish(self, account: str, event: Event) -> None:
        """Send an event to every endpoint that wants it, unless told to hold or drop it."""
        parcels = [
            Parcel(event, endpoint, json.dumps(render_event(event), indent=2).encode())
            for endpoint in self.endpoints.values()
            if endpoint.wants(account, event.type)
        ]
        if parcels and self._dropped(event.type):
            return
        if self._disorder.holding:
            self._disorder.held.extend(parcels)
            return
        for parcel in parcels:
            self._send(parcel)

    def hold(self) -> None:
        """Keep events back until `release`."""
        self._disorder.holding = True

    def held(self) -> list[Event]:
        """Return what is kept back, oldest first."""
        return [parcel.event for parcel in self._disorder.held]

    def release(self, order: Sequence[str] = (), copies: int = 1) -> None:
        """Send what is held, each `copies` times, and hold no more.

        `order` names event types or ids: those go first, in that order; `["reversed"]` turns all
        round. The rest follows as it happened.
        """
        held, self._disorder.held = self._disorder.held, []
        self._disorder.holding = False
        for parcel in reordered(held, order):
            for _ in range(copies):
                self._send(parcel)

    def drop(self, event_type: str, count: int = 1) -> None:
        """Never deliver the next `count` events of a type (`*`: of any); they stay on the list."""
        self._disorder.drops[event_type] = self._disorder.drops.get(event_type, 0) + count

    def forget(self) -> None:
        """Let go of everything that is held, dropped or logged."""
        self._disorder = _Disorder()
        self.attempts.clear()

    async def settle(self) -> None:
        """Return once nothing is on its way, repetitions included; held events do not count."""
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

    def _dropped(self, event_type: str) -> bool:
        for name in (event_type, "*"):
            if self._disorder.drops.get(name, 0) > 0:
                self._disorder.drops[name] -= 1
                return True
        return False

    def _send(self, parcel: Parcel) -> None:
        # First attempts queue up behind each other; a repetition keeps nobody waiting.
        ahead = self._lines.get(parcel.endpoint.id)
        self._lines[parcel.endpoint.id] = asyncio.create_task(self._in_line(parcel, ahead))

    async def _in_line(self, parcel: Parcel, ahead: asyncio.Task[None] | None) -> None:
        if ahead is not None:
            await asyncio.wait([ahead])
        if not await self._delivered(parcel, 1):
            task = asyncio.create_task(self._repeat(parcel))
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _repeat(self, parcel: Parcel) -> None:
        for number, gap_s in enumerate(self._retry_gaps_s, start=2):
            await asyncio.sleep(gap_s)
            if await self._delivered(parcel, number):
                return

    async def _delivered(self, parcel: Parcel, number: int) -> bool:
        status = 0
        # Signed anew each time, with the time around the sandbox: receivers check its age.
        header = signature_header(parcel.body, parcel.endpoint.secrets, int(self._clock.outside()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": header,
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        # Unreachable is an outcome like another: it is logged as 0 and repeated.
        with suppress(aiohttp.ClientError, OSError, TimeoutError):
            async with self._open_session().post(
                parcel.endpoint.url,
                data=parcel.body,
                headers=headers,
                timeout=_TIMEOUT,
                allow_redirects=False,
            ) as response:
                status = response.status
        event = parcel.event
        self.attempts.append(Attempt(event.id, event.type, parcel.endpoint.id, number, status))
        return status in _SUCCESS

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        return self._session


def reordered(held: Sequence[Parcel], order: Sequence[str]) -> list[Parcel]:
    """Return the parcels in the order asked for: a pure decision."""
    if list(order) == ["reversed"]:
        return list(reversed(held))
    places = {name: place for place, name in enumerate(order)}

    def place(parcel: Parcel) -> int:
        by_id = places.get(parcel.event.id)
        return places.get(parcel.event.type, len(places)) if by_id is None else by_id

    return sorted(held, key=place)
