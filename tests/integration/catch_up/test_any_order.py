"""Whatever webhooks bring, in any order, twice or never: catching up ends the same."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.bootstrap import Doors, wire
from gateway.domain.payment import PaymentState
from gateway.ids import new_id
from gateway.routing.source import RoutingSource
from gateway.settings import load_settings
from gateway.storage.database import open_database
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from psp.port import PaymentMethod, PspStatus, ReviewStatus
from tests.support.databases import SqliteDatabases
from tests.support.fake_psp import GOOD_SIGNATURE, SIGNATURE, FakePsp
from tests.support.payments import NOW, TOTAL
from tests.support.rig import creation
from tests.support.shop import CARDS, TABLE, StandingClock

_HAPPENINGS = ("decline", "confirm", "open", "approve", "reject", "cancel", "capture")


@dataclass(frozen=True)
class End:
    """How it ended."""

    payment: PaymentState
    review: ReviewStatus
    captured_minor: int
    order: OrderState
    captures: int
    releases: int


def _happen(psp: FakePsp, reference: str, what: str) -> None:
    """Let something happen at the PSP, if it can happen now."""
    status = psp.payments[reference].status
    if what == "confirm" and status is PspStatus.AWAITING_CUSTOMER:
        psp.confirm(reference)
    elif what == "decline" and status is PspStatus.AWAITING_CUSTOMER:
        psp.decline(reference)
    elif what == "cancel" and status in {PspStatus.AWAITING_CUSTOMER, PspStatus.AUTHORIZED}:
        psp.change(reference, status=PspStatus.CANCELED, raw_status="canceled")
    elif what == "capture" and status is PspStatus.AUTHORIZED:
        captured = psp.payments[reference].amount_minor
        psp.change(
            reference, status=PspStatus.CAPTURED, raw_status="captured", captured_minor=captured
        )
    elif what in {"open", "approve", "reject"} and status in {
        PspStatus.AUTHORIZED,
        PspStatus.CAPTURED,
    }:
        reviews = {"open": ReviewStatus.OPEN, "approve": ReviewStatus.APPROVED}
        psp.review(reference, reviews.get(what, ReviewStatus.REJECTED))


async def _play(url: str, folder: Path, history: list[str], arrivals: list[int]) -> End:
    """Let a history happen in an outage, webhooks arrive as told, and the gateway catch up."""
    database = open_database(url)
    office = SqlBackOffice.open(f"sqlite+aiosqlite:///{folder}/back_office.db")
    await office.create_schema()
    clock = StandingClock(NOW)
    psp = FakePsp(CARDS, clock=clock)
    providers: dict[str, Any] = {CARDS: psp}
    doors = Doors(database, office, providers, clock)
    application = wire(doors, RoutingSource(TABLE), load_settings())
    order_id = new_id("order")
    try:
        await office.save_draft(DraftOrder(order_id, "", "FR", TOTAL, NOW, NOW))
        command = creation(order_id, order_id=order_id, method=PaymentMethod.CARD)
        payment = (await application.payments.create(command, None)).payment
        webhooks = []
        for number, what in enumerate(history):
            clock.advance(timedelta(seconds=1))
            _happen(psp, payment.psp_reference, what)
            webhooks.append(psp.webhook(payment.psp_reference, event_id=f"{order_id}-{number}")[1])
        for place in arrivals:
            headers = {SIGNATURE: GOOD_SIGNATURE}
            await application.inbox.receive(CARDS, headers, webhooks[place % len(webhooks)])
        await application.catch_up.catch_up(CARDS, NOW, lambda _: None)
        application.workers.jobs = [
            job for job in application.workers.jobs if job.name in {"inbox", "delivery", "resolver"}
        ]
        while await application.workers.round():
            pass
        ended = await application.payments.get(payment.id)
        order = await office.find_order(order_id)
        assert order is not None
        actions = await office.list_actions(order_id)
        return End(
            ended.state,
            ended.review,
            ended.captured_minor,
            order.state,
            len(psp.calls_of("capture_payment")),
            sum(each.changed and each.state is OrderState.RELEASED for each in actions),
        )
    finally:
        await application.shield.drain(0)
        await office.close()
        await database.close()


@given(
    history=st.lists(st.sampled_from(_HAPPENINGS), min_size=1, max_size=6),
    arrivals=st.lists(st.integers(0, 5), max_size=12),
)
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_the_order_of_application_does_not_change_the_end(
    sqlite_databases: SqliteDatabases, tmp_path: Path, history: list[str], arrivals: list[int]
) -> None:
    """Shuffled, repeated and lost webhooks, then the list: the end of having heard it in order."""

    def play(told: list[int]) -> End:
        url: Any = sqlite_databases.fresh(tmp_path, migrated=True)
        return asyncio.run(_play(url, tmp_path, history, told))

    assert play(arrivals) == play(list(range(len(history))))
