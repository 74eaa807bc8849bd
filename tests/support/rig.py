"""A gateway in one process that can crash between any two of its steps and be started again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa

from gateway.bootstrap import Application, Doors, wire
from gateway.domain.payment import Payment
from gateway.domain.requests import RequestKey
from gateway.events.received import ReceiveResult
from gateway.metrics import Metrics
from gateway.payments.commands import CreatedPayment, CreatePaymentCommand
from gateway.routing.configuration import load_configuration
from gateway.routing.source import RoutingSource
from gateway.sandboxed import Sandboxes, introduce, write_configuration
from gateway.settings import load_settings
from gateway.storage.database import Database, Row
from gateway.storage.writes import StorageUnavailableError, Write
from gateway.web.app import build_web_app, start_web
from legacy_bridge.port import AccountMovement, DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from psp.money import Money
from psp.ogone.sandbox import OgoneSandbox
from psp.port import PaymentMethod, PaymentServiceProvider, PspPayment, PspRefund
from psp.registry import build_psp
from psp.stripe.config import StripeAccountConfig
from psp.stripe.sandbox import StripeSandbox, running_sandbox
from psp.stripe.sandbox.api_errors import ApiError

T = TypeVar("T")
ACCOUNT = "stripe_eu"
TOTAL = Money(1999, "EUR")


class CrashError(BaseException):
    """The process died here. No handler of the gateway catches it."""


class Steps:
    """Counts the steps of one process, at any of which it can die; it stays dead."""

    def __init__(self, crash_at: int = 0) -> None:
        self._crash_at = crash_at  # counted from 1; 0: never
        self.taken: list[str] = []

    @property
    def crashed(self) -> bool:
        """Whether the process is dead."""
        return 0 < self._crash_at <= len(self.taken)

    def die(self) -> None:
        """Die now, wherever it is."""
        self.taken.append("killed")
        self._crash_at = len(self.taken)

    def live(self) -> None:
        """A point that only the living reach."""
        if self.crashed:
            raise CrashError("dead already")

    def step(self, name: str) -> None:
        """A point at which the process may die."""
        if not self.crashed:
            self.taken.append(name)
        if self.crashed:
            raise CrashError(name)


class SteppedDatabase:
    """A database whose commits are steps: one before, one right after they are durable."""

    def __init__(self, inner: Database, steps: Steps) -> None:
        self._inner = inner
        self.steps = steps

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        return await self._inner.fetch(statement, parameters)

    async def commit(self, writes: Sequence[Write]) -> None:
        self.steps.step("before commit")
        await self._inner.commit(writes)
        self.steps.step("after commit")

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        self.steps.live()
        rows = await self._inner.claim(statement, parameters)
        if rows:  # where nothing is written there is no step
            self.steps.step("after claim")
        return rows

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        self.steps.step("before load")
        await self._inner.load(table, rows)
        self.steps.step("after load")

    async def ping(self) -> None:
        await self._inner.ping()

    async def close(self) -> None:
        await self._inner.close()


class SteppedProvider:
    """A PSP whose calls are steps: one before they are sent, one after they were answered."""

    def __init__(self, inner: PaymentServiceProvider, steps: Steps) -> None:
        self._inner = inner
        self.steps = steps
        self.before_change: Callable[[str], Awaitable[None]] | None = None
        """Called with the idempotency key before each change is sent."""

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def create_payment(self, request: Any) -> PspPayment:
        return await self._change(self._inner.create_payment, request)

    async def capture_payment(self, request: Any) -> PspPayment:
        return await self._change(self._inner.capture_payment, request)

    async def cancel_payment(self, request: Any) -> PspPayment:
        return await self._change(self._inner.cancel_payment, request)

    async def refund_payment(self, request: Any) -> PspRefund:
        return await self._change(self._inner.refund_payment, request)

    async def _change(self, call: Callable[[Any], Awaitable[T]], request: Any) -> T:
        self.steps.step("before the PSP")
        if self.before_change is not None:
            await self.before_change(request.idempotency_key)
        answer = await call(request)
        self.steps.step("after the PSP")
        return answer


class SteppedBackOffice:
    """A back office whose changes are steps, before and after."""

    def __init__(self, inner: SqlBackOffice, steps: Steps) -> None:
        self._inner = inner
        self.steps = steps

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def release_order(self, order_id: str, **more: Any) -> DraftOrder:
        return await self._change(self._inner.release_order, order_id, more)

    async def hold_order(self, order_id: str, **more: Any) -> DraftOrder:
        return await self._change(self._inner.hold_order, order_id, more)

    async def cancel_order(self, order_id: str, **more: Any) -> DraftOrder:
        return await self._change(self._inner.cancel_order, order_id, more)

    async def post_movement(self, movement: AccountMovement) -> None:
        self.steps.step("before the back office")
        await self._inner.post_movement(movement)
        self.steps.step("after the back office")

    async def _change(
        self, change: Callable[..., Awaitable[DraftOrder]], order_id: str, more: dict[str, Any]
    ) -> DraftOrder:
        self.steps.step("before the back office")
        order = await change(order_id, **more)
        self.steps.step("after the back office")
        return order


@dataclass
class Rig:
    """Everything around one gateway; `restart` is what a new process finds."""

    database: Database
    sandbox: StripeSandbox
    office: SqlBackOffice
    psp: PaymentServiceProvider
    routing: RoutingSource
    webhook_secret: str
    offset: timedelta = timedelta()
    without: frozenset[str] = frozenset({"sweeper", "catch_up", "refund_confirmations"})
    """Jobs that do not run: these find what webhooks lose, and most tests are about webhooks."""
    steps: Steps = field(init=False)
    provider: SteppedProvider = field(init=False)
    application: Application = field(init=False)

    def __post_init__(self) -> None:
        self.restart()

    def now(self) -> datetime:
        """The gateway's clock: the machine's, moved on by `offset`."""
        return datetime.now(UTC) + self.offset

    def restart(self, crash_at: int = 0) -> None:
        """Start a new process over the same database: nothing in memory survives."""
        self.steps = Steps(crash_at)
        self.provider = SteppedProvider(self.psp, self.steps)
        doors = Doors(
            SteppedDatabase(self.database, self.steps),
            SteppedBackOffice(self.office, self.steps),
            {ACCOUNT: self.provider},
            self.now,
        )
        settings = load_settings(min_deadline_s=0.2, operation_lease_s=90.0)
        self.application = wire(doors, self.routing, settings)
        workers = self.application.workers
        workers.jobs = [job for job in workers.jobs if job.name not in self.without]

    def pass_time(self, **delta: float) -> None:
        """Let time pass for the gateway and in Stripe's books."""
        passed = timedelta(**delta)
        self.offset += passed
        self.sandbox.advance_clock(passed.total_seconds())

    async def settle(self) -> None:
        """Let every webhook arrive and every worker end its work; whoever dies is started anew."""
        while True:
            await self.sandbox.settle()
            with suppress(CrashError):
                busy = await self.application.workers.round()
            if self.steps.crashed:
                self.restart()
            elif not busy:
                return

    async def apply_events(self) -> None:
        """Let every webhook arrive and be applied, and nobody be told of it yet."""
        await self.sandbox.settle()
        inbox = self.application.workers.jobs[0]
        while await inbox.run_once():
            await inbox.lanes.join()

    async def recover(self) -> None:
        """Do all that is due once leases and pauses have passed."""
        for minutes in (2, 2, 11, 11, 11):
            self.pass_time(minutes=minutes)
            await self.settle()

    async def receive(self, account: str, headers: Mapping[str, str], body: bytes) -> ReceiveResult:
        """Hand a webhook to whichever process lives now."""
        try:
            return await self.application.inbox.receive(account, headers, body)
        except CrashError as crash:
            self.restart()
            raise StorageUnavailableError("the process died") from crash

    async def draft(self, order_id: str = "order-1", total: Money = TOTAL) -> None:
        """Store a draft order."""
        now = datetime.now(UTC)
        order = DraftOrder(order_id, "shopper-1", "FR", total, now, now)
        await self.office.save_draft(order)

    async def create(self, **changes: Any) -> CreatedPayment:
        """Create a card payment of order-1."""
        return await self.application.payments.create(creation(**changes), None)

    async def confirm(self, created: CreatedPayment, method: str = "pm_card_visa") -> None:
        """Confirm in the page, and let the webhooks arrive; the page is told of a decline."""
        assert created.next_action is not None
        with suppress(ApiError):
            self.sandbox.browser_confirm(created.next_action.client_secret, method)
        await self.sandbox.settle()

    async def paid(self, **changes: Any) -> Payment:
        """Create and confirm a payment, and let everything happen that follows."""
        created = await self.create(**changes)
        await self.confirm(created)
        await self.settle()
        return await self.application.payments.get(created.payment.id)

    async def order_state(self, order_id: str = "order-1") -> OrderState:
        """Where the order stands in the back office."""
        order = await self.office.find_order(order_id)
        assert order is not None
        return order.state

    async def releases(self, order_id: str = "order-1") -> int:
        """How often the order was released."""
        actions = await self.office.list_actions(order_id)
        return sum(action.changed and action.state is OrderState.RELEASED for action in actions)

    def intents(self, order_id: str = "order-1") -> list[dict[str, Any]]:
        """The order's payments in the sandbox's own books."""
        found: list[dict[str, Any]] = []
        for books in self.sandbox.books():
            all_of_it: Any = books["payment_intents"]
            found += [one for one in all_of_it if one["metadata"]["paygate_order_id"] == order_id]
        return found


