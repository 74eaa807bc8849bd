"""Webhooks on their way: on time, late, twice, out of order, or never."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from contextvars import Context
from dataclasses import dataclass
from typing import Any, Final, Protocol

from gateway.storage.writes import StorageUnavailableError
from psp.ogone.sandbox.feedback import encode, feedback
from psp.ogone.sandbox.model import Account, Operation, Payment
from psp.stripe.sandbox.model import Event
from psp.stripe.sandbox.rendering import render_event
from psp.stripe.sandbox.signing import signature_header
from tests.simulation.chaos import HOUR_S, Chaos
from tests.simulation.machine import Machine, UnreachableError
from tests.simulation.trace import Trace

_REPEATED_AFTER_S: Final[Mapping[str, tuple[float, ...]]] = {
    # Stripe repeats for three days, Ogone four times, ten minutes apart.
    "stripe": (60.0, 300.0, 1800.0, HOUR_S, 4 * HOUR_S, *(8 * HOUR_S for _ in range(8))),
    "ogone": (600.0,) * 4,
}
_PATIENCE_S: Final = 10.0
_MOST_COPIES: Final = 3


@dataclass(frozen=True, slots=True)
class Letter:
    """One webhook."""

    psp: str
    account: str
    id: str
    about: str
    headers: Callable[[], Mapping[str, str]]
    body: bytes


class Receivers(Protocol):
    """Who finds a living process."""

    def living(self) -> Machine | None:
        """Return one of the processes that live."""

    async def on_acknowledged(self, account: str, event_id: str) -> None:
        """Look at a webhook that was just answered 2xx."""


class Post:
    """Takes what the sandboxes publish, and delivers it as the run's troubles will have it."""

    def __init__(
        self,
        receivers: Receivers,
        chaos: Chaos,
        trace: Trace,
        now: Callable[[], float],
        unix: Callable[[], float],
    ) -> None:
        self._receivers = receivers
        self._chaos = chaos
        self._trace = trace
        self._now = now
        self._unix = unix
        self._tasks: set[asyncio.Task[None]] = set()
        self.acknowledged: set[tuple[str, str]] = set()
        """Account and id of what was answered 2xx."""
        self.unheard: set[str] = set()
        """Payments of whose refunds by hand no notification arrives, ever."""
        self.undelivered: dict[str, int] = {}
        """How many webhooks of a PSP never arrived."""
        self.reviews: dict[str, dict[str, Any]] = {}
        """Every review that Stripe opened, as it last told of it."""

    def stripe(self, account: str, secret: str, event: Event) -> None:
        """Take an event of Stripe's."""
        rendered: Any = render_event(event)
        subject = rendered["data"]["object"]
        if event.type.startswith("review."):
            self.reviews[subject["id"]] = subject
        body = json.dumps(rendered).encode()

        def headers() -> Mapping[str, str]:
            return {"Stripe-Signature": signature_header(body, [secret], int(self._unix()))}

        about = str(subject.get("payment_intent") or subject.get("id"))
        letter = Letter("stripe", account, event.id, f"{event.type} of {about}", headers, body)
        self._take(letter)

    def ogone(self, account: str, merchant: Account, payment: Payment, step: Operation) -> None:
        """Take a notification of Ogone's."""
        body = encode(feedback(merchant, payment, step), payment.encoding).encode()
        name = f"{payment.payid}/{step.payidsub}/{step.status}"
        about = f"status {step.status} of {payment.order_id}/{step.payidsub}"
        letter = Letter("ogone", account, name, about, dict, body)
        if step.by_hand and payment.order_id in self.unheard:
            self._say(letter, "is lost for good")
        else:
            self._take(letter)

    def _take(self, letter: Letter) -> None:
        chaos = self._chaos
        if chaos.happens(chaos.webhook_never):
            self.undelivered[letter.psp] = self.undelivered.get(letter.psp, 0) + 1
            self._say(letter, "is never sent")
            return
        copies = chaos.rng.randint(2, _MOST_COPIES) if chaos.happens(chaos.webhook_twice) else 1
        for _ in range(copies):
            late = chaos.happens(chaos.webhook_late)
            after_s = chaos.rng.uniform(1.0, 6 * HOUR_S) if late else chaos.latency_s(0.1)
            task = asyncio.get_running_loop().create_task(
                self._deliver(letter, after_s), context=Context()
            )
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, letter: Letter, after_s: float) -> None:
        for pause_s in (after_s, *_REPEATED_AFTER_S[letter.psp]):
            await asyncio.sleep(pause_s)
            if await self._attempt(letter):
                return
        self.undelivered[letter.psp] = self.undelivered.get(letter.psp, 0) + 1

    async def _attempt(self, letter: Letter) -> bool:
        machine = self._receivers.living()
        if machine is None:
            self._say(letter, "finds nobody")
            return False
        try:
            taken = await machine.call(
                lambda gateway: gateway.inbox.receive(
                    letter.account, letter.headers(), letter.body
                ),
                _PATIENCE_S,
            )
        except (UnreachableError, StorageUnavailableError, TimeoutError) as error:
            self._say(letter, f"is not taken by {machine.name}: {type(error).__name__}")
            return False
        self.acknowledged.add((letter.account, taken.event_id))
        await self._receivers.on_acknowledged(letter.account, taken.event_id)
        again = " again" if taken.duplicate else ""
        self._say(letter, f"is taken{again} by {machine.name} as {taken.event_id}")
        return True

    def _say(self, letter: Letter, what: str) -> None:
        self._trace.add(self._now(), f"webhook {letter.id} {letter.about} {what}")
