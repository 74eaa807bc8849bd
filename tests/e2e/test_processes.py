"""Every process is killed, broker and database go down, and shoppers pay all the while."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, Final, TypeVar

import pytest
import sqlalchemy as sa

from gateway.client import (
    DeadlineError,
    InProgressError,
    UnavailableError,
)
from gateway.demo.acting import creation
from gateway.storage.database import open_database
from gateway.storage.tables import OPEN_OPERATION, WAITING_EVENT, inbox, operations, outbox
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.port import DraftOrder, OrderState
from paygate.v1.payment_service_pb2 import CreatePaymentRequest, CreatePaymentResponse
from psp.money import Money
from tests.e2e.replicas import Replicas, running_replicas
from tests.support.processes import PATIENCE_S, Process, Replaceable, eventually_seen

T = TypeVar("T")
Outage = Callable[[], Coroutine[Any, Any, None]]

_TOTAL: Final = Money(1999, "EUR")
_GAP_S: Final = 0.15
_PAUSE_S: Final = 0.2
_DOWN_S: Final = 1.0
_PASSING: Final = (UnavailableError, InProgressError, DeadlineError)
_FAULTS: Final = (
    "worker_round_failed",
    "lane_failed",
    "event_not_applied",
    "delivery_failed",
    "kafka_message_failed",
    "kafka_message_buried",
    "event_contradicts",
    "event_unmatched",
    "psp_mismatch",
    "psp_adapter_failed",
    "http_failed",
)
"""What no outage is a reason for."""
_LEFT_TO_DO: Final = (
    sa.select(sa.func.count()).select_from(inbox).where(WAITING_EVENT),
    sa.select(sa.func.count()).select_from(operations).where(OPEN_OPERATION),
    sa.select(sa.func.count()).select_from(outbox),
)


@dataclass
class Shopper:
    """One order: where it is bought, and how often its shopper pays."""

    order_id: str
    country: str = "FR"
    times: int = 1
    payment_ids: list[str] = field(default_factory=list)

    async def shop(self, replicas: Replicas) -> None:
        """Store the draft and pay, whatever is down at the moment."""
        now = datetime.now(UTC)
        draft = DraftOrder(
            self.order_id, "shopper-1", self.country, _TOTAL, create_time=now, update_time=now
        )
        await _patiently(lambda: replicas.office.save_draft(draft))
        created = [await self._create(replicas) for _ in range(max(self.times, 1))]
        self.payment_ids = [each.payment.id for each in created]
        for each in created[: self.times]:
            await self._confirm(replicas, each)

    async def _create(self, replicas: Replicas) -> CreatePaymentResponse:
        """Ask under one request_id until there is something for the page to go on with."""
        request = creation(
            self.order_id, country_code=self.country, return_url="https://shop.example/back"
        )
        while True:
            created = await _patiently(lambda: _created(replicas, request))
            if created.next_action.WhichOneof("action"):
                return created
            await asyncio.sleep(_PAUSE_S)  # the outcome of the creation is not known yet

    async def _confirm(self, replicas: Replicas, created: CreatePaymentResponse) -> None:
        if self.country == "BE":
            form = created.next_action.post_form
            await replicas.sandboxes.ogone.pay(dict(form.fields), url=form.url)
        else:
            secret = created.next_action.confirm.client_secret
            replicas.sandboxes.stripe.browser_confirm(secret, "pm_card_visa")


async def _created(replicas: Replicas, request: CreatePaymentRequest) -> CreatePaymentResponse:
    return await replicas.client.create_payment(request, timeout_s=5)


async def _patiently(call: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Call until it is answered: everything may be down for a while."""
    async with asyncio.timeout(PATIENCE_S):
        while True:
            try:
                return await call()
            except (*_PASSING, BackOfficeUnavailableError):
                await asyncio.sleep(_PAUSE_S)


def _shoppers(phase: str) -> list[Shopper]:
    return [
        Shopper(f"{phase}-1"),
        Shopper(f"{phase}-ogone", "BE"),
        Shopper(f"{phase}-2"),
        Shopper(f"{phase}-never", times=0),
        Shopper(f"{phase}-twice", times=2),
        Shopper(f"{phase}-3"),
    ]


@pytest.fixture
async def replicas(tmp_path: Path) -> AsyncIterator[Replicas]:
    """Everything, running."""
    async with running_replicas(tmp_path) as running:
        yield running


