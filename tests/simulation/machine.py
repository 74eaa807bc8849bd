"""One process of the gateway: the real code behind doors at which it can die, freeze, or stay."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextvars import Context, ContextVar, copy_context
from datetime import datetime
from typing import Any, Protocol, TypeVar

import sqlalchemy as sa

from gateway.bootstrap import Application
from gateway.storage.database import Database, Row
from gateway.storage.writes import StorageUnavailableError, Write
from legacy_bridge.errors import BackOfficeUnavailableError
from legacy_bridge.port import AccountMovement, DraftOrder, LegacyAlias
from legacy_bridge.sql import SqlBackOffice
from tests.simulation.chaos import Chaos
from tests.simulation.trace import Trace

T = TypeVar("T")
_DATABASE_S = 0.002
_OFFICE_S = 0.02
_OFFICE_HANGS_S = 15.0

RUNNING_IN: ContextVar[Machine | None] = ContextVar("machine", default=None)
"""The process whose code runs; None outside of all."""


class CrashError(BaseException):
    """The process died here. No handler of the gateway catches it."""


class UnreachableError(Exception):
    """A caller lost the process it was talking to, or found none."""


class Surroundings(Protocol):
    """What a process needs of the world."""

    chaos: Chaos
    trace: Trace

    def now_s(self) -> float:
        """Return the simulated seconds since the run began."""

    async def on_release(self, order: DraftOrder, payment_id: str) -> None:
        """Look at an order right before it is released."""


class Machine:
    """One process. Nothing in its memory survives its death; what it sent is on its way."""

    def __init__(self, name: str, world: Surroundings) -> None:
        self.name = name
        self.world = world
        self.dead = False
        self.application: Application | None = None
        self._frozen_until_s = 0.0
        self.tasks: dict[asyncio.Task[Any], None] = {}
        """In the order in which they were made: a set's order is the memory's, not the seed's."""

    def start(self, application: Application, look_every_s: float) -> None:
        """Begin to live: the workers run, calls are answered."""
        self.application = application
        workers = application.workers
        workers._look_every_s = look_every_s  # noqa: SLF001 - the settings allow no such leisure
        self.context().run(workers.start)

    def context(self) -> Context:
        """Return a context in which this process's code runs."""
        context = copy_context()
        context.run(RUNNING_IN.set, self)
        return context

    def kill(self, why: str) -> None:
        """Die now: nothing goes out any more, and nothing that was under way goes on."""
        if self.dead:
            return
        self.dead = True
        self.world.trace.add(self.world.now_s(), f"{self.name}: KILLED {why}")
        current = asyncio.current_task()
        for task in list(self.tasks):
            if task is not current:
                task.cancel()

    async def step(self, name: str) -> None:
        """A point at which the process may die, or be frozen for a while; the dead stay dead."""
        self.live()
        chaos = self.world.chaos
        if chaos.happens(chaos.kill):
            self.kill(name)
            raise CrashError(name)
        if chaos.happens(chaos.freeze):
            for_s = chaos.rng.uniform(20.0, 900.0)
            self._frozen_until_s = self.world.now_s() + for_s
            text = f"{self.name}: FROZEN for {for_s:.0f} s {name}"
            self.world.trace.add(self.world.now_s(), text)
        await self.thaw()

    async def thaw(self) -> None:
        """Wait until the process runs again."""
        left_s = self._frozen_until_s - self.world.now_s()
        if left_s > 0:
            await asyncio.sleep(left_s)
            await self.thaw()  # frozen anew meanwhile, perhaps
        self.live()

    def live(self) -> None:
        """A point that only the living reach."""
        if self.dead:
            raise CrashError("dead already")

    async def call(
        self, work: Callable[[Application], Awaitable[T]], patience_s: float | None = None
    ) -> T:
        """Call the process as a client does.

        Raises what the process raises, `UnreachableError` if it dies, and `TimeoutError` when
        patience ends: the call is then cancelled there.
        """
        if self.dead or self.application is None:
            raise UnreachableError(self.name)

        async def run() -> T:
            assert self.application is not None
            return await work(self.application)

        task = asyncio.get_running_loop().create_task(run(), context=self.context())
        await asyncio.wait({task}, timeout=patience_s)
        if self.dead:
            raise UnreachableError(self.name)
        if not task.done():
            task.cancel()
            raise TimeoutError
        if task.cancelled() or isinstance(task.exception(), CrashError):
            raise UnreachableError(self.name)
        return task.result()


def machine_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **more: Any) -> asyncio.Task[Any]:
    """Make a task that belongs to the process whose code made it."""
    context: Context | None = more.get("context")
    machine = RUNNING_IN.get() if context is None else context.get(RUNNING_IN)
    task: asyncio.Task[Any] = asyncio.Task(coroutine, loop=loop, **more)
    if machine is not None:
        machine.tasks[task] = None
        task.add_done_callback(lambda done: machine.tasks.pop(done, None))
    return task


