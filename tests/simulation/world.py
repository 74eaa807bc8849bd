"""The world of one run: clock, sandboxes, back office, database, processes, their callers."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import sqlalchemy as sa

from gateway.bootstrap import Application, Doors, wire
from gateway.errors import PaygateError, Reason
from gateway.routing.source import RoutingSource
from gateway.sandboxed import Sandboxes, introduce
from gateway.settings import Settings, load_settings
from gateway.storage import tables
from gateway.storage.database import Database
from gateway.storage.reconciliation_tables import reconciliations
from gateway.storage.writes import StorageUnavailableError, Write
from legacy_bridge.errors import BackOfficeError
from legacy_bridge.files import RefundFolder
from legacy_bridge.port import DraftOrder, OrderState
from legacy_bridge.sql import SqlBackOffice
from psp.errors import PspError
from psp.observed import ObservedProvider
from psp.ogone.config import OgoneAccountConfig
from psp.ogone.sandbox import OgoneSandbox
from psp.ogone.sandbox.model import Account as OgoneMerchant
from psp.ogone.sandbox.model import Operation
from psp.ogone.sandbox.model import Payment as OgonePayment
from psp.port import CapturePolicy, ReviewStatus
from psp.stripe.config import SettlementSource, StripeAccountConfig
from psp.stripe.sandbox import StripeSandbox
from psp.stripe.sandbox.model import Event
from tests.simulation.books import Books, unpaid_because
from tests.simulation.chaos import HOUR_S, Chaos
from tests.simulation.doors import SimulatedDatabase, SimulatedFolder, SimulatedOffice
from tests.simulation.household import adapter, configuration
from tests.simulation.ledger import Ledger
from tests.simulation.machine import Machine, UnreachableError
from tests.simulation.memory import MemoryDatabase
from tests.simulation.network import (
    OGONE_ADDRESS,
    STRIPE_ADDRESS,
    Bystander,
    Network,
    Session,
)
from tests.simulation.post import Post
from tests.simulation.trace import Trace

T = TypeVar("T")
BEGIN_S: Final = 1_796_083_200.0
"""2026-12-01 00:00 UTC: when every run begins."""
STRIPE: Final = "stripe_eu"
OGONE: Final = "ogone_be"
_JUST_NOW_S: Final = 180.0
"""How long before a release a change at the PSP may have crossed it: nobody can know that yet."""
_SETTLE_S: Final = 60.0
_LOOK_EVERY_S: Final = HOUR_S / 2
_MOST_TRIES: Final = 12
_INBOX: Final = tables.inbox.c
_OPERATIONS: Final = tables.operations.c
# Made once: the database keeps what it compiled.
_KEPT: Final = sa.select(_INBOX.event_id).where(
    _INBOX.psp_account == sa.bindparam("account"), _INBOX.event_id == sa.bindparam("event")
)
_REPORTED: Final = sa.select(reconciliations.c.id).where(
    reconciliations.c.id == sa.bindparam("run"), reconciliations.c.report_attempt > 0
)
_BY_KEY: Final = sa.select(_OPERATIONS.id).where(_OPERATIONS.idempotency_key == sa.bindparam("key"))
_OPEN: Final = sa.select(_OPERATIONS.id).where(
    _OPERATIONS.payment_id == sa.bindparam("payment"), tables.OPEN_OPERATION
)
_PAYMENTS: Final = tables.payments.c
_AGAINST: Final = sa.select(_PAYMENTS.review, _PAYMENTS.refunded_minor).where(
    _PAYMENTS.id == sa.bindparam("payment")
)
_OGONE_CHANGES: Final = ("orderdirect", "maintenancedirect")

PASSING: Final = (
    UnreachableError,
    StorageUnavailableError,
    BackOfficeError,
    PspError,
    TimeoutError,
)
_ASK_AGAIN: Final = frozenset(
    {
        Reason.REQUEST_IN_PROGRESS,
        Reason.OPERATION_IN_PROGRESS,
        Reason.PSP_UNAVAILABLE,
        Reason.DEADLINE_TOO_SHORT,
        Reason.RECONCILIATION_IN_PROGRESS,
    }
)


class GaveUpError(Exception):
    """A caller asked often enough, and goes away without an answer."""


class World:
    """Everything around the gateway, and the gateway's processes in it."""

    def __init__(self, rng: random.Random, chaos: Chaos, folder: Path) -> None:
        self.rng = rng
        self.chaos = chaos
        self.trace = Trace()
        self.problems: list[tuple[str, str]] = []
        """Order and what was wrong with it, found while the run went on."""
        self._stored_s: dict[str, float] = {}
        self._loop = asyncio.get_running_loop()
        seed = rng.randrange(1, 1000)
        self.stripe = StripeSandbox(self.unix_s, seed=seed)
        self.ogone = OgoneSandbox(self.unix_s, seed=seed)
        self.stripe.address, self.ogone.address = STRIPE_ADDRESS, OGONE_ADDRESS
        self.post = Post(self, chaos, self.trace, self.now_s, self.unix_s)
        self.configuration = configuration(folder, rng.choice(list(SettlementSource)))
        self.folder = folder / "refunds"
        self.ledger = Ledger()
        self._listen()
        self.network = Network(
            self.stripe, self.ogone, chaos, self.trace, self.now_s, self.on_request
        )
        self.browser = Session(self.network, Bystander(), chaos, faults=False)
        self.database: Database = MemoryDatabase()
        self.office = SqlBackOffice.open(
            f"sqlite+aiosqlite:///file:/{folder.name}?vfs=memdb&uri=true",
            pool_size=1,
            now=self.now,
        )
        self.settings: Settings = load_settings(
            sweep_interval_s=HOUR_S, catch_up_interval_s=3 * HOUR_S
        )
        self.begin = self.now()
        self.look_every_s = _LOOK_EVERY_S
        self.machines: list[Machine] = []
        self.books = Books(self.stripe, self.ogone, self.post)
        self._born = 0

    # ------------------------------------------------------------ time
    def now_s(self) -> float:
        """Return the simulated seconds since the run began."""
        return self._loop.time()

    def unix_s(self) -> float:
        """Return the simulated Unix time."""
        return BEGIN_S + self._loop.time()

    def now(self) -> datetime:
        """Return the simulated moment: the one clock of everybody here."""
        return datetime.fromtimestamp(self.unix_s(), UTC)

    @property
    def stripe_key(self) -> str:
        """Return the key of the account at Stripe."""
        account = self.configuration.accounts[STRIPE]
        assert isinstance(account, StripeAccountConfig)
        return account.api_key.get_secret_value()

    def say(self, text: str) -> None:
        """Note something that happened."""
        self.trace.add(self.now_s(), text)

    # ------------------------------------------------------------ processes
    def living(self) -> Machine | None:
        """Return one of the processes that live; None if there is none."""
        alive = [machine for machine in self.machines if not machine.dead]
        return self.rng.choice(alive) if alive else None

    def start_machine(self) -> Machine:
        """Start another process over the same database."""
        self._born += 1
        machine = Machine(f"gateway-{self._born}", self)
        session = Session(self.network, machine, self.chaos, faults=True)
        providers = {
            name: ObservedProvider(adapter(name, config, session, self), lambda _: None)
            for name, config in self.configuration.accounts.items()
        }
        doors = Doors(
            SimulatedDatabase(self.database, machine),
            SimulatedOffice(self.office, machine),
            providers,
            self.now,
            SimulatedFolder(
                RefundFolder(self.folder, settle_s=_SETTLE_S, clock_s=self.unix_s), machine
            ),
        )
        application = wire(doors, RoutingSource(self.configuration.table), self.settings)
        self.machines.append(machine)
        self.say(f"{machine.name}: STARTED")
        machine.start(application, self.look_every_s)
        return machine

    async def keep_running(self, count: int) -> None:
        """Start whoever died anew, a little later, for ever."""
        while True:
            self.machines = [machine for machine in self.machines if not machine.dead]
            while len(self.machines) < count:
                self.start_machine()
            await asyncio.sleep(self.rng.uniform(5.0, 120.0))

    def _listen(self) -> None:
        """Let every event of the sandboxes go through the post of this run."""
        accounts = self.configuration.accounts
        introduce(Sandboxes(self.stripe, self.ogone), self.configuration, "http://127.0.0.1:9")
        stripe, ogone = accounts[STRIPE], accounts[OGONE]
        assert isinstance(stripe, StripeAccountConfig)
        assert isinstance(ogone, OgoneAccountConfig)
        secret = stripe.webhook_secrets[0].get_secret_value()
        post = self.post

        def of_stripe(account: str, event: Event) -> None:
            post.stripe(STRIPE, secret, event)

        def of_ogone(account: OgoneMerchant, payment: OgonePayment, operation: Operation) -> None:
            post.ogone(OGONE, account, payment, operation)

        self.stripe.webhooks.publish = of_stripe  # type: ignore[method-assign]  # the run owns all deliveries
        self.ogone.notifications.publish = of_ogone  # type: ignore[method-assign]  # as above

    # ------------------------------------------------------------ callers
    async def ask(
        self, who: str, work: Callable[[Application], Awaitable[T]], *, hurried: bool = False
    ) -> T:
        """Call the gateway as a service does: the same request again until it is answered.

        Raises `PaygateError` for what is refused for good, and `GaveUpError`.
        """
        for number in range(_MOST_TRIES):
            machine = self.living()
            patience_s = self.rng.choice((1.5, 6.0, 30.0)) if hurried and number < 3 else 60.0
            try:
                if machine is None:
                    raise UnreachableError("nobody lives")
                return await machine.call(work, patience_s)
            except PaygateError as error:
                if error.reason not in _ASK_AGAIN:
                    raise
                why = str(error.reason)
            except PASSING as error:
                why = f"{type(error).__name__} {error}"
            self.say(f"{who}: no answer ({why}), asks again")
            await asyncio.sleep(self.rng.uniform(0.5, 90.0))
        self.say(f"{who}: gives up")
        raise GaveUpError(who)

    # ------------------------------------------------------------ the watch at the gate
    async def on_release(self, order: DraftOrder, payment_id: str) -> None:
        """See that the PSP itself says paid at the moment when an order is released."""
        if order.state is OrderState.RELEASED:
            return
        entry = self.books.of_payment(payment_id)
        policy = self.configuration.table.countries[order.country_code].capture_policy
        problem = unpaid_because(entry, order.total, manual=policy is CapturePolicy.MANUAL)
        crossed = entry is not None and self.books.changed_since(
            entry.reference, self.now_s() - _JUST_NOW_S
        )
        if problem and not crossed:
            self.problems.append((order.order_id, f"released for {payment_id}: {problem}"))

    def note_stored(self, writes: Sequence[Write]) -> None:
        """Keep when payments were stored, durably: later than they say themselves."""
        for write in writes:
            if write.statement.table is tables.payments:
                parameters = write.parameters
                payment_id = parameters.get("key_id") or parameters["id"]
                self._stored_s[payment_id] = self.now_s()

    async def on_wish_to_release(self, order_id: str, payment_id: str, known_s: float) -> None:
        """See that the gateway's own books hold nothing against the release, of what was known."""
        ((review, refunded_minor),) = await self.database.fetch(_AGAINST, {"payment": payment_id})
        under_way = await self.database.fetch(_OPEN, {"payment": payment_id})
        problem = (
            f"its review is {review}"
            if review in {ReviewStatus.OPEN, ReviewStatus.REJECTED}
            else f"{refunded_minor} of it was refunded"
            if refunded_minor
            else "it is being changed"
            if under_way
            else ""
        )
        if problem and self._stored_s.get(payment_id, 0.0) < known_s:
            self.problems.append((order_id, f"to be released for {payment_id}, though {problem}"))

    async def on_acknowledged(self, account: str, event_id: str) -> None:
        """See that a webhook is durable by the time it is answered 2xx."""
        if not await self.database.fetch(_KEPT, {"account": account, "event": event_id}):
            self.problems.append(("", f"{event_id} was answered 2xx before it was durable"))

    async def on_request(
        self, sender: str, psp: str, path: str, headers: Mapping[str, str], body: str
    ) -> None:
        """See that nothing is asked of a PSP that was not written down before."""
        if sender == Bystander.name:
            return
        key = headers.get("Idempotency-Key", "")
        if psp == "stripe" and path.endswith("/report_runs") and key:
            found = await self.database.fetch(_REPORTED, {"run": key.partition("-")[0]})
        elif psp == "stripe" and key:
            found = await self.database.fetch(_BY_KEY, {"key": key})
        elif psp == "ogone" and path.rpartition("/")[2].startswith(_OGONE_CHANGES):
            form = dict(parse_qsl(body))
            payment_id = form.get("ORDERID") or self.books.order_of_payid(form["PAYID"])
            found = await self.database.fetch(_OPEN, {"payment": payment_id})
        else:
            return
        if not found:
            self.problems.append(("", f"{sender} sent {psp}{path} {body}, never written down"))

    async def close(self) -> None:
        """End everything."""
        for machine in self.machines:
            machine.kill("the run is over")
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*others, return_exceptions=True)
        await self.office.close()
        await self.database.close()
