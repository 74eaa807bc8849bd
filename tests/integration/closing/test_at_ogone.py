"""A refund that Ogone's acquirer refuses after it was done: one row an operation, and it closes."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

import aiohttp
import pytest

from gateway.bootstrap import Application, Doors, wire
from gateway.domain.discrepancy import DiscrepancyFilter, DiscrepancyState
from gateway.domain.reconciliation import Reconciliation, RunState
from gateway.domain.refund import Refund
from gateway.domain.requests import RequestKey
from gateway.reconciliation.commands import RunCommand
from gateway.refunds.commands import CreateRefundCommand, RefundedPayment
from gateway.routing.source import RoutingSource
from gateway.sandboxed import register_at_ogone
from gateway.settings import load_settings
from gateway.storage.database import Database
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from psp.ogone.provider import OgoneProvider
from psp.ogone.sandbox import DriftKind, OgoneSandbox, running_sandbox
from psp.port import CapturePolicy
from psp.settlements import SettlementPeriod
from tests.integration.ogone_adapter.sandboxed import (
    DAY_S,
    HOUR_S,
    PAYS,
    paid,
    receiving,
    sandbox_config,
)
from tests.support.payments import draft
from tests.support.tables import ROUTING_TABLE
from tests.unit.psp.ogone.support import PAYMENT_ID, account_config, create_request

_ACCOUNT: Final = "ogone_be"
_JOBS: Final = frozenset({"resolver", "account"})
_NAMED: Final = {
    DriftKind.MISSING: ["missing_at_psp"],
    DriftKind.DOUBLED: ["duplicate"],
    DriftKind.DOUBLED_EFFECT: ["missing_here"],
    DriftKind.WRONG_AMOUNT: ["amount"],
    DriftKind.WRONG_CURRENCY: ["currency"],
    # Nobody can tell that the row was the refund's.
    DriftKind.UNKNOWN_STATUS: ["missing_at_psp", "unknown_category"],
}


@dataclass
class Shop:
    """A gateway whose account is in the sandbox, in the sandbox's time."""

    sandbox: OgoneSandbox
    provider: OgoneProvider
    office: SqlBackOffice
    application: Application
    days: list[date] = field(default_factory=list)

    async def give_back(self) -> Refund:
        """Refund 5.00 EUR of a payment of 12.34 EUR that was made before the gateway was."""
        self.sandbox.advance_clock(86_400 - self.sandbox.now() % 86_400 + 8 * HOUR_S)
        self.days.append(self.today())
        request = create_request(
            capture_policy=CapturePolicy.AUTOMATIC, return_url="https://shop.example/back"
        )
        await paid(self.provider, self.sandbox, request=request)
        await self.office.save_draft(draft(total=Money(1234, "EUR")))
        named = RefundedPayment("", _ACCOUNT, PAYMENT_ID, "order-1")
        command = CreateRefundCommand(_key("CreateRefund"), named, Money(500, "EUR"))
        made = await self.application.refunds.create(command, None)
        self.sandbox.advance_clock(HOUR_S)
        return await self.heard(made)

    async def heard(self, made: Refund) -> Refund:
        """Ask Ogone as a webhook would have it done; the refund as it stands then."""
        await self.application.reconciliations.ask(made.payment_id)
        while await self.application.workers.round():
            pass
        return await self.application.refunds.get(made.id)

    def today(self) -> date:
        """The sandbox's day."""
        return datetime.fromtimestamp(self.sandbox.now(), UTC).date()

    async def reconcile(self, *days: date) -> None:
        """Run over some days, and let the account be posted."""
        for day in days:
            command = RunCommand(_key("RunReconciliation"), _ACCOUNT, SettlementPeriod(day, day))
            last: object = None
            async for step in self.application.reconciliations.run(command):
                last = step
            assert isinstance(last, Reconciliation)
            assert last.state is RunState.DONE
        while await self.application.workers.round():
            pass

    async def named(self) -> list[str]:
        """Return the types of what is open."""
        wanted = DiscrepancyFilter(state=DiscrepancyState.OPEN)
        page = await self.application.reconciliations.list_discrepancies(wanted, "", 100)
        return sorted(each.finding.type.value for each in page.discrepancies)

    async def moved(self) -> list[tuple[str, int]]:
        """Return what is on the shopper's account, in the order of its keys."""
        movements = [each async for each in self.office.list_movements("shopper-1")]
        return sorted((each.kind.value, each.signed_minor) for each in movements)


@pytest.fixture
async def shop(database: Database, tmp_path: Path) -> AsyncIterator[Shop]:
    """A shop whose shoppers have paid at Ogone for years."""
    async with AsyncExitStack() as stack:
        receiver = await stack.enter_async_context(receiving())
        running = running_sandbox(notification_retry_gaps_s=(0,))
        sandbox = await stack.enter_async_context(running)
        config = account_config()
        register_at_ogone(sandbox, config, receiver.url)
        sandbox.add_alias(config.pspid, "als_1", PAYS)
        session = await stack.enter_async_context(aiohttp.ClientSession())
        provider = OgoneProvider(_ACCOUNT, sandbox_config(sandbox), session, clock=sandbox.now)
        office = SqlBackOffice.open(f"sqlite+aiosqlite:///{tmp_path}/office.db")
        stack.push_async_callback(office.close)
        await office.create_schema()

        def clock() -> datetime:
            return datetime.fromtimestamp(sandbox.now(), UTC)

        doors = Doors(database, office, {_ACCOUNT: provider}, clock)
        application = wire(doors, RoutingSource(ROUTING_TABLE), load_settings(min_deadline_s=0.1))
        workers = application.workers
        workers.jobs = [job for job in workers.jobs if job.name in _JOBS]
        yield Shop(sandbox, provider, office, application)


async def test_a_refund_that_is_refused_after_it_was_settled_closes(shop: Shop) -> None:
    """Its row moves to the day of its return: whichever day is read again, nothing differs."""
    made = await shop.give_back()
    shop.sandbox.advance_clock(2 * DAY_S)
    await shop.reconcile(*shop.days)
    settled = await shop.moved()
    payid, _, number = made.psp_reference.partition("/")
    shop.sandbox.force_status(payid, 96, int(number))
    shop.days.append(shop.today())
    await shop.heard(made)
    shop.sandbox.advance_clock(2 * DAY_S)
    sold, returned = shop.days

    named = []
    for day in (returned, sold, returned):
        await shop.reconcile(day)
        named.append(await shop.named())

    assert settled == [("refund_credit", 500), ("refund_debit", -500)]
    assert named == [[], [], []]
    assert await shop.moved() == [
        ("refund_credit", 500),
        ("refund_debit", -500),
        ("refund_lapse", -500),
        ("refund_reversal", 500),
    ]
    assert await shop.office.balance("shopper-1") == {"EUR": 0}


@pytest.mark.parametrize("kind", list(_NAMED))
async def test_a_download_told_wrongly_is_named(shop: Shop, kind: DriftKind) -> None:
    """Exactly that difference, of the refund's row; told rightly again, it closes itself."""
    await shop.give_back()
    shop.sandbox.advance_clock(2 * DAY_S)
    shop.sandbox.drift(kind)

    await shop.reconcile(*shop.days)
    named = await shop.named()
    shop.sandbox.end_drift()
    await shop.reconcile(*shop.days)

    assert named == _NAMED[kind]
    assert await shop.named() == []
    assert await shop.moved() == [("refund_credit", 500), ("refund_debit", -500)]


def _key(method: str) -> RequestKey:
    return RequestKey("tests", method, str(uuid.uuid4()))