class SimulatedDatabase:
    """The gateway's database as one process reaches it."""

    def __init__(self, inner: Database, machine: Machine) -> None:
        self._inner = inner
        self._machine = machine
        self._world = machine.world

    async def fetch(
        self, statement: sa.Select[Any], parameters: Mapping[str, Any]
    ) -> Sequence[Row]:
        await self._reach()
        return await self._inner.fetch(statement, parameters)

    async def commit(self, writes: Sequence[Write]) -> None:
        await self._machine.step("before a commit")
        await self._reach()
        await self._inner.commit(writes)
        await self._unheard()
        await self._machine.step("after a commit")

    async def claim(self, statement: sa.Update, parameters: Mapping[str, Any]) -> Sequence[Row]:
        await self._reach()
        rows = await self._inner.claim(statement, parameters)
        if rows:  # where nothing is written there is no step
            await self._unheard()
            await self._machine.step("after a claim")
        return rows

    async def load(self, table: sa.Table, rows: Sequence[Row]) -> None:
        await self._machine.step("before a load")
        await self._reach()
        await self._inner.load(table, rows)
        await self._machine.step("after a load")

    async def ping(self) -> None:
        await self._reach()

    async def close(self) -> None:
        """Leave it open: it is the whole world's."""

    async def _reach(self) -> None:
        await asyncio.sleep(self._world.chaos.latency_s(_DATABASE_S))
        await self._machine.thaw()
        if self._world.chaos.database_is_away(self._world.now_s()):
            raise StorageUnavailableError("the database is down")

    async def _unheard(self) -> None:
        if self._world.chaos.happens(self._world.chaos.commit_unheard):
            text = f"{self._machine.name}: a commit was durable, and nobody heard of it"
            self._world.trace.add(self._world.now_s(), text)
            raise StorageUnavailableError("the connection broke after the commit")


class SimulatedOffice:
    """The back office as one process reaches it: it refuses, hangs, and hears things twice."""

    def __init__(self, inner: SqlBackOffice, machine: Machine) -> None:
        self._inner = inner
        self._machine = machine
        self._world = machine.world

    async def find_order(self, order_id: str) -> DraftOrder | None:
        return await self._read(lambda: self._inner.find_order(order_id))

    async def list_drafts_older_than(
        self, cutoff: datetime, *, page_size: int = 200
    ) -> AsyncIterator[DraftOrder]:
        async for order in self._inner.list_drafts_older_than(cutoff, page_size=page_size):
            await self._machine.thaw()
            yield order

    async def release_order(self, order_id: str, *, payment_id: str, key: str) -> DraftOrder:
        async def release() -> DraftOrder:
            order = await self._inner.find_order(order_id)
            if order is not None:
                await self._world.on_release(order, payment_id)
            return await self._inner.release_order(order_id, payment_id=payment_id, key=key)

        return await self._change(f"release {order_id} for {payment_id}", release)

    async def hold_order(
        self, order_id: str, *, payment_id: str, reason: str, key: str
    ) -> DraftOrder:
        return await self._change(
            f"hold {order_id} for {payment_id}: {reason}",
            lambda: self._inner.hold_order(order_id, payment_id=payment_id, reason=reason, key=key),
        )

    async def cancel_order(self, order_id: str, *, reason: str, key: str) -> DraftOrder:
        return await self._change(
            f"cancel {order_id}: {reason}",
            lambda: self._inner.cancel_order(order_id, reason=reason, key=key),
        )

    async def list_aliases(self, customer_id: str) -> tuple[LegacyAlias, ...]:
        return await self._read(lambda: self._inner.list_aliases(customer_id))

    async def find_aliases(self, names: Collection[str]) -> tuple[LegacyAlias, ...]:
        return await self._read(lambda: self._inner.find_aliases(names))

    async def save_alias(self, alias: LegacyAlias, *, key: str) -> LegacyAlias:
        return await self._change(
            f"save alias {alias.alias}", lambda: self._inner.save_alias(alias, key=key)
        )

    async def delete_alias(self, psp_account: str, alias: str, *, key: str) -> None:
        await self._change(
            f"delete alias {alias}", lambda: self._inner.delete_alias(psp_account, alias, key=key)
        )

    async def post_movement(self, movement: AccountMovement) -> None:
        await self._change(f"post {movement.key}", lambda: self._inner.post_movement(movement))

    async def list_movements(
        self, customer_id: str, *, page_size: int = 200
    ) -> AsyncIterator[AccountMovement]:
        async for movement in self._inner.list_movements(customer_id, page_size=page_size):
            await self._machine.thaw()
            yield movement

    async def balance(self, customer_id: str) -> Mapping[str, int]:
        return await self._read(lambda: self._inner.balance(customer_id))

    async def _read(self, read: Callable[[], Awaitable[T]]) -> T:
        await asyncio.sleep(self._world.chaos.latency_s(_OFFICE_S))
        await self._machine.thaw()
        if self._world.chaos.office_fault():
            raise BackOfficeUnavailableError("read", "no answer in time")
        return await read()

    async def _change(self, said: str, change: Callable[[], Awaitable[T]]) -> T:
        await self._machine.step(f"before the back office: {said}")
        await asyncio.sleep(self._world.chaos.latency_s(_OFFICE_S))
        await self._machine.thaw()
        fault = self._world.chaos.office_fault()
        if fault == "refuses":
            raise BackOfficeUnavailableError(said, "connection refused")
        try:
            answer = await change()
        except Exception as error:
            self._told(said, fault, type(error).__name__)
            raise
        self._told(said, fault, "done")
        if fault == "twice":
            answer = await change()
        if fault == "hangs":
            await asyncio.sleep(_OFFICE_HANGS_S)
        if fault in {"hangs", "acts_and_fails"}:
            raise BackOfficeUnavailableError(said, "no answer in time")
        await self._machine.step(f"after the back office: {said}")
        return answer

    def _told(self, said: str, fault: str, how: str) -> None:
        trouble = f" [{fault}]" if fault else ""
        text = f"{self._machine.name}: back office: {said}{trouble} -> {how}"
        self._world.trace.add(self._world.now_s(), text)