async def test_every_paid_order_is_released_once_whatever_dies(replicas: Replicas) -> None:
    """Servers, workers, broker and database go down in turn, while orders are being paid."""
    shoppers: list[Shopper] = []
    for name, outage in _outages(replicas).items():
        coming = _shoppers(name)
        shopping = [asyncio.create_task(each.shop(replicas)) for each in coming[:2]]
        await asyncio.sleep(_GAP_S)
        down = asyncio.create_task(outage())
        for each in coming[2:]:
            shopping.append(asyncio.create_task(each.shop(replicas)))
            await asyncio.sleep(_GAP_S)
        await asyncio.gather(*shopping, down)
        shoppers += coming

    paid = [each for each in shoppers if each.times]
    await eventually_seen(lambda: _all_are(OrderState.RELEASED, paid, replicas))
    await eventually_seen(lambda: _nothing_is_left_to_do(replicas))

    taken = _taken(replicas)
    for each in shoppers:
        await _expect_told_once(each, replicas)
        kept = [taken[payment_id] for payment_id in each.payment_ids if taken[payment_id]]
        assert kept == [_TOTAL.amount_minor] * (each.times > 0), each
    assert _captures(replicas) <= {0, 1}
    for process in replicas.processes:
        assert len(process.lives) == 2
        assert await process.stop() == 0
        assert [_faults(life) for life in process.lives] == [[], []]


def _outages(replicas: Replicas) -> dict[str, Outage]:
    """Return what goes down, in turn."""

    async def kill(process: Replaceable) -> None:
        await process.die()
        await process.start()

    async def restart_broker() -> None:
        await asyncio.to_thread(replicas.broker.stop)
        await asyncio.sleep(_DOWN_S)
        await asyncio.to_thread(replicas.broker.start)

    async def restart_database() -> None:
        await asyncio.to_thread(replicas.postgresql.crash)
        await asyncio.sleep(_DOWN_S)
        await asyncio.to_thread(replicas.postgresql.start)

    names = ("server-a", "server-b", "worker-a", "worker-b")
    killed = zip(names, replicas.processes, strict=True)
    return {
        **{name: partial(kill, process) for name, process in killed},
        "broker": restart_broker,
        "database": restart_database,
    }


async def _all_are(state: OrderState, orders: Sequence[Shopper], replicas: Replicas) -> bool:
    # Time passes in Ogone's books when they are looked at: what it accepted is carried out.
    replicas.sandboxes.ogone.books()
    found = [await replicas.office.find_order(each.order_id) for each in orders]
    return all(order is not None and order.state is state for order in found)


async def _nothing_is_left_to_do(replicas: Replicas) -> bool:
    """Whether every webhook, journal line and operation is done with, and the PSPs are silent."""
    replicas.sandboxes.ogone.books()
    await replicas.sandboxes.stripe.settle()
    await replicas.sandboxes.ogone.settle()
    database = open_database(replicas.database_url)
    try:
        return not any([(await database.fetch(each, {}))[0][0] for each in _LEFT_TO_DO])
    finally:
        await database.close()


async def _expect_told_once(shopper: Shopper, replicas: Replicas) -> None:
    """The back office's log: released exactly once if it was paid; left alone if not."""
    actions = await replicas.office.list_actions(shopper.order_id)
    changes = [each.state for each in actions if each.changed]
    assert changes == [OrderState.RELEASED] * (shopper.times > 0), (shopper, actions)


def _taken(replicas: Replicas) -> Counter[str]:
    """Return what the PSPs took and kept, by our payment."""
    taken: Counter[str] = Counter()
    for intent in _intents(replicas):
        taken[intent["metadata"]["paygate_payment_id"]] += intent["taken"] - intent["refunded"]
    for payment in _ogone_payments(replicas):
        taken[payment["order_id"]] += payment["taken"]
    return taken


def _captures(replicas: Replicas) -> set[int]:
    """Return how often payments were captured, whichever PSP."""
    return {each["captures"] for each in (*_intents(replicas), *_ogone_payments(replicas))}


def _intents(replicas: Replicas) -> list[dict[str, Any]]:
    kept: list[Any] = [books["payment_intents"] for books in replicas.sandboxes.stripe.books()]
    return [intent for intents in kept for intent in intents]


def _ogone_payments(replicas: Replicas) -> list[dict[str, Any]]:
    kept: list[Any] = [books["payments"] for books in replicas.sandboxes.ogone.books()]
    return [payment for payments in kept for payment in payments]


def _faults(life: Process) -> list[dict[str, Any]]:
    return life.lines(*_FAULTS)