def creation(request_id: str = "request-1", **changes: Any) -> CreatePaymentCommand:
    """Return a command to pay order-1 by card in France."""
    values: dict[str, Any] = {
        "key": RequestKey("tests", "CreatePayment", request_id),
        "order_id": "order-1",
        "customer_id": "",
        "country_code": "FR",
        "method": PaymentMethod.CARD,
        "amount": TOTAL,
    }
    return CreatePaymentCommand(**{**values, **changes})


@asynccontextmanager
async def running_rig(database: Database, folder: Path) -> AsyncIterator[Rig]:
    """Start a sandbox and a back office around a gateway; webhooks reach it over HTTP."""
    async with AsyncExitStack() as stack:
        sandbox = await stack.enter_async_context(
            running_sandbox(webhook_retry_gaps_s=(0.05, 0.1, 0.2))
        )
        ogone = OgoneSandbox()
        ogone.address = "http://127.0.0.1:9"  # nobody: these tests play at Stripe
        sandboxes = Sandboxes(sandbox, ogone)
        configuration = load_configuration(write_configuration(sandboxes, folder))
        config = configuration.accounts[ACCOUNT]
        assert isinstance(config, StripeAccountConfig)
        inner = build_psp(ACCOUNT, config)
        stack.push_async_callback(inner.close)
        office = SqlBackOffice.open(f"sqlite+aiosqlite:///{folder}/back_office.db")
        stack.push_async_callback(office.close)
        await office.create_schema()
        rig = Rig(
            database,
            sandbox,
            office,
            inner,
            RoutingSource(configuration.table),
            config.webhook_secrets[0].get_secret_value(),
        )
        web = build_web_app(rig, Metrics(), {}, webhook_max_bytes=512 * 1024)
        runner, port = await start_web(web, "127.0.0.1", 0, drain_timeout_s=1)
        stack.push_async_callback(runner.cleanup)
        introduce(sandboxes, configuration, f"http://127.0.0.1:{port}")
        yield rig
