"""One process of the gateway: the real code, which can die or freeze at each of its steps."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, ContextVar, copy_context
from pathlib import Path
from typing import Any, Protocol, TypeVar

from gateway.bootstrap import Application
from gateway.storage.writes import Write
from legacy_bridge.port import DraftOrder
from tests.simulation.chaos import Chaos
from tests.simulation.trace import Trace

T = TypeVar("T")

_STILL_DAZED_S = 1.0
"""A process that was frozen after its last look acts on that as soon as it thaws, if not later."""
_OFFICES_CODE = str(Path("sqlalchemy", "ext", "asyncio"))

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

    def note_stored(self, writes: Sequence[Write]) -> None:
        """Keep when payments were stored, durably."""

    async def on_wish_to_release(self, order_id: str, payment_id: str, known_s: float) -> None:
        """Look at the payment in the gateway's own books as a process decides to release."""


class Machine:
    """One process. Nothing in its memory survives its death; what it sent is on its way."""

    def __init__(self, name: str, world: Surroundings) -> None:
        self.name = name
        self.world = world
        self.dead = False
        self.application: Application | None = None
        self._frozen_from_s = self._frozen_until_s = -_STILL_DAZED_S
        self._steps_left: int | None = None
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

    def die_within(self, steps: int) -> None:
        """Die at the step of this number from now on, unless the trouble is over by then."""
        self._steps_left = steps

    async def step(self, name: str) -> None:
        """A point at which the process may die, or be frozen for a while; the dead stay dead."""
        self.live()
        chaos = self.world.chaos
        if self._is_doomed() or chaos.happens(chaos.kill):
            self.kill(name)
            raise CrashError(name)
        if chaos.happens(chaos.freeze):
            for_s = chaos.rng.uniform(20.0, 900.0)
            self._frozen_from_s = self.awake_since_s()
            self._frozen_until_s = self.world.now_s() + for_s
            text = f"{self.name}: FROZEN for {for_s:.0f} s {name}"
            self.world.trace.add(self.world.now_s(), text)
        await self.thaw()

    def _is_doomed(self) -> bool:
        if self._steps_left is None or self.world.chaos.over:
            return False
        self._steps_left -= 1
        return self._steps_left <= 0

    async def thaw(self) -> None:
        """Wait until the process runs again."""
        left_s = self._frozen_until_s - self.world.now_s()
        if left_s > 0:
            await asyncio.sleep(left_s)
            await self.thaw()  # frozen anew meanwhile, perhaps
        self.live()

    def awake_since_s(self) -> float:
        """Return until when all that others stored could be known: now, or before it was frozen."""
        has_just_thawed = self.world.now_s() - self._frozen_until_s < _STILL_DAZED_S
        return self._frozen_from_s if has_just_thawed else self.world.now_s()

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
    if machine is not None and not _is_the_offices(coroutine):
        machine.tasks[task] = None
        task.add_done_callback(lambda done: machine.tasks.pop(done, None))
    return task


def _is_the_offices(coroutine: Any) -> bool:
    """Whether it gives the back office's connection back: that is done there, whoever asked dies.

    The office's database is in memory, and would be gone with its one connection.
    """
    code = getattr(coroutine, "cr_code", None)
    return code is not None and _OFFICES_CODE in code.co_filename
