"""Webhooks: endpoints, and events on their way to them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from psp.sandboxing.delivery import Delivery, Letter
from psp.stripe.sandbox.listing import matches
from psp.stripe.sandbox.model import Event
from psp.stripe.sandbox.rendering import render_event
from psp.stripe.sandbox.signing import signature_header
from psp.stripe.sandbox.world import Clock

RETRY_GAPS_S: Final = (0.1, 0.5, 2.0, 8.0)
"""Stripe retries for three days; this is the same, in a hurry."""


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

    @property
    def line(self) -> str:
        """One for each endpoint."""
        return self.endpoint.id

    def names(self) -> tuple[str, str]:
        """Return the event's id and its type."""
        return (self.event.id, self.event.type)


class Webhooks(Delivery[Parcel, Attempt]):
    """Sends events one after the other to each endpoint; repeats what was not answered 2xx.

    `drop` takes an event's type, and it stays on the list; `release` takes types or ids.
    """

    taken = range(200, 300)

    def __init__(self, clock: Clock, retry_gaps_s: Sequence[float] = RETRY_GAPS_S) -> None:
        super().__init__(retry_gaps_s)
        self.endpoints: dict[str, Endpoint] = {}
        self._clock = clock

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
        self._tell(event.type, parcels)

    def write(self, parcel: Parcel) -> Letter:
        """Return it signed with the time around the sandbox: receivers check its age."""
        now = int(self._clock.outside())
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "Stripe-Signature": signature_header(parcel.body, parcel.endpoint.secrets, now),
            "User-Agent": "Stripe/1.0 (+https://stripe.com/docs/webhooks)",
        }
        return Letter(parcel.endpoint.url, parcel.body, headers)

    def log(self, parcel: Parcel, number: int, answered: int) -> Attempt:
        """See `Attempt`."""
        event = parcel.event
        return Attempt(event.id, event.type, parcel.endpoint.id, number, answered)
